import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Trace, openWebhookClient, runScenario } from '@asyncmcp/demo-client';
import { createDemoMcpServer } from '@asyncmcp/demo-server';
import { rejectionOf } from '@asyncmcp/testkit';
import { WebhookServer } from '@asyncmcp/webhook';
import type { WebhookClientSide, WebhookEndpoint } from '@asyncmcp/demo-client';

/** Makes the endpoint of a scenario one that is not as it must be. */
type Change = (endpoint: WebhookEndpoint) => WebhookEndpoint;

describe('scenario over webhooks', () => {
  let server: WebhookServer;
  let client: WebhookClientSide;
  let trace: Trace;

  beforeEach(async () => {
    server = new WebhookServer({
      createServer: (session) => createDemoMcpServer(session),
      allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
    });
    const { url } = await server.listen({ port: 0 });
    trace = new Trace();
    client = await openWebhookClient({ serverUrl: `${url}/mcp/request` }, trace);
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  async function scenario(change: Change = (endpoint) => endpoint): Promise<string[]> {
    const lines: string[] = [];
    const { createTransport, webhooks } = client;
    const print = (line: string): void => void lines.push(line);
    await runScenario({ createTransport, webhooks: change(webhooks), trace, print });
    return lines;
  }

  /** Every webhook that came has another header than it had. */
  const withHeader =
    (name: string, value: (index: number) => string): Change =>
    (endpoint) => ({
      ...endpoint,
      get arrivals() {
        return endpoint.arrivals.map((arrival, index) => ({
          ...arrival,
          headers: { ...arrival.headers, [name]: value(index) },
        }));
      },
    });

  it('has two more steps', async () => {
    const lines = await scenario();
    expect(lines.at(-1)).toContain('10 of 10 steps checked');
  });

  it.each<[string, string, Change]>([
    ['webhook retried', 'nothing is tried again', (endpoint) => ({ ...endpoint, beAway: () => {} })],
    ['webhook retried', 'each try has an id of its own', withHeader('webhook-id', (index) => `id-${index}`)],
    ['webhook retried', 'a try is not signed anew', withHeader('webhook-timestamp', () => '1')],
    // A URL that answers 200 to anything.
    ['forged webhooks', 'forged ones are taken', (endpoint) => ({ ...endpoint, url: 'data:application/json,{}' })],
  ])('fails at the step "%s" when %s', async (step, _why, change) => {
    expect(await rejectionOf(scenario(change))).toMatchObject({ step });
  });
});
