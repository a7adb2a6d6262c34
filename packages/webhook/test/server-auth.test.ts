import { describe, expect, it } from '@jest/globals';
import { InsufficientScopeError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { WebhookServer } from '../src/index.js';
import { http, initialize, ping, toolCall } from './http-client.js';
import { endpoint, openSession, startServer } from './server-system.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { BearerAuthOptions } from '../src/index.js';

const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3600;

const TOKENS: Readonly<Record<string, Partial<AuthInfo>>> = {
  alice: { clientId: 'app', extra: { sub: 'alice' } },
  'alice-again': { clientId: 'app', extra: { sub: 'alice' } },
  mallory: { clientId: 'app', extra: { sub: 'mallory' } },
  machine: { clientId: 'batch' },
  expired: { expiresAt: 1 },
  eternal: { expiresAt: Number.NaN },
  reader: { scopes: ['read'] },
  elsewhere: { resource: new URL('https://elsewhere.example/mcp') },
};

function auth(options: Partial<BearerAuthOptions> = {}): BearerAuthOptions {
  return {
    verifier: {
      async verifyAccessToken(token) {
        if (token === 'broken') throw new Error('no connection to the issuer');
        if (token === 'weak') throw new InsufficientScopeError('too weak');
        const known = TOKENS[token];
        if (known === undefined) throw new InvalidTokenError('unknown token');
        return { token, clientId: 'app', scopes: ['read', 'write'], expiresAt: IN_AN_HOUR, ...known };
      },
    },
    ...options,
  };
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('with auth', () => {
  it.each([
    ['no token', {}, 401, 'invalid_token'],
    ['another scheme', { authorization: 'Basic YTpi' }, 401, 'invalid_token'],
    ['an unknown token', bearer('nonsense'), 401, 'invalid_token'],
    ['an expired token', bearer('expired'), 401, 'invalid_token'],
    ['a token that never expires', bearer('eternal'), 401, 'invalid_token'],
    ['a token for another server', bearer('elsewhere'), 401, 'invalid_token'],
    ['a token without a scope', bearer('reader'), 403, 'insufficient_scope'],
    ['a token its verifier finds too weak', bearer('weak'), 403, 'insufficient_scope'],
  ])('%s is refused on every route but health, and told why', async (_what, headers, status, problem) => {
    const expectedResource = _what.includes('another server') ? 'https://here.example/mcp' : undefined;
    const resourceMetadataUrl = 'https://here.example/.well-known/oauth-protected-resource';
    const server = await startServer({
      auth: auth({ requiredScopes: ['write'], resourceMetadataUrl, expectedResource }),
    });
    for (const method of ['POST', 'DELETE'] as const) {
      const all = { 'x-client-id': 'ada', 'x-session-id': 'one', ...headers };
      const answer = await http(method, server.url, { headers: all, ...(method === 'POST' && { body: ping(1) }) });
      expect([answer.status, (answer.body as { error: { data: unknown } }).error.data]).toEqual([
        status,
        { code: 'ERR_ACCESS_DENIED' },
      ]);
      expect(answer.headers['www-authenticate']).toContain(`Bearer error="${problem}"`);
      expect(answer.headers['www-authenticate']).toContain('scope="write"');
      expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${resourceMetadataUrl}"`);
    }
    expect((await http('GET', `${server.origin}/health`)).status).toBe(200);
    expect(server.errors).toEqual([]);
  });

  it('a verifier that fails is reported, and its caller asked to come again', async () => {
    const server = await startServer({ auth: auth() });
    const headers = { 'x-client-id': 'ada', ...bearer('broken') };
    const answer = await http('POST', server.url, { headers, body: ping(1) });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(server.errors).toMatchObject([{ code: 'ERR_INTERNAL', cause: { message: 'no connection to the issuer' } }]);
  });

  it('handlers are told whose call it is', async () => {
    const server = await startServer({ auth: auth() });
    const { headers, endpoint: hook } = await openSession(server, 'ada', bearer('alice'));
    await http('POST', server.url, { headers, body: toolCall(2, 'slow') });
    server.finish();
    await hook.reply(2);
    const extra = server.lastExtra();
    expect(extra?.authInfo).toMatchObject({ token: 'alice', clientId: 'app', extra: { sub: 'alice' } });
    expect(extra?.requestInfo?.headers['x-client-id']).toBe('ada');
  });

  it('a session serves the principal that opened it, whatever its token, and no other', async () => {
    const server = await startServer({ auth: auth() });
    const { headers, endpoint: hook } = await openSession(server, 'ada', bearer('alice'));
    for (const token of ['mallory', 'machine']) {
      const stolen = { ...headers, ...bearer(token) };
      expect((await http('POST', server.url, { headers: stolen, body: ping(2) })).status).toBe(404);
      expect((await http('DELETE', server.url, { headers: stolen })).status).toBe(404);
    }
    const renewed = { ...headers, ...bearer('alice-again') };
    expect((await http('POST', server.url, { headers: renewed, body: ping(3) })).status).toBe(202);
    await hook.reply(3);
    expect(hook.hooks).toHaveLength(2);
  });

  it('a client id without a session is not another principal’s', async () => {
    const server = await startServer({ auth: auth() });
    await openSession(server, 'ada', bearer('alice'));
    const headers = { 'x-client-id': 'ada', ...bearer('mallory') };
    expect((await http('POST', server.url, { headers, body: ping(2) })).status).toBe(400);
  });

  it('principalOf says who is who', async () => {
    const server = await startServer({ auth: auth({ principalOf: ({ clientId }) => clientId }) });
    const { headers } = await openSession(server, 'ada', bearer('alice'));
    const colleague = { ...headers, ...bearer('mallory') };
    expect((await http('POST', server.url, { headers: colleague, body: ping(2) })).status).toBe(202);
    const machine = { ...headers, ...bearer('machine') };
    expect((await http('POST', server.url, { headers: machine, body: ping(2) })).status).toBe(404);
  });

  it('a principalOf that names nobody lets nobody in', async () => {
    const server = await startServer({ auth: auth({ principalOf: () => '' }) });
    const { url } = await endpoint();
    const headers = { 'x-client-id': 'ada', ...bearer('alice') };
    expect((await http('POST', server.url, { headers, body: initialize(url) })).status).toBe(503);
    expect(server.errors).toMatchObject([{ cause: { code: 'ERR_INVALID_OPTION' } }]);
  });

  it.each([
    [null, /"auth" is null/],
    [{ verifier: {} }, /auth.verifier/],
    [{ ...auth(), resourceMetadataUrl: 5 }, /auth.resourceMetadataUrl/],
    [{ ...auth(), requiredScopes: ['two words'] }, /auth.requiredScopes/],
    [{ ...auth(), verfier: 1 }, /no option "verfier"/],
  ])('options are checked: %j', (wrong, message) => {
    const make = (): WebhookServer =>
      new WebhookServer({ createServer: () => Promise.reject(new Error()), auth: wrong as BearerAuthOptions });
    expect(make).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) }),
    );
  });
});
