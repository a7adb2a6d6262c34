import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { isAsyncMcpError } from '@asyncmcp/core';
import { rejectionOf } from '@asyncmcp/testkit';
import fc from 'fast-check';
import { createUrlGuard } from '../src/index.js';
import { NOT_PUBLIC, PUBLIC, dotted, inPrefix, inPrefix6, publicIpv4 } from './addresses.js';
import { failureOf, stubLookup } from './support.js';
import type { LookupAddress, LookupOptions } from 'node:dns';
import type { UrlGuard, UrlGuardOptions, WebhookUrlInfo } from '../src/index.js';

const guard = createUrlGuard();

/** The reason for which `url` is refused. */
async function reasonFor(url: string | URL, by: UrlGuard = guard): Promise<unknown> {
  const refusal = await rejectionOf(by.check(url));
  if (!isAsyncMcpError(refusal, 'ERR_REPLY_ADDRESS_REFUSED')) throw refusal;
  return refusal.details['reason'];
}

/** What `lookupFor` gives a socket. */
function resolve(by: UrlGuard, url: string, options: LookupOptions = { all: true }): Promise<unknown> {
  const { hostname } = new URL(url);
  return new Promise((done, failed) => {
    by.lookupFor(new URL(url))(hostname, options, (error, address, family) => {
      if (error) failed(error);
      else done(family === undefined ? address : [address, family]);
    });
  });
}

const address = 'address';
const host = 'host';
const malformed = 'malformed';

const HOSTILE: readonly (readonly [url: string, reason: string])[] = [
  // this machine and its network, in all notations of IPv4
  ['https://127.0.0.1/', address],
  ['https://127.1/', address],
  ['https://127.0.1/', address],
  ['https://2130706433/', address],
  ['https://017700000001/', address],
  ['https://0177.0.0.1/', address],
  ['https://0x7f000001/', address],
  ['https://0x7f.1/', address],
  ['https://0X7F.0x0.0x0.0x1/', address],
  ['https://0/', address],
  ['https://0.0.0.0/', address],
  ['https://127.0.0.1./', address],
  ['https://%31%32%37.0.0.1/', address],
  ['https://１２７.0.0.1/', address],
  ['https://127。0。0。1/', address],
  ['https://①②⑦.⓪.⓪.①/', address],
  ['https://10.0.0.1/', address],
  ['https://167772161/', address],
  ['https://172.16.0.1/', address],
  ['https://192.168.0.1/', address],
  ['https://0300.0250.0.1/', address],
  ['https://100.64.0.1/', address],
  ['https://198.18.0.1/', address],
  ['https://224.0.0.1/', address],
  ['https://240.0.0.1/', address],
  ['https://255.255.255.255/', address],
  // cloud metadata
  ['https://169.254.169.254/latest/meta-data/', address],
  ['https://2852039166/', address],
  ['https://0xa9fea9fe/', address],
  ['https://0251.0376.0251.0376/', address],
  ['https://[::ffff:a9fe:a9fe]/', address],
  ['https://[fd00:ec2::254]/', address],
  ['https://168.63.129.16/', address],
  ['https://100.100.100.200/', address],
  ['https://metadata.google.internal/', host],
  ['https://METADATA.GOOGLE.INTERNAL/', host],
  // IPv6
  ['https://[::1]/', address],
  ['https://[0:0:0:0:0:0:0:1]/', address],
  ['https://[0000::0001]/', address],
  ['https://[::]/', address],
  ['https://[::127.0.0.1]/', address],
  ['https://[::ffff:127.0.0.1]/', address],
  ['https://[::ffff:7f00:1]/', address],
  ['https://[::FFFF:0x7f000001]/', malformed],
  ['https://[::ffff:0:127.0.0.1]/', address],
  ['https://[64:ff9b::127.0.0.1]/', address],
  ['https://[64:ff9b::a00:1]/', address],
  ['https://[64:ff9b:1::1]/', address],
  ['https://[2002:7f00:1::]/', address],
  ['https://[2001:0:0:1::]/', address],
  ['https://[fe80::1]/', address],
  ['https://[fe80::1%25eth0]/', malformed],
  ['https://[fe80::1%eth0]/', malformed],
  ['https://[fc00::1]/', address],
  ['https://[ff02::1]/', address],
  ['https://[2001:db8::1]/', address],
  // names
  ['https://localhost/', host],
  ['https://LOCALHOST/', host],
  ['https://ｌｏｃａｌｈｏｓｔ/', host],
  ['https://l%6fcalhost/', host],
  ['https://loc\u00adalhost/', host],
  ['https://a.localhost/', host],
  ['https://localhost.localdomain/', host],
  ['https://localhost./', host],
  ['https://localhost../', host],
  ['https://a.internal./', host],
  ['https://example.com./', host],
  ['https://example.com../', host],
  ['https://example..com/', host],
  ['https://.example.com/', host],
  ['https://./', host],
  ['https://redis/', host],
  ['https://printer.local/', host],
  ['https://api.default.svc.cluster.local/', host],
  ['https://router.home.arpa/', host],
  ['https://wiki.corp/', host],
  ['https://x.onion/', host],
  [`https://${'a.'.repeat(130)}com/`, host],
  [`https://${'a'.repeat(64)}.com/`, host],
  // credentials
  ['https://user:pass@example.com/', 'credentials'],
  ['https://user@example.com/', 'credentials'],
  ['https://:@example.com/', 'credentials'],
  ['https://@example.com/', 'credentials'],
  ['https://example.com@127.0.0.1/', 'credentials'],
  ['https://example.com%2f@127.0.0.1/', 'credentials'],
  // ports
  ['https://example.com:22/', 'port'],
  ['https://example.com:25/', 'port'],
  ['https://example.com:80/', 'port'],
  ['https://example.com:6379/', 'port'],
  ['https://example.com:65535/', 'port'],
  ['https://example.com:0/', 'port'],
  ['https://example.com:65536/', malformed],
  ['https://example.com:443:80/', malformed],
  // schemes
  ['http://example.com/', 'scheme'],
  ['HTTP://example.com/', 'scheme'],
  ['ftp://example.com/', 'scheme'],
  ['ws://example.com/', 'scheme'],
  ['gopher://example.com:70/_x', 'scheme'],
  ['dict://example.com:11211/', 'scheme'],
  ['unix://var/run/docker.sock', 'scheme'],
  ['file://example.com/etc/passwd', 'scheme'],
  ['blob:https://example.com/x', malformed],
  ['file:///etc/passwd', malformed],
  ['data:text/plain,x', malformed],
  ['javascript:alert(1)', malformed],
  // what a parser mends
  ['', malformed],
  ['example.com', malformed],
  ['//example.com/', malformed],
  ['/path', malformed],
  ['https:example.com', malformed],
  ['https:/example.com', malformed],
  ['https:///127.0.0.1/', malformed],
  ['https:\\\\127.0.0.1\\', malformed],
  ['https://example.com\\@127.0.0.1/', malformed],
  [' https://example.com/', malformed],
  ['https://example.com/\n', malformed],
  ['https://exa\tmple.com/', malformed],
  ['https://exa mple.com/', malformed],
  ['https://example.com/\u0000', malformed],
  ['https://example.com%00.evil.example/', malformed],
  ['https://256.0.0.1/', malformed],
  ['https://1.2.3.4.5/', malformed],
  ['https://08.0.0.1/', malformed],
  ['https://[::1/', malformed],
  ['https://?x', malformed],
  [`https://example.com/${'x'.repeat(2048)}`, malformed],
];

describe('by default', () => {
  it.each(HOSTILE)('%s is refused', async (url, reason) => {
    expect(await reasonFor(url)).toBe(reason);
  });

  it('a URL object is read like its text', async () => {
    expect(await reasonFor(new URL('https://0x7f.1/'))).toBe(address);
    expect(await reasonFor(new URL('https://user:pass@example.com/'))).toBe('credentials');
    const url = new URL('https://example.com/hook');
    const checked = await guard.check(url);
    expect(checked.href).toBe(url.href);
    expect(checked).not.toBe(url);
  });

  it.each([
    ['https://example.com', 'https://example.com/'],
    ['https://example.com/hook?x=1#y', 'https://example.com/hook?x=1#y'],
    ['https://Example.COM:443/hook', 'https://example.com/hook'],
    ['https://example.com:8443/hook', 'https://example.com:8443/hook'],
    ['https://bücher.example/hook', 'https://xn--bcher-kva.example/hook'],
    ['https://a_b.example.com/hook', 'https://a_b.example.com/hook'],
    ['https://localhost.example.com/', 'https://localhost.example.com/'],
    ['https://example.com/@127.0.0.1/', 'https://example.com/@127.0.0.1/'],
    ['https://134744072/', 'https://8.8.8.8/'],
  ])('%s is allowed', async (url, href) => {
    expect((await guard.check(url)).href).toBe(href);
  });

  it('public addresses are allowed, as they are or in any notation', async () => {
    await fc.assert(
      fc.asyncProperty(publicIpv4, async (value) => {
        for (const notation of notationsOf(value)) {
          expect((await guard.check(`https://${notation}/`)).hostname).toBe(dotted(value));
        }
        await guard.check(`https://[::ffff:${dotted(value)}]/`);
        await guard.check(`https://[64:ff9b::${dotted(value)}]/`);
      }),
    );
  });

  it('private addresses are refused, in any notation', async () => {
    await fc.assert(
      fc.asyncProperty(inPrefix, async ({ value }) => {
        const mapped = ['::ffff:', '64:ff9b::', '::'].map((prefix) => `[${prefix}${dotted(value)}]`);
        for (const notation of [...notationsOf(value), ...mapped]) {
          expect(await reasonFor(`https://${notation}/`)).toBe(address);
        }
      }),
    );
    await fc.assert(
      fc.asyncProperty(inPrefix6, async (text) => {
        expect(await reasonFor(`https://[${text}]/`)).toBe(address);
        expect(await reasonFor(`https://[${text.toUpperCase()}]:8443/x`)).toBe(address);
      }),
    );
  });

  it('anything is either refused with the one code or understood', async () => {
    const text = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.string({ unit: 'binary' }).map((rest) => `https://${rest}`),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(text, async (url) => {
        const outcome = await guard.check(url).catch((error: unknown) => error);
        const fine = outcome instanceof URL || isAsyncMcpError(outcome, 'ERR_REPLY_ADDRESS_REFUSED');
        expect(fine).toBe(true);
      }),
    );
  });
});

/** All the ways in which URLs spell an IPv4 address. */
function notationsOf(value: number): string[] {
  const octets = dotted(value).split('.').map(Number);
  const octal = (part: number): string => `0${part.toString(8)}`;
  const hex = (part: number): string => `0x${part.toString(16)}`;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return [
    octets.join('.'),
    `${octets.join('.')}.`,
    octets.map(octal).join('.'),
    octets.map(hex).join('.'),
    String(value),
    octal(value),
    hex(value),
    `${a}.${b * 65_536 + c * 256 + d}`,
    `${hex(a)}.${b}.${octal(c * 256 + d)}`,
  ];
}

describe('a refusal', () => {
  it('says what was refused and why, and shows no more of the URL than origin and path', async () => {
    const url = 'https://example.com:22/hook?token=s3cret#s3cret';
    expect(await rejectionOf(guard.check(url))).toMatchObject({
      name: 'AsyncMcpError',
      code: 'ERR_REPLY_ADDRESS_REFUSED',
      message:
        'Webhook URL https://example.com:22/hook refused: port 22 is none of 443, 8443. If it is right, open it with allowWebhookUrl.',
      details: { reason: 'port', url: 'https://example.com:22/hook' },
    });
  });

  it.each([
    'https://user:s3cret@example.com/',
    'https://s3cret@127.0.0.1/?s3cret',
    'ftp://s3cret:s3cret@example.com/s3cret',
    's3cret',
    'https://exa mple.com/s3cret',
    'http://example.com/?s3cret',
  ])('of %s shows no secret', async (url) => {
    const refusal = await rejectionOf(guard.check(url));
    expect(String(refusal) + JSON.stringify(refusal)).not.toContain('s3cret');
  });

  it('is short, whatever the path', async () => {
    const refusal = await rejectionOf(guard.check(`https://localhost/${'x'.repeat(2000)}`));
    expect(String(refusal).length).toBeLessThan(400);
  });

  it('names an address in the details, but does not tell a stranger where a name leads', async () => {
    const refusal = await rejectionOf(
      resolve(createUrlGuard({ lookup: stubLookup(['10.1.2.3']) }), 'https://db.example.com/x'),
    );
    expect(refusal).toMatchObject({
      code: 'ERR_REPLY_ADDRESS_REFUSED',
      details: { reason: 'address', address: '10.1.2.3', range: 'private', url: 'https://db.example.com/x' },
    });
    expect(String(refusal)).not.toMatch(/10\.1\.2\.3|private/);
  });
});

describe('when a name is resolved', () => {
  const lookingUp = (...answers: Parameters<typeof stubLookup>) => createUrlGuard({ lookup: stubLookup(...answers) });
  const url = 'https://hook.example.com/';

  it('public addresses are handed on, in their order', async () => {
    const answer = ['2606:4700:4700::1111', '1.1.1.1'];
    expect(await resolve(lookingUp(answer), url)).toEqual([
      { address: '2606:4700:4700::1111', family: 6 },
      { address: '1.1.1.1', family: 4 },
    ]);
    expect(await resolve(lookingUp(answer), url, {})).toEqual(['2606:4700:4700::1111', 6]);
    for (const one of PUBLIC) expect(await resolve(lookingUp([one]), url, {})).toEqual([one, expect.any(Number)]);
  });

  it.each(NOT_PUBLIC)('%s is refused, alone or among others, first or last', async (one) => {
    for (const answer of [[one], ['1.1.1.1', one], [one, '1.1.1.1'], ['1.1.1.1', '8.8.8.8', one, '9.9.9.9']]) {
      for (const options of [{ all: true }, {}, { family: 4 }]) {
        expect(await rejectionOf(resolve(lookingUp(answer), url, options))).toMatchObject({
          code: 'ERR_REPLY_ADDRESS_REFUSED',
          details: { reason: 'address', address: one },
        });
      }
    }
  });

  it('each time counts: public first, private then', async () => {
    const rebinding = lookingUp(['1.1.1.1'], ['127.0.0.1']);
    await resolve(rebinding, url);
    expect(await rejectionOf(resolve(rebinding, url))).toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
  });

  it('what is no address is refused', async () => {
    for (const answer of [['example.com'], ['fe80::1%eth0'], ['']]) {
      expect(await rejectionOf(resolve(lookingUp(answer), url))).toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
    }
  });

  it('a failure is handed on as it is, and no address at all is one', async () => {
    const failure = Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' });
    expect(await rejectionOf(resolve(lookingUp(failure), url))).toBe(failure);
    expect(await rejectionOf(resolve(lookingUp([]), url))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('a cache that changes its answer while a policy thinks gains nothing', async () => {
    const answer: LookupAddress[] = [{ address: '10.0.0.1', family: 4 }];
    const changing = createUrlGuard({
      lookup: (_name, _options, callback) => callback(null, answer),
      allowWebhookUrl: () => {
        answer.splice(0, 1, { address: '127.0.0.1', family: 4 });
        return true;
      },
    });
    expect(await resolve(changing, url)).toEqual([{ address: '10.0.0.1', family: 4 }]);
  });
});

describe('allowWebhookUrl', () => {
  afterEach(() => void jest.useRealTimers());

  function asking(answer: NonNullable<UrlGuardOptions['allowWebhookUrl']>, options: UrlGuardOptions = {}) {
    const asked: [string, WebhookUrlInfo][] = [];
    const opened = createUrlGuard({
      ...options,
      allowWebhookUrl: (url, info) => {
        asked.push([url.href, info]);
        return answer(url, info);
      },
    });
    return { asked, opened };
  }

  it('is asked about each thing that is against a URL, by its origin', async () => {
    const { asked, opened } = asking(() => true);
    expect((await opened.check('http://127.0.0.1:3000/hook?token=x')).href).toBe('http://127.0.0.1:3000/hook?token=x');
    expect(asked).toEqual([
      ['http://127.0.0.1:3000/', { reason: 'scheme' }],
      ['http://127.0.0.1:3000/', { reason: 'port' }],
      ['http://127.0.0.1:3000/', { reason: 'address', address: '127.0.0.1', range: 'loopback' }],
    ]);
  });

  it('is asked about each address of a name that is not public', async () => {
    const lookup = stubLookup(['10.0.0.1', '1.1.1.1', '::1']);
    const { asked, opened } = asking(async (_url, { address: one }) => one !== '::1', { lookup });
    expect(await rejectionOf(resolve(opened, 'https://db.example.com:8443/'))).toMatchObject({
      details: { address: '::1' },
    });
    expect(asked).toEqual([
      ['https://db.example.com:8443/', { reason: 'address', address: '10.0.0.1', range: 'private' }],
      ['https://db.example.com:8443/', { reason: 'address', address: '::1', range: 'loopback' }],
    ]);
  });

  it('must overlook all of it', async () => {
    for (const reason of ['scheme', 'port', 'address'] as const) {
      const { opened } = asking((_url, info) => info.reason !== reason);
      expect(await reasonFor('http://127.0.0.1:3000/', opened)).toBe(reason);
    }
  });

  it('is not asked about what nothing is against', async () => {
    const { asked, opened } = asking(() => false, { lookup: stubLookup(['1.1.1.1']) });
    await opened.check('https://example.com/');
    await resolve(opened, 'https://example.com/');
    expect(asked).toEqual([]);
  });

  it.each([
    ['https://user:pass@example.com/', 'credentials'],
    ['ftp://example.com/', 'scheme'],
    ['unix://var/run/docker.sock', 'scheme'],
    ['https:\\\\example.com/', malformed],
    ['x', malformed],
  ])('cannot open %s', async (url, reason) => {
    const { asked, opened } = asking(() => true);
    expect(await reasonFor(url, opened)).toBe(reason);
    expect(asked).toEqual([]);
  });

  it('opens with true, and with nothing that is merely true enough', async () => {
    const answers: unknown[] = [undefined, null, 1, 'yes', {}, Promise.resolve('yes')];
    for (const answer of answers) {
      const { opened } = asking(() => answer as boolean);
      expect(await reasonFor('https://localhost/', opened)).toBe(host);
    }
  });

  it('refuses when it fails, and says why', async () => {
    const failure = new Error('no database');
    for (const answer of [
      () => Promise.reject(failure),
      () => {
        throw failure;
      },
    ]) {
      expect(await rejectionOf(asking(answer).opened.check('https://localhost/'))).toMatchObject({
        code: 'ERR_REPLY_ADDRESS_REFUSED',
        cause: failure,
      });
    }
  });

  it('refuses when it does not answer', async () => {
    jest.useFakeTimers();
    const refusal = rejectionOf(asking(() => new Promise(() => {})).opened.check('https://localhost/'));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(await refusal).toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
  });
});

describe('options', () => {
  it('other ports may be allowed', async () => {
    const other = createUrlGuard({ allowedPorts: [443, 9443] });
    await other.check('https://example.com:9443/');
    await other.check('https://example.com/');
    expect(await reasonFor('https://example.com:8443/', other)).toBe('port');
  });

  it.each([
    ['allowWebhookUrl', true],
    ['allowedPorts', []],
    ['allowedPorts', [0]],
    ['allowedPorts', [65_536]],
    ['allowedPorts', ['443']],
    ['allowedPorts', 443],
    ['lookup', {}],
    ['allowUrl', () => true],
  ])('%s: %p is refused', (option, value) => {
    expect(failureOf(() => createUrlGuard({ [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      details: { option },
    });
  });
});
