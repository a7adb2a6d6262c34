import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createDeferred, rejectionOf } from '@asyncmcp/testkit';
import { createSafeFetch } from '../src/safe-fetch.js';
import { answerWith, redirectTo, startPages } from './support.js';
import type { IncomingMessage } from 'node:http';
import type { LookupAll } from '@asyncmcp/webhook';
import type { SafeFetchOptions } from '../src/safe-fetch.js';
import type { Pages } from './support.js';

const MEBIBYTE = 1_048_576;

let pages: Pages;

beforeEach(async () => {
  pages = await startPages();
  pages.answer = answerWith('<p>Hello.</p>');
});

afterEach(() => pages.close());

const never = new AbortController().signal;

/** Fetches from what the test started, but for other options. */
function get(path: string, options: SafeFetchOptions = {}, signal = never): ReturnType<typeof pages.safeFetch> {
  const allowPrivate = (origin: URL): boolean => origin.origin === pages.origin;
  return createSafeFetch({ allowPrivate, ...options })(new URL(path, pages.origin).href, signal);
}

/** Resolves every name to these. */
function lookupOf(...addresses: string[]): LookupAll {
  return (_hostname, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}

describe('safe fetch', () => {
  it('gets a text, and says what it is', async () => {
    pages.answer = answerWith('Grüße', { 'content-type': 'text/plain; charset=utf-8' });
    expect(await get('/page?of=1')).toEqual({
      url: `${pages.origin}/page?of=1`,
      status: 200,
      contentType: 'text/plain; charset=utf-8',
      bytes: 7,
      text: 'Grüße',
    });
  });

  it('takes an answer that is none for what it is', async () => {
    pages.answer = (_request, response) => void response.writeHead(404, { 'content-type': 'text/plain' }).end('no');
    expect(await get('/')).toMatchObject({ status: 404, text: 'no' });
    pages.answer = (_request, response) => void response.writeHead(204).end();
    expect(await get('/')).toMatchObject({ status: 204, contentType: '', bytes: 0, text: '' });
  });

  it.each([
    ['iso-8859-1', Buffer.from([0x47, 0x72, 0xfc, 0xdf, 0x65]), 'Grüße'],
    ['utf-16le', Buffer.from('Grüße', 'utf16le'), 'Grüße'],
    ['nonsense', Buffer.from('Grüße'), 'Grüße'],
  ])('reads the charset %s', async (charset, body, text) => {
    pages.answer = answerWith(body, { 'content-type': `text/plain; charset=${charset}` });
    expect(await get('/')).toMatchObject({ text });
  });

  it.each([
    'text/markdown',
    'application/json',
    'application/problem+json',
    'application/atom+xml',
    'image/svg+xml; charset=utf-8',
  ])('reads %s', async (type) => {
    pages.answer = answerWith('{}', { 'content-type': type });
    expect(await get('/')).toMatchObject({ contentType: type, text: '{}' });
  });

  it.each(['image/png', 'application/octet-stream', 'application/pdf', 'multipart/form-data; boundary=text/html'])(
    'does not read %s',
    async (type) => {
      pages.answer = answerWith('text', { 'content-type': type });
      await expect(get('/')).rejects.toThrow(`The response is ${type.replace(/;.*/, '')}; only text is read.`);
    },
  );

  it('does not read what has no type', async () => {
    pages.answer = (_request, response) => void response.end('text');
    await expect(get('/')).rejects.toThrow('does not say what type its body is of');
  });

  it('says so when nobody is there', async () => {
    const gone = await startPages();
    await gone.close();
    await expect(get(gone.origin, { allowPrivate: () => true })).rejects.toThrow(
      `Could not get ${gone.origin}/: ECONNREFUSED.`,
    );
  });
});

describe('safe fetch: size', () => {
  const tooLarge = `The body is larger than ${MEBIBYTE} bytes, which is the most that is read.`;

  it('reads a mebibyte', async () => {
    pages.answer = answerWith('a'.repeat(MEBIBYTE));
    expect(await get('/')).toMatchObject({ bytes: MEBIBYTE });
  });

  it('does not read a byte more, whether it is told before or not', async () => {
    pages.answer = answerWith('a'.repeat(MEBIBYTE + 1), { 'content-length': String(MEBIBYTE + 1) });
    await expect(get('/')).rejects.toThrow(tooLarge);
    pages.answer = answerWith('a'.repeat(MEBIBYTE + 1), { 'transfer-encoding': 'chunked' });
    await expect(get('/')).rejects.toThrow(tooLarge);
  });

  it('stops reading what never ends', async () => {
    const closed = createDeferred();
    pages.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = (): void => void (response.destroyed || response.write('a'.repeat(65_536), more));
      response.on('close', closed.resolve);
      more();
    };
    await expect(get('/')).rejects.toThrow(tooLarge);
    await closed.promise;
  });

  it('counts what little becomes when it is decompressed', async () => {
    const bomb = gzipSync(Buffer.alloc(4 * MEBIBYTE));
    expect(bomb.length).toBeLessThan(10_000);
    pages.answer = answerWith(bomb, { 'content-encoding': 'gzip' });
    await expect(get('/')).rejects.toThrow(tooLarge);
    pages.answer = answerWith(gzipSync('small'), { 'content-encoding': 'gzip' });
    expect(await get('/')).toMatchObject({ bytes: 5, text: 'small' });
  });
});

describe('safe fetch: time', () => {
  it.each([
    ['an answer', () => {}],
    [
      'the rest of a body',
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).write('<p>'),
    ],
  ] satisfies [string, Pages['answer']][])('does not wait longer for %s', async (_what, answer) => {
    const closed = createDeferred();
    pages.answer = (request, response) => {
      response.on('close', closed.resolve);
      answer(request, response);
    };
    await expect(get('/', { timeoutMs: 200 })).rejects.toThrow(
      `${pages.origin}/ was not there in 0.2 seconds, so it was given up.`,
    );
    await closed.promise;
  });

  it('does not wait longer for redirects one after the other', async () => {
    const [first, second] = [createDeferred<void>(), createDeferred<IncomingMessage>()];
    pages.answer = (request, response) => {
      if (request.url === '/') {
        first.resolve();
        redirectTo('/hangs')(request, response);
      } else second.resolve(request);
    };
    const fetched = rejectionOf(get('/', { timeoutMs: 500 }));
    await first.promise;
    await once((await second.promise).socket, 'close');
    expect(await fetched).toMatchObject({ name: 'FetchError', message: expect.stringContaining('0.5 seconds') });
  });

  it('does not wait for names that do not resolve', async () => {
    const lookup: LookupAll = () => {};
    await expect(get('http://pages.example/', { timeoutMs: 50, lookup })).rejects.toThrow('0.05 seconds');
  });

  it('stops at once when it is aborted, with the reason of that', async () => {
    const [asked, closed] = [createDeferred(), createDeferred()];
    pages.answer = (_request, response) => {
      response.on('close', closed.resolve);
      asked.resolve();
    };
    const giveUp = new AbortController();
    const fetched = rejectionOf(get('/', {}, giveUp.signal));
    await asked.promise;
    giveUp.abort(new Error('enough'));
    expect(await fetched).toMatchObject({ message: 'enough' });
    await closed.promise;
    await expect(get('/', {}, giveUp.signal)).rejects.toThrow('enough');
    expect(pages.asked).toEqual(['/']);
  });
});

describe('safe fetch: addresses', () => {
  const notPublic = 'is refused: its host is not a public one';

  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '2852039166',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    'localhost',
    'localhost.',
    'metadata.google.internal',
    'printer',
    'router.lan',
  ])('refuses %s', async (host) => {
    const url = `http://${host}:${new URL(pages.origin).port}/`;
    await expect(createSafeFetch({ lookup: lookupOf('127.0.0.1') })(url, never)).rejects.toThrow(notPublic);
    expect(pages.asked).toEqual([]);
  });

  it.each(['10.0.0.1', '127.0.0.1', '::1', '1.1.1.1, 127.0.0.1', '169.254.169.254'])(
    'refuses names that resolve to %s, and does not tell what to',
    async (list) => {
      const addresses = list.split(', ');
      const port = Number(new URL(pages.origin).port);
      const url = `http://pages.example:${port}/`;
      const error = await rejectionOf(createSafeFetch({ lookup: lookupOf(...addresses) })(url, never));
      expect(error).toMatchObject({ name: 'FetchError', message: expect.stringContaining(notPublic) });
      for (const address of addresses) expect(String(error)).not.toContain(address);
      expect(pages.asked).toEqual([]);
    },
  );

  it('connects to the very addresses that it has checked', async () => {
    const url = `http://pages.example:${new URL(pages.origin).port}/`;
    const options = { lookup: lookupOf('127.0.0.1'), allowPrivate: (origin: URL) => origin.host.startsWith('pages.') };
    expect(await get(url, options)).toMatchObject({ url, text: '<p>Hello.</p>' });
  });

  it.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'data:text/html,hello',
    'example.com',
    '',
    'http://',
    'http:\\\\a.b',
  ])('takes "%s" for no URL to fetch', async (url) => {
    await expect(createSafeFetch({ allowPrivate: () => true })(url, never)).rejects.toThrow(
      `"${url}" is not a URL to fetch: it has to be absolute, and http or https.`,
    );
  });

  it('sends no credentials', async () => {
    const url = pages.origin.replace('//', '//user:secret@');
    const error = await rejectionOf(createSafeFetch({ allowPrivate: () => true })(url, never));
    expect(String(error)).toMatch(/has credentials in it/);
    expect(String(error)).not.toContain('secret');
  });
});

describe('safe fetch: redirects', () => {
  /** /1 leads to /2, that to /3, … */
  const onward: Pages['answer'] = (request, response) => {
    const place = Number(request.url?.slice(1));
    if (place < 4) redirectTo(`/${place + 1}`, [301, 302, 303, 307, 308][place])(request, response);
    else answerWith('there')(request, response);
  };

  it('follows three, and says where it got to', async () => {
    pages.answer = onward;
    expect(await get('/1')).toMatchObject({ url: `${pages.origin}/4`, text: 'there' });
  });

  it('follows no more than three', async () => {
    pages.answer = onward;
    await expect(get('/0')).rejects.toThrow(`More than 3 redirects; the last was ${pages.origin}/3.`);
    expect(pages.asked).toEqual(['/0', '/1', '/2', '/3']);
  });

  it.each(['http://169.254.169.254/latest/meta-data', 'http://[::1]/', 'http://localhost/', 'http://2130706433/'])(
    'does not follow one to %s',
    async (location) => {
      pages.answer = redirectTo(location);
      await expect(get('/')).rejects.toThrow(`${new URL(location).href} is refused: its host is not a public one`);
    },
  );

  it('does not follow one to another port of this machine, even by a name', async () => {
    const other = await startPages();
    const { port } = new URL(other.origin);
    for (const host of ['127.0.0.1', 'pages.example']) {
      pages.answer = redirectTo(`http://${host}:${port}/`);
      await expect(get('/', { lookup: lookupOf('127.0.0.1') })).rejects.toThrow('is refused');
    }
    expect(other.asked).toEqual([]);
    await other.close();
  });

  it.each(['file:///etc/passwd', 'javascript:alert(1)'])('does not follow one to %s', async (location) => {
    pages.answer = redirectTo(location);
    await expect(get('/')).rejects.toThrow(`"${location}" is not a URL to fetch`);
  });

  it('says so when one leads to nonsense', async () => {
    pages.answer = redirectTo('http://:80:80');
    await expect(get('/')).rejects.toThrow('redirects to what is no URL: "http://:80:80"');
  });

  it('takes one that leads nowhere for an answer', async () => {
    pages.answer = (_request, response) => void response.writeHead(302, { 'content-type': 'text/plain' }).end('hm');
    expect(await get('/')).toMatchObject({ status: 302, text: 'hm' });
  });
});
