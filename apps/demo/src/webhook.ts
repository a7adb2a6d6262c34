import { Trace, openStreamableWebhookClient, openWebhookClient, runScenario } from '@asyncmcp/demo-client';
import { healthOf, isListening, refusalOfGuard, refusalOfOrigin } from './webhook-facts.js';
import { withServer } from './with-server.js';
import type { ScenarioTotals, WebhookArrival, WebhookClientSide } from '@asyncmcp/demo-client';
import type { DemoServerProcess } from './demo-server-process.js';
import type { Stage } from './stage.js';

/** What is looked at when all is over. */
interface Seen {
  readonly urls: string[];
  readonly arrivals: WebhookArrival[];
}

/** What is different with each transport that uses webhooks. */
interface Way {
  readonly transport: 'webhook' | 'streamable-webhook';
  readonly openClient: typeof openWebhookClient;
  /** Prints where requests and replies go, and checks what is special to it. */
  describe(serverUrl: string, client: WebhookClientSide): Promise<void>;
}

/** The demo over webhooks: the server in a process of its own, the client and its endpoint here, both on free ports. */
export function runWebhook(stage: Stage): Promise<ScenarioTotals> {
  return run(stage, {
    transport: 'webhook',
    openClient: openWebhookClient,
    async describe(serverUrl, { webhookUrl }) {
      stage.fact('requests', `posted to ${serverUrl}`);
      stage.fact('replies', `posted to ${webhookUrl}, in this process`);
    },
  });
}

/** The same over Streamable HTTP, where only slow tools answer by webhook. */
export function runStreamableWebhook(stage: Stage): Promise<ScenarioTotals> {
  return run(stage, {
    transport: 'streamable-webhook',
    openClient: openStreamableWebhookClient,
    async describe(serverUrl, { webhookUrl }) {
      stage.fact('requests', `posted to ${serverUrl}, and answered there, over SSE`);
      stage.fact('slow tools', `posted to ${webhookUrl}, in this process`);
      stage.fact('Origin', `a browser with a page of another site → ${await refusalOfOrigin(serverUrl)}`);
    },
  });
}

async function run(stage: Stage, way: Way): Promise<ScenarioTotals> {
  const seen: Seen = { urls: [], arrivals: [] };
  const args = ['--transport', way.transport, '--host', '127.0.0.1', '--port', '0'];
  const totals = await withServer(stage, { args }, (server) => runAgainst(server, stage, seen, way));
  stage.fact('webhooks', checkArrivals(seen.arrivals));
  const open = await Promise.all(seen.urls.map(isListening));
  const left = seen.urls.filter((_url, index) => open[index]);
  if (left.length > 0) throw new Error(`Left behind: somebody still listens at ${left.join(', ')}.`);
  stage.fact('ports', 'both are closed');
  return totals;
}

async function runAgainst(
  server: DemoServerProcess,
  stage: Stage,
  { urls, arrivals }: Seen,
  way: Way,
): Promise<ScenarioTotals> {
  const serverUrl = urlOf(server);
  // Asked before the trace begins, which shows the scenario only.
  const [health, refusal] = [await healthOf(serverUrl), await refusalOfGuard(serverUrl)];
  const trace = new Trace();
  const client = await way.openClient({ serverUrl }, trace);
  urls.push(serverUrl, client.webhookUrl);
  try {
    stage.fact('server', `process ${server.pid}; GET /health → ${health}`);
    await way.describe(serverUrl, client);
    describeWebhooks(stage, refusal);
    return await runScenario({
      ...client,
      page: stage.page,
      trace,
      print: stage.print,
      style: stage.style,
      signal: AbortSignal.any([stage.signal, server.ended]),
    });
  } finally {
    arrivals.push(...client.webhooks.arrivals);
    await client.close();
  }
}

/** What the server's own line says: its port is any that was free. */
function urlOf({ output }: DemoServerProcess): string {
  const url = / takes requests at (\S+)/.exec(output)?.[1];
  if (url === undefined) throw new Error(`The demo server did not say where it takes requests. It printed:\n${output}`);
  return url;
}

function describeWebhooks(stage: Stage, refusal: string): void {
  stage.fact('signed', 'by Standard Webhooks: HMAC-SHA256 of id, timestamp and body, with a');
  stage.fact('', 'secret that the client makes and gives to the server at initialize');
  stage.fact('URL guard', 'replies may go to https at public addresses; here to loopback, too');
  stage.fact('', `a client that asks for 169.254.169.254 → ${refusal}`);
  stage.legend('request and status, message, how long it took, and time since the step began.');
}

/** Checks that whatever was taken was signed, whoever sent it. */
function checkArrivals(arrivals: readonly WebhookArrival[]): string {
  const answered = (asked: number): readonly WebhookArrival[] => arrivals.filter(({ status }) => status === asked);
  const taken = answered(200);
  const unsigned = taken.filter(({ headers }) => headers['webhook-signature'] === undefined);
  if (unsigned.length > 0) throw new Error(`Webhooks were taken that were not signed: ${unsigned.length}.`);
  const [putOff, refused] = [answered(503).length, answered(401).length];
  return `${arrivals.length} came: ${taken.length} taken, all signed; ${putOff} put off (503), ${refused} refused (401)`;
}
