import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { recordCalls } from './support.js';
import { call, useSystem } from './system.js';
import type { SQSClient } from '@aws-sdk/client-sqs';

const system = useSystem();

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<'concat' | 'resolve', Method>;

/**
 * Notes each command that is sent, where OpenTelemetry's AWS instrumentation makes its spans: it wraps `concat` and `resolve` of
 * a client's middleware stack, and of what `concat` returns.
 */
function instrument(sqs: SQSClient): string[] {
  const seen: string[] = [];
  const wrap = (stack: Methods): void => {
    const { concat, resolve } = stack;
    stack.concat = function (...args) {
      const made = concat.apply(this, args) as Methods;
      wrap(made);
      return made;
    };
    stack.resolve = function (...args) {
      const { commandName } = args[1] as { readonly commandName: string };
      seen.push(commandName.replace(/Command$/, ''));
      return resolve.apply(this, args);
    };
  };
  wrap(sqs.middlewareStack as unknown as Methods);
  return seen;
}

function echoServer(): McpServer {
  const mcp = new McpServer({ name: 'echo', version: '1.0.0' });
  mcp.registerTool('echo', {}, () => ({ content: [{ type: 'text', text: 'hi' }] }));
  return mcp;
}

describe('instrumentation that wraps an AWS client’s middleware stack', () => {
  it('sees every send, receive and delete of both sides', async () => {
    const { aws, requestQueueUrl } = system();
    const [serverSqs, clientSqs] = [aws.sqsClient(), aws.sqsClient()];
    const sides = [serverSqs, clientSqs].map((sqs) => ({ seen: instrument(sqs), made: recordCalls(sqs) }));
    const server = await system().server({ sqs: serverSqs, createServer: echoServer });
    const client = await system().client(system().transport({ sqs: clientSqs }));
    const answers = Array.from({ length: 20 }, () => call(client, 'echo'));
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['hi']));
    await until(async () => (await aws.messages(requestQueueUrl)).inFlight === 0);
    await client.close();
    await server.close();
    for (const { seen, made } of sides) {
      expect(seen).toEqual(made.map(({ command }) => command));
      for (const command of ['ReceiveMessage', /^SendMessage/, /^DeleteMessage/]) {
        expect(seen).toContainEqual(expect.stringMatching(command));
      }
    }
  });
});
