import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { createConsoleLog } from '../src/console-log.js';
import { serveStreamableWebhook } from '../src/serve-streamable-webhook.js';
import { answerWith, createClient, startPages } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { ConsoleLog } from '../src/console-log.js';
import type { Serving } from '../src/serving.js';
import type { Pages } from './support.js';

describe('the demo server over Streamable HTTP with webhooks', () => {
  const log: ConsoleLog = { ...createConsoleLog('silent'), event: () => {} };
  let pages: Pages;
  let serving: Serving;
  let serverUrl: string;
  let client: Client;
  let receiver: WebhookReceiver | undefined;

  beforeEach(async () => {
    pages = await startPages();
    const { safeFetch } = pages;
    serving = await serveStreamableWebhook(
      { host: '127.0.0.1', port: 0, concurrency: 10, safeFetch, allowWebhookHosts: [] },
      log,
    );
    serverUrl = serving.where.replace('at ', '');
    client = createClient({ elicitation: {} });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Grace' } }));
  });

  afterEach(async () => {
    await client.close();
    await receiver?.close();
    receiver = undefined;
    await serving.close();
    await pages.close();
  });

  /** Connects by a transport that takes the results of slow tools by webhook; resolves with where they come to. */
  async function connectWithWebhook(): Promise<string> {
    receiver = new WebhookReceiver();
    const { url } = await receiver.listen({ host: '127.0.0.1', port: 0 });
    const webhookUrl = `${url}/webhook/response`;
    await client.connect(new StreamableWebhookClientTransport({ serverUrl, webhookUrl, receiver }));
    return webhookUrl;
  }

  it('says how replies travel, with and without a webhook', async () => {
    const webhookUrl = await connectWithWebhook();
    const { structuredContent } = await client.callTool({ name: 'server_info' });
    const replies = `over the connection; results of analyze, count_words and wait by webhook to ${webhookUrl}`;
    expect(structuredContent).toMatchObject({ transport: 'streamable-webhook', replies });
    const stock = createClient();
    await stock.connect(new StreamableHTTPClientTransport(new URL(serverUrl)));
    const { structuredContent: info } = await stock.callTool({ name: 'server_info' });
    expect(info).toMatchObject({ transport: 'streamable-webhook', replies: 'over the connection' });
    await stock.close();
  });

  it('analyzes a page, and reports along the way, by webhook', async () => {
    await connectWithWebhook();
    pages.answer = answerWith('<title>Frogs</title><h1>Frogs</h1><p>They jump.');
    const seen: number[] = [];
    const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
    const call = { name: 'analyze', arguments: { url: pages.origin } };
    const { structuredContent } = await client.callTool(call, undefined, { onprogress });
    expect(structuredContent).toMatchObject({ title: 'Frogs', words: 3, links: 0, headings: 1 });
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });

  it('asks back, while the call goes on', async () => {
    await connectWithWebhook();
    const { content } = await client.callTool({ name: 'introduce' });
    expect(content).toEqual([{ type: 'text', text: 'Nice to meet you, Grace!' }]);
  });

  it('asks back a client that has only its connection', async () => {
    await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl)));
    const { content } = await client.callTool({ name: 'introduce' });
    expect(content).toEqual([{ type: 'text', text: 'Nice to meet you, Grace!' }]);
  });
});
