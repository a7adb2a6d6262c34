import type { SNSClient } from '@aws-sdk/client-sns';

export interface PublishFaults {
  /** The topic gets the next `calls` publishes, alone or in batches, twice. */
  duplicate(calls: number): void;
  /** The next `calls` publishes fail before they reach the topic, in a way that may pass. */
  fail(calls: number): void;
}

/** Faults of one client, between the code that uses it and the SDK's own retries. */
export function injectPublishFaults(sns: SNSClient): PublishFaults {
  let duplicates = 0;
  let failures = 0;
  sns.middlewareStack.add(
    (next, context: { commandName?: string }) => async (args) => {
      if (context.commandName?.startsWith('Publish') !== true) return next(args);
      if (failures > 0) {
        failures -= 1;
        throw Object.assign(new Error('injected by a test'), { code: 'ECONNRESET' });
      }
      if (duplicates > 0) {
        duplicates -= 1;
        await next(args);
      }
      return next(args);
    },
    { step: 'initialize', priority: 'high', name: 'asyncmcpPublishFaults' },
  );
  return {
    duplicate: (calls) => void (duplicates = calls),
    fail: (calls) => void (failures = calls),
  };
}
