import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { createSigner, createVerifier, generateSecret } from '../src/index.js';
import { failureOf } from './support.js';
import type { SignatureHeaders, VerifierOptions } from '../src/index.js';

const secret = generateSecret();
const other = generateSecret();
const body = '{"jsonrpc":"2.0","id":0,"result":{}}';
const nowSeconds = 1_700_000_000;
const signer = createSigner(secret);

/** A verifier at a fixed time. */
function verifierAt(seconds = nowSeconds, options: Partial<VerifierOptions> = {}) {
  return createVerifier({ secrets: secret, now: () => seconds * 1000, ...options });
}

function signed(overrides: Partial<Record<keyof SignatureHeaders, unknown>> = {}): Record<string, unknown> {
  return { ...signer.sign('msg_1', body, nowSeconds), ...overrides };
}

function refusalOf(
  headers: Record<string, unknown>,
  text: string | Uint8Array = body,
  verifier = verifierAt(),
): unknown {
  return failureOf(() => verifier.verify(headers, text));
}

const refused = (reason: string) => ({
  name: 'AsyncMcpError',
  code: 'ERR_SIGNATURE_INVALID',
  details: { reason },
});

const webhookId = fc
  .string({
    minLength: 1,
    maxLength: 256,
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
  })
  .map((id) => id.replaceAll('.', '-'));
const secretOf = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);

describe('signatures', () => {
  it('are those of the specification', () => {
    // An example that the libraries of Standard Webhooks share in their tests.
    const example = createSigner('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    expect(example.sign('msg_p5jXN8AQM9LWM0D4loKWxJek', '{"test": 2432232314}', 1_614_265_330)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('are signed now unless told when', () => {
    const before = Math.floor(Date.now() / 1000);
    const sentAt = Number(signer.sign('msg_1', body)['webhook-timestamp']);
    expect(sentAt).toBeGreaterThanOrEqual(before);
    expect(sentAt).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
  });

  it('are the same bytes as those of standardwebhooks, whatever the secret, the id and the text', () => {
    fc.assert(
      fc.property(secretOf, webhookId, fc.nat(), fc.string({ unit: 'binary' }), (key, id, sentAt, text) => {
        const ours = createSigner(key).sign(id, text, sentAt)['webhook-signature'];
        expect(ours).toBe(new Webhook(key).sign(id, new Date(sentAt * 1000), text));
      }),
    );
  });

  it('made here are good there', () => {
    fc.assert(
      fc.property(secretOf, webhookId, fc.json(), (key, id, text) => {
        const headers = createSigner([other, key]).sign(id, text);
        expect(new Webhook(key).verify(text, { ...headers })).toEqual(JSON.parse(text));
      }),
    );
  });

  it('made there are good here', () => {
    const verifier = verifierAt(nowSeconds, { secrets: [other, secret] });
    fc.assert(
      fc.property(webhookId, fc.string({ unit: 'binary' }), fc.boolean(), (id, text, asBytes) => {
        const signature = new Webhook(secret).sign(id, new Date(nowSeconds * 1000), text);
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(nowSeconds),
          'webhook-signature': signature,
        };
        expect(verifier.verify(headers, asBytes ? Buffer.from(text) : text)).toEqual({ id, timestamp: nowSeconds });
      }),
    );
  });

  it('cover any bytes, each of them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (bytes, at, flip) => {
          const headers = { ...signer.sign('msg_1', bytes, nowSeconds) };
          expect(verifierAt().verify(headers, bytes)).toEqual({ id: 'msg_1', timestamp: nowSeconds });
          const tampered = bytes.map((byte, index) => (index === at % bytes.length ? byte ^ flip : byte));
          expect(refusalOf(headers, tampered)).toMatchObject(refused('mismatch'));
        },
      ),
    );
  });
});

describe('a message is refused', () => {
  const good = signer.sign('msg_1', body, nowSeconds)['webhook-signature'];

  it.each([
    ['its body was changed', signed(), `${body} `],
    ['its body was removed', signed(), ''],
    ['its id was swapped', signed({ 'webhook-id': 'msg_2' }), body],
    ['its timestamp was moved', signed({ 'webhook-timestamp': String(nowSeconds + 1) }), body],
    ['it was signed with another secret', { ...createSigner(other).sign('msg_1', body, nowSeconds) }, body],
    ['its signature is of something else', { ...signer.sign('msg_1', 'x', nowSeconds), 'webhook-id': 'msg_1' }, body],
    ['its signature lost a letter of its case', signed({ 'webhook-signature': good.toLowerCase() }), body],
  ])('when %s', (_what, headers, text) => {
    expect(refusalOf(headers, text)).toMatchObject(refused('mismatch'));
  });

  it('whichever character of its signature was changed', () => {
    for (let index = 'v1,'.length; index < good.length; index++) {
      const changed = good[index] === 'A' ? 'B' : 'A';
      const headers = signed({ 'webhook-signature': good.slice(0, index) + changed + good.slice(index + 1) });
      expect(refusalOf(headers)).toMatchObject(refused('mismatch'));
    }
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('without %s', (name) => {
    expect(refusalOf(signed({ [name]: undefined }))).toMatchObject(refused('missing'));
    expect(refusalOf(signed({ [name]: '' }))).toMatchObject(refused('missing'));
  });

  it('when its headers are only inherited', () => {
    const headers = Object.create(signed()) as Record<string, unknown>;
    expect(refusalOf(headers)).toMatchObject(refused('missing'));
  });

  it.each([
    ['webhook-id', 'x'.repeat(257)],
    ['webhook-id', 'two words'],
    ['webhook-id', 'a.b'],
    ['webhook-id', 'ümlaut'],
    ['webhook-id', 'line\nbreak'],
    ['webhook-id', 'msg_1, msg_1'],
    ['webhook-id', ['msg_1', 'msg_1']],
    ['webhook-id', ['msg_1']],
    ['webhook-id', 1],
    ['webhook-timestamp', ' 1700000000'],
    ['webhook-timestamp', '01700000000'],
    ['webhook-timestamp', '1700000000.0'],
    ['webhook-timestamp', '1.7e9'],
    ['webhook-timestamp', '0x6553f100'],
    ['webhook-timestamp', '-1700000000'],
    ['webhook-timestamp', '１７００００００００'],
    ['webhook-timestamp', '9'.repeat(5000)],
    ['webhook-timestamp', 'now'],
    ['webhook-timestamp', nowSeconds],
    ['webhook-signature', 'x'],
    ['webhook-signature', 'v1'],
    ['webhook-signature', 'v1,'],
    ['webhook-signature', good.slice('v1,'.length)],
    ['webhook-signature', good.replace('v1,', 'v2,')],
    ['webhook-signature', good.replace('v1,', 'v1a,')],
    ['webhook-signature', good.replace('v1,', 'V1,')],
    ['webhook-signature', good.replace('=', '')],
    ['webhook-signature', `${good}=`],
    ['webhook-signature', `v1,${'ü'.repeat(44)}`],
    ['webhook-signature', [good]],
    ['webhook-signature', `${good} ${'x'.repeat(4096)}`],
    ['webhook-signature', 'v1,'.repeat(100_000)],
    ['webhook-signature', { toString: () => good }],
  ])('when its %s is %p', (name, value) => {
    expect(refusalOf(signed({ [name]: value }))).toMatchObject(refused('malformed'));
  });

  it('when it takes two bytes a character to have the right length', () => {
    expect(refusalOf(signed({ 'webhook-signature': `v1,${'ü'.repeat(22)}` }))).toMatchObject(refused('mismatch'));
  });

  it('by an error of its own, whatever its headers and body are', () => {
    const name = fc.constantFrom('webhook-id', 'webhook-timestamp', 'webhook-signature', '__proto__', 'x');
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('msg_1', String(nowSeconds), `v1,${'A'.repeat(44)}`),
      fc.anything(),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.uint8Array(), (headers, bytes) => {
        expect(refusalOf(headers, bytes)).toMatchObject({ code: 'ERR_SIGNATURE_INVALID' });
      }),
    );
  });

  it('without a word of what was sent or of the secret', () => {
    const message = String(refusalOf(signed({ 'webhook-signature': `v1,${'A'.repeat(43)}=` })));
    expect(message).not.toContain('AAAA');
    expect(message).not.toContain(secret.slice(6, 16));
  });
});

describe('the timestamp', () => {
  it.each([-300, -1, 0, 1, 300])('may be %i seconds from now', (offset) => {
    expect(verifierAt(nowSeconds + offset).verify(signed(), body)).toEqual({ id: 'msg_1', timestamp: nowSeconds });
  });

  it.each([-301, 301, -1_700_000_000, 86_400])('must not be %i seconds from now', (offset) => {
    expect(refusalOf(signed(), body, verifierAt(nowSeconds + offset))).toMatchObject(refused('stale'));
  });

  it('counts in whole seconds, as it is written', () => {
    const verifier = createVerifier({ secrets: secret, now: () => (nowSeconds + 300) * 1000 + 999 });
    expect(verifier.verify(signed(), body).timestamp).toBe(nowSeconds);
  });

  it('is held to another tolerance where one is set', () => {
    expect(verifierAt(nowSeconds + 5, { toleranceSeconds: 5 }).verify(signed(), body).timestamp).toBe(nowSeconds);
    const verifier = verifierAt(nowSeconds + 6, { toleranceSeconds: 5 });
    expect(refusalOf(signed(), body, verifier)).toMatchObject(refused('stale'));
  });

  it('is looked at before the body is: an old message costs nothing', () => {
    const hashed = { [Symbol.toPrimitive]: () => 'never' } as unknown as string;
    expect(refusalOf(signed(), hashed, verifierAt(nowSeconds + 1000))).toMatchObject(refused('stale'));
  });
});

describe('while a secret is being replaced', () => {
  it('a message is signed with all of them, and one is enough', () => {
    const headers = { ...createSigner([other, secret]).sign('msg_1', body, nowSeconds) };
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secrets of [secret, other, [secret, other], [generateSecret(), secret]]) {
      expect(verifierAt(nowSeconds, { secrets }).verify(headers, body).id).toBe('msg_1');
    }
    expect(refusalOf(headers, body, verifierAt(nowSeconds, { secrets: generateSecret() }))).toMatchObject(
      refused('mismatch'),
    );
  });

  it('a message signed with the old one is good until that is removed', () => {
    const verifier = verifierAt(nowSeconds, { secrets: [other, secret] });
    expect(verifier.verify(signed(), body).id).toBe('msg_1');
    expect(refusalOf(signed(), body, verifierAt(nowSeconds, { secrets: [other] }))).toMatchObject(refused('mismatch'));
  });

  it('signatures of versions not known are passed over', () => {
    const good = signer.sign('msg_1', body, nowSeconds)['webhook-signature'];
    const wrong = `v1,${'A'.repeat(43)}=`;
    for (const value of [
      `v1a,xyz ${good}`,
      `${good} v9,${'x'.repeat(3000)}`,
      `${wrong} ${wrong} ${good}`,
      `  ${good} `,
    ]) {
      expect(verifierAt().verify(signed({ 'webhook-signature': value }), body).id).toBe('msg_1');
    }
  });

  it('many wrong signatures are not one right one', () => {
    const wrong = Array.from({ length: 80 }, (_, index) => `v1,${String(index).padStart(43, 'A')}=`).join(' ');
    expect(refusalOf(signed({ 'webhook-signature': wrong }))).toMatchObject(refused('mismatch'));
  });
});

describe('what cannot be signed', () => {
  it.each(['', 'a.b', 'two words', 'ü', 'x'.repeat(257), 'line\r\nbreak: x'])('is the id %p', (id) => {
    expect(failureOf(() => signer.sign(id, body))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  it.each([-1, 1.5, Number.NaN, Infinity, 1e21])('is the timestamp %p', (timestamp) => {
    expect(failureOf(() => signer.sign('msg_1', body, timestamp))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });
});

describe('options', () => {
  const withBytes = (count: number) => `whsec_${Buffer.alloc(count, 7).toString('base64')}`;

  it.each([24, 32, 64])('a secret of %i bytes is taken', (count) => {
    expect(createSigner(withBytes(count)).sign('a', body)['webhook-signature']).toMatch(/^v1,/);
  });

  it.each([
    withBytes(0),
    withBytes(23),
    withBytes(65),
    withBytes(32).replace('whsec_', ''),
    withBytes(32).replace('whsec_', 'whsk_'),
    withBytes(32).replace('=', ''),
    withBytes(32).replace('B', '-'),
    `${withBytes(32)} `,
    ` ${withBytes(32)}`,
    'swordfish',
    'whsec_',
    `whsec_${'é'.repeat(40)}`,
  ])('the secret %p is refused, and not shown', (wrong) => {
    for (const make of [() => createSigner(wrong), () => createVerifier({ secrets: [secret, wrong] })]) {
      const failure = failureOf(make);
      expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('"secrets') });
      const shown = JSON.stringify(failure) + String(failure);
      expect(shown.replaceAll('whsec_\\"', '').replaceAll('whsec_"', '')).not.toContain(wrong.slice(-10));
      expect(shown).not.toContain(secret.slice(6));
    }
  });

  it.each([undefined, null, 7, {}, [], [7], '', [''], Array.from({ length: 9 }, () => secret)])(
    'secrets %p are refused',
    (secrets) => {
      const options = { secrets } as unknown as VerifierOptions;
      expect(failureOf(() => createVerifier(options))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
      expect(String(failureOf(() => createVerifier(options)))).not.toContain(secret.slice(6));
    },
  );

  it.each([
    ['toleranceSeconds', 0],
    ['toleranceSeconds', 3601],
    ['toleranceSeconds', '300'],
    ['now', 5],
    ['tolerance', 5],
  ])('%s: %p is refused', (option, value) => {
    expect(failureOf(() => createVerifier({ secrets: secret, [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      details: { option },
    });
  });

  it('a generated secret is good, also to standardwebhooks, and a new one each time', () => {
    const made = generateSecret();
    expect(made).not.toBe(generateSecret());
    const headers = createSigner(made).sign('msg_1', body);
    expect(new Webhook(made).verify(body, { ...headers })).toEqual(JSON.parse(body));
  });

  it('neither signer nor verifier shows its secret when it is looked at', () => {
    expect(JSON.stringify([createSigner(secret), createVerifier({ secrets: secret })])).not.toContain(
      secret.slice(6, 16),
    );
  });
});
