import { describe, expect, it } from '@jest/globals';
import { createUrlGuard } from '@asyncmcp/webhook';
import { allowWebhooksTo } from '../src/serve-webhook.js';

const allowLoopback = allowWebhooksTo([]);

describe('the webhooks that the demo allows', () => {
  const guard = createUrlGuard({ allowWebhookUrl: allowLoopback });

  it.each([
    'http://127.0.0.1:8001/webhook',
    'http://127.1.2.3/webhook',
    'http://localhost:8001/webhook',
    'http://[::1]:8001/webhook',
    'https://example.com/webhook',
  ])('lets replies go to %s', async (url) => {
    expect(String(await guard.check(url))).toBe(url);
  });

  it.each([
    'http://example.com/webhook',
    'https://example.com:8001/webhook',
    'https://10.0.0.1/webhook',
    'http://169.254.169.254/latest/meta-data',
    'http://0.0.0.0:8001/webhook',
    'http://localhost.example.com:8001/webhook',
    'http://127.0.0.1.example.com/webhook',
    'http://user:password@127.0.0.1/webhook',
  ])('does not let them go to %s', async (url) => {
    await expect(guard.check(url)).rejects.toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
  });

  it('does not take a name for what it resolves to', () => {
    const address = '127.0.0.1';
    const loopback = { reason: 'address', range: 'loopback', address } as const;
    expect(allowLoopback(new URL('http://localhost'), loopback)).toBe(true);
    expect(allowLoopback(new URL('https://example.com'), loopback)).toBe(false);
    expect(allowLoopback(new URL('http://localhost'), { ...loopback, range: 'private' })).toBe(false);
  });

  it('may be at a host that whoever runs the server has named, and at no other', async () => {
    const named = createUrlGuard({ allowWebhookUrl: allowWebhooksTo(['client']) });
    expect(String(await named.check('http://client:8001/webhook'))).toBe('http://client:8001/webhook');
    for (const url of ['http://other:8001/webhook', 'http://client.example.com:8001/webhook', 'http://10.0.0.1/']) {
      await expect(named.check(url)).rejects.toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
    }
  });
});
