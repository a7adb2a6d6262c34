import { afterEach, describe, expect, it } from '@jest/globals';
import { Trace, openStreamableWebhookClient, runScenario } from '@asyncmcp/demo-client';
import { createDemoMcpServer } from '@asyncmcp/demo-server';
import { StreamableWebhookServer, webhookTool } from '@asyncmcp/streamable-webhook';
import { rejectionOf } from '@asyncmcp/testkit';
import type { ScenarioOptions, WebhookClientSide } from '@asyncmcp/demo-client';
import type { StreamableWebhookServerOptions } from '@asyncmcp/streamable-webhook';

describe('scenario over Streamable HTTP with webhooks', () => {
  let server: StreamableWebhookServer;
  let client: WebhookClientSide;

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  /** Runs it against a demo server that has other options, or by a client that has. */
  async function scenario(
    options: Partial<StreamableWebhookServerOptions> = {},
    change: (side: WebhookClientSide) => Partial<ScenarioOptions> = () => ({}),
  ): Promise<string[]> {
    server = new StreamableWebhookServer({
      createServer: (session) => createDemoMcpServer(session, { markSlow: webhookTool }),
      allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
      ...options,
    });
    const { url } = await server.listen({ port: 0 });
    const trace = new Trace();
    client = await openStreamableWebhookClient({ serverUrl: `${url}/mcp` }, trace);
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    await runScenario({ ...client, trace, print, ...change(client) });
    return lines;
  }

  it('has three more steps', async () => {
    const lines = await scenario();
    expect(lines.at(-1)).toContain('11 of 11 steps checked');
  });

  it.each<[string, string, Partial<StreamableWebhookServerOptions>]>([
    ['tool list', 'no tool is marked', { createServer: (session) => createDemoMcpServer(session) }],
    ['quick tool', 'it is answered by webhook', { webhookTools: ['greet'] }],
    ['quick tool', 'it is answered in JSON', { jsonResponse: true }],
    ['slow tool', 'it is answered over its connection', { webhookTools: () => false }],
  ])('fails at the step "%s" when %s', async (step, _why, options) => {
    expect(await rejectionOf(scenario(options))).toMatchObject({ step });
  });

  it('fails at the end when the session goes on', async () => {
    const forgetful = ({ createTransport }: WebhookClientSide): Partial<ScenarioOptions> => ({
      createTransport() {
        const transport = createTransport();
        return Object.assign(transport, {
          terminateSession: async () => {
            delete transport.sessionId;
          },
        });
      },
    });
    expect(await rejectionOf(scenario({}, forgetful))).toMatchObject({ step: "session's end" });
  });
});
