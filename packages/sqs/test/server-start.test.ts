import { describe, expect, it } from '@jest/globals';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { recordingLogger } from './support.js';
import { useSystem } from './system.js';

const system = useSystem();
const createServer = (): McpServer => new McpServer({ name: 'test', version: '1.0.0' });

describe('a server whose signal is aborted while it starts', () => {
  it('does not start', async () => {
    const controller = new AbortController();
    const starting = rejectionOf(system().server({ createServer, signal: controller.signal }));
    controller.abort();
    expect(await starting).toMatchObject({ code: 'ERR_CLOSED' });
    expect(system().aws.calls.of('ReceiveMessage')).toBe(0);
  });
});

describe('a redrive policy', () => {
  /** What a server says at its start of a queue whose redrive policy has this `maxReceiveCount`. */
  async function warningsFor(maxReceiveCount: number): Promise<string[]> {
    const { aws } = system();
    const { queueArn } = await aws.createQueue('dead');
    const policy = { deadLetterTargetArn: queueArn, maxReceiveCount };
    const { queueUrl } = await aws.createQueue('redriven', { RedrivePolicy: JSON.stringify(policy) });
    const logger = recordingLogger();
    await system().server({ createServer, requestQueueUrl: queueUrl, logger, maxAttempts: 3 });
    return logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  it('that moves messages away before their callers are answered is warned of', async () => {
    expect(await warningsFor(29)).toEqual([expect.stringMatching(/after 29 receives.*use 30 or more/)]);
  });

  it('that leaves enough receives is not', async () => {
    expect(await warningsFor(30)).toEqual([]);
  });
});

describe('a queue for answers', () => {
  it('that the redrive policy moves dead letters to is refused: each would come back as a message to be handled', async () => {
    const { deadLetterQueueUrl } = system();
    const starting = rejectionOf(system().server({ createServer, answerQueueUrl: deadLetterQueueUrl }));
    expect(await starting).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(/answerQueueUrl.*redrive policy/),
    });
    expect(system().aws.calls.of('ReceiveMessage')).toBe(0);
  });

  it('of its own is taken', async () => {
    const { queueUrl } = await system().aws.createQueue('answers');
    const server = await system().server({ createServer, answerQueueUrl: queueUrl });
    expect(server.sessions.list()).toEqual([]);
  });
});

describe('a failure that onerror is told of', () => {
  it('is in the log, too: here, that the queue is gone', async () => {
    const { aws } = system();
    const { queueUrl } = await aws.createQueue('soon-gone');
    const logger = recordingLogger();
    const server = await system().server({ createServer, requestQueueUrl: queueUrl, logger });
    const codes: string[] = [];
    server.onerror = ({ code }) => void codes.push(code);
    await aws.sqsClient().send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    await until(() => codes.length > 0, { message: 'the report', timeoutMs: 20_000 });
    expect(logger.lines.filter(({ level }) => level === 'error')).not.toEqual([]);
  });
});
