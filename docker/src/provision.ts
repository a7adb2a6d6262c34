#!/usr/bin/env node
/**
 * Makes the queues and topics that the demo's servers and clients are told to use, and ends: `node dist/provision.js`, in the
 * same environment as theirs. May run again and again.
 */
import { isAsyncMcpError } from '@asyncmcp/core';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { TopologyError, makeTopology } from './topology.js';

// AWS_ENDPOINT_URL is not enough: without an endpoint of its own, an SQS client goes to the host of the queue's URL.
const endpoint = process.env['AWS_ENDPOINT_URL'];
const config = endpoint === undefined || endpoint === '' ? {} : { endpoint };
const [sns, sqs] = [new SNSClient(config), new SQSClient(config)];
try {
  const addresses = await makeTopology(process.env, sns, sqs);
  for (const [variable, address] of Object.entries(addresses)) console.log(`${variable}=${address}`);
} catch (error) {
  if (isAsyncMcpError(error)) console.error(`${error.code}: ${error.message}`);
  else if (error instanceof TopologyError) console.error(error.message);
  else throw error;
  process.exitCode = 1;
} finally {
  sns.destroy();
  sqs.destroy();
}
