import { describe, expect, it, jest } from '@jest/globals';
import { injectSqsFaults, until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { DeleteQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { call, useSystem } from './system.js';
import type { AsyncMcpError } from '@asyncmcp/core';

const system = useSystem();

/** A server with one tool, `work`, that runs `body`; the markers of its runs are in `runs`. */
function workServer(runs: string[], body: (marker: string) => Promise<void> = async () => {}): () => McpServer {
  return () => {
    const mcp = new McpServer({ name: 'work', version: '1.0.0' });
    mcp.registerTool('work', { inputSchema: { marker: z.string() } }, async ({ marker }) => {
      runs.push(marker);
      await body(marker);
      return { content: [{ type: 'text', text: marker }] };
    });
    return mcp;
  };
}

describe('a handler that runs longer than the visibility timeout', () => {
  it('is not run twice', async () => {
    const { aws } = system();
    const runs: string[] = [];
    const startedAt = Date.now();
    // Two seconds of visibility: without heartbeats the message would be back, and received, well before this.
    const long = (): Promise<unknown> =>
      until(() => Date.now() - startedAt > 4500 && aws.calls.of('ChangeMessageVisibilityBatch') >= 3, {
        timeoutMs: 10_000,
      });
    await system().server({
      createServer: workServer(runs, async () => void (await long())),
      visibilityTimeoutSeconds: 2,
    });
    const client = await system().client();
    expect(await call(client, 'work', { marker: 'long' })).toBe('long');
    expect(runs).toEqual(['long']);
  });

  it('is not run twice even when its lease is lost: the copy that comes back is absorbed', async () => {
    const { aws } = system();
    const runs: string[] = [];
    const errors: AsyncMcpError[] = [];
    const sqs = aws.sqsClient();
    injectSqsFaults(sqs).expireLeases();
    const received = (): number => aws.calls.of('ReceiveMessage');
    const server = await system().server({
      sqs,
      visibilityTimeoutSeconds: 2,
      createServer: workServer(runs, async () => {
        const before = received();
        await until(() => errors.length > 0 && received() > before + 1, { timeoutMs: 15_000 });
      }),
    });
    server.onerror = (error) => errors.push(error);
    const client = await system().client();
    expect(await call(client, 'work', { marker: 'lost' })).toBe('lost');
    expect(runs).toEqual(['lost']);
    expect(errors[0]).toMatchObject({ code: 'ERR_LEASE_LOST' });
  });
});

describe('a response queue that is gone', () => {
  it('ends in the dead-letter queue and an error event, not in a lost message or a hot loop', async () => {
    const { aws, deadLetterQueueUrl, requestQueueUrl } = system();
    const runs: string[] = [];
    const errors: AsyncMcpError[] = [];
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const server = await system().server({ createServer: workServer(runs, () => gone), visibilityTimeoutSeconds: 2 });
    server.onerror = (error) => errors.push(error);
    const { queueUrl: responseQueueUrl } = await aws.createQueue('responses');
    const client = await system().client(system().transport({ responseQueueUrl }));
    const pending = client.callTool({ name: 'work', arguments: { marker: 'orphan' } }).catch((error: unknown) => error);
    await until(() => runs.length === 1);
    await aws.sqsClient().send(new DeleteQueueCommand({ QueueUrl: responseQueueUrl }));
    go();

    await until(async () => (await aws.messages(deadLetterQueueUrl)).visible === 1);
    const [dead] = await aws.receiveAll(deadLetterQueueUrl);
    expect(JSON.parse(dead?.Body ?? '')).toMatchObject({ params: { arguments: { marker: 'orphan' } } });
    expect(dead?.MessageAttributes?.['DeadLetterReason']?.StringValue).toMatch(/responses/);
    expect(errors).toMatchObject([{ code: 'ERR_DESTINATION_GONE' }]);
    await until(async () => (await aws.messages(requestQueueUrl)).inFlight === 0);
    expect(await aws.messages(requestQueueUrl)).toMatchObject({ visible: 0, delayed: 0 });
    expect(runs).toEqual(['orphan']);
    await client.close();
    await pending;
  });
});

describe('an emulator that is down for ten seconds', () => {
  it('is survived by both sides, with calls in flight on both', async () => {
    const { aws } = system();
    const runs: string[] = [];
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const wait = (marker: string): Promise<void> => (marker === 'before' ? released : Promise.resolve());
    await system().server({ createServer: workServer(runs, wait), visibilityTimeoutSeconds: 30 });
    const client = await system().client();
    const before = call(client, 'work', { marker: 'before' });
    await until(() => runs.includes('before'));

    const outage = aws.outage();
    const downSince = Date.now();
    release(); // The reply of the running call has to wait for the broker,
    const during = call(client, 'work', { marker: 'during' }); // and so has a new request.
    await until(() => Date.now() - downSince >= 10_000, { timeoutMs: 15_000, intervalMs: 100 });
    await outage.end();

    expect(await Promise.all([before, during])).toEqual(['before', 'during']);
    expect(await call(client, 'work', { marker: 'after' })).toBe('after');
    expect([...runs].toSorted((a, b) => a.localeCompare(b))).toEqual(['after', 'before', 'during']);
  });
});

describe('a network that loses and repeats', () => {
  it('costs the caller nothing: each call runs once and is answered once', async () => {
    const { aws } = system();
    const runs: string[] = [];
    const [serverSqs, clientSqs] = [aws.sqsClient(), aws.sqsClient()];
    const faults = [injectSqsFaults(serverSqs), injectSqsFaults(clientSqs)];
    await system().server({ sqs: serverSqs, createServer: workServer(runs), visibilityTimeoutSeconds: 2 });
    const transport = system().transport({ sqs: clientSqs, visibilityTimeoutSeconds: 2 });
    const client = await system().client(transport);
    for (const fault of faults) {
      fault.failSends(2);
      fault.loseSendResponses(2);
      fault.duplicateSends(3);
      fault.failEntries(3);
      fault.dropDeletes(5);
      fault.reorderReceives(7);
    }
    const markers = Array.from({ length: 50 }, (_, index) => `m${index}`);
    expect(await Promise.all(markers.map((marker) => call(client, 'work', { marker })))).toEqual(markers);
    expect(runs.toSorted((a, b) => a.localeCompare(b))).toEqual(markers.toSorted((a, b) => a.localeCompare(b)));
    for (const { injected } of faults) {
      for (const fault of ['failSends', 'loseSendResponses', 'duplicateSends', 'dropDeletes'] as const) {
        expect([fault, injected.of(fault)]).not.toEqual([fault, 0]);
      }
    }
    // The client was told every one of them once; the copies were counted.
    expect(transport.counters.duplicates).toBeGreaterThan(0);
  });
});

describe('a logger that throws', () => {
  it('stops neither side: calls are answered before an outage and after it, and onerror hears of it', async () => {
    const { aws } = system();
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const fail = (): never => {
      throw new Error('the log is full');
    };
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    const codes: string[] = [];
    const server = await system().server({ createServer: workServer([]), logger });
    server.onerror = ({ code }) => void codes.push(code);
    const client = await system().client(system().transport({ logger }));
    expect(await call(client, 'work', { marker: 'before' })).toBe('before');
    const outage = aws.outage();
    // The second failure in a row is for the log only.
    await until(() => codes.length > 0 && warned.mock.calls.length > 3);
    await outage.end();
    expect(await call(client, 'work', { marker: 'after' })).toBe('after');
    expect(codes).toContain('ERR_UNAVAILABLE');
    expect(String(warned.mock.calls[0]?.[0])).toContain('the log is full');
    warned.mockRestore();
  });
});

describe('what cannot be answered', () => {
  it('is dead-lettered with its reason, and the loop goes on', async () => {
    const { aws, requestQueueUrl, deadLetterQueueUrl } = system();
    const errors: AsyncMcpError[] = [];
    const server = await system().server({ createServer: workServer([]) });
    server.onerror = (error) => errors.push(error);
    const sqs = aws.sqsClient();
    await sqs.send(new SendMessageCommand({ QueueUrl: requestQueueUrl, MessageBody: 'not JSON at all' }));
    await until(async () => (await aws.messages(deadLetterQueueUrl)).visible === 1);
    const [dead] = await aws.receiveAll(deadLetterQueueUrl);
    expect(dead?.Body).toBe('not JSON at all');
    expect(dead?.MessageAttributes?.['DeadLetterReason']?.StringValue).toMatch(/not valid JSON/);
    expect(errors).toMatchObject([{ code: 'ERR_MESSAGE_INVALID' }]);
    const client = await system().client();
    expect(await call(client, 'work', { marker: 'fine' })).toBe('fine');
  });

  it('is reported with its body and dropped where there is no dead-letter queue', async () => {
    const { aws } = system();
    const { queueUrl } = await aws.createQueue('no-redrive');
    const errors: AsyncMcpError[] = [];
    const server = await system().server({ requestQueueUrl: queueUrl, createServer: workServer([]) });
    server.onerror = (error) => errors.push(error);
    await aws.sqsClient().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: '{"jsonrpc":"1.0"}' }));
    await until(() => errors.some((error) => error.code === 'ERR_DEAD_LETTERED'));
    const dropped = errors.find((error) => error.code === 'ERR_DEAD_LETTERED');
    expect(dropped?.details).toMatchObject({ body: '{"jsonrpc":"1.0"}' });
    await until(async () => (await aws.messages(queueUrl)).inFlight === 0);
  });
});
