import { isRecord } from '@asyncmcp/core';
import type { Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** The pollers that each AWS client has now, and whether their user was warned that they are too many. */
const uses = new WeakMap<SQSClient, { pollers: number; warned: boolean }>();

/**
 * Counts one poller of a client until the result is called. A long poll holds a socket for up to 20 seconds, and by default an AWS
 * client has 50 of them: sends and deletes wait behind 50 pollers, and nothing else would say why.
 */
export function countPoller(sqs: SQSClient, queueUrl: string, logger: Logger): () => void {
  const use = uses.get(sqs) ?? { pollers: 0, warned: false };
  uses.set(sqs, use);
  use.pollers += 1;
  const maxSockets = maxSocketsOf(sqs, queueUrl);
  if (!use.warned && maxSockets !== undefined && use.pollers >= maxSockets) {
    use.warned = true;
    const text =
      `${use.pollers} long polls on one AWS client, which has ${maxSockets} sockets: its sends and deletes wait for polls to end. ` +
      'Let transports share a receiver, or give the request handler of the client more maxSockets';
    logger.warn({ queueUrl, pollers: use.pollers, maxSockets }, text);
  }
  return () => {
    use.pollers -= 1;
  };
}

/** Undefined where the client has made no call yet, or has a request handler without such a limit. */
function maxSocketsOf(sqs: SQSClient, queueUrl: string): number | undefined {
  // Only the method `send` of a client was checked.
  const { config: clientConfig }: Partial<SQSClient> = sqs;
  const handler = clientConfig?.requestHandler as { httpHandlerConfigs?: () => unknown } | undefined;
  const config = handler?.httpHandlerConfigs?.();
  const agent = isRecord(config) ? config[queueUrl.startsWith('https:') ? 'httpsAgent' : 'httpAgent'] : undefined;
  const maxSockets = isRecord(agent) ? agent['maxSockets'] : undefined;
  return typeof maxSockets === 'number' ? maxSockets : undefined;
}
