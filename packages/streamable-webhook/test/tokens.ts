/** A verifier of access tokens, as the option `auth` takes one: these are good for an hour, and each is its owner's name. */
export function verifierOf(...known: readonly string[]) {
  return {
    async verifyAccessToken(token: string) {
      if (!known.includes(token)) throw Object.assign(new Error('no'), { errorCode: 'invalid_token' });
      return { token, clientId: token, scopes: [], expiresAt: Math.floor(Date.now() / 1000) + 3600 };
    },
  };
}
