import { EMULATOR_REGION } from './aws-client-config.js';
import type { AwsResponse } from './emulator-backend.js';

/** fauxqs starts its queue URLs with the region and this host, whatever the caller's Host header says. */
const backendOrigin = `http://sqs.${EMULATOR_REGION}.localhost`;

/** Somebody else's URL stays as it is: fauxqs does not know such a queue, and says so. */
export function toBackendUrl(queueUrl: string, origin: string): string {
  return queueUrl.startsWith(`${origin}/`) ? backendOrigin + queueUrl.slice(origin.length) : queueUrl;
}

/** Only these answers hold queue URLs; elsewhere such a text is the content of a message. */
const namesQueues = new Set(['CreateQueue', 'GetQueueUrl', 'ListQueues']);

export function withCallerUrls(action: string, response: AwsResponse, origin: string): AwsResponse {
  if (!namesQueues.has(action)) return response;
  const body = Buffer.from(response.body.toString('utf8').replaceAll(backendOrigin, origin));
  return { ...response, headers: { ...response.headers, 'content-length': body.length }, body };
}
