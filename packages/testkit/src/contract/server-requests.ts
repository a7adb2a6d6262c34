import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { contractCase } from './contract-case.js';
import { Gates } from './gates.js';
import type { ContractGroup } from './contract-case.js';
import type { ClientExtra } from './test-client.js';

/** What a server asks its client: sampling, elicitation, roots. */
export const serverRequests: ContractGroup = {
  name: "the server's own requests",
  cases: [
    contractCase('a tool samples, elicits and lists roots', async (stage) => {
      const { client } = await stage.pair();
      equal(await client.call('sample', 'a poem'), 'sampled a poem');
      equal(await client.call('elicit', 'your name?'), 'accept {"name":"Ada, asked: your name?"}');
      equal(await client.call('roots', ''), `file:///${client.transport.clientId}`);
    }),

    contractCase('a tool that asks without naming its call is answered too', async (stage) => {
      const { client } = await stage.pair();
      equal(await client.call('sample-aside', 'a poem'), 'sampled a poem');
    }),

    contractCase('a server asks its client outside of any call', async (stage) => {
      const { client, test } = await stage.pair();
      const { server } = test.serverOf(client.sessionId);
      const { roots } = await server.listRoots();
      deepEqual(roots, [{ uri: `file:///${client.transport.clientId}` }]);
    }),

    contractCase('a server hears that its client has new roots', async (stage) => {
      const { client, test } = await stage.pair();
      const heard = new Promise<void>((resolve) => {
        test.serverOf(client.sessionId).server.fallbackNotificationHandler = async ({ method }) => {
          if (method === 'notifications/roots/list_changed') resolve();
        };
      });
      await client.sdk.sendRootsListChanged();
      await heard;
      ok(true);
    }),

    contractCase("a client's refusal reaches the tool", async (stage) => {
      const sample = async (): Promise<string> => {
        throw new Error('no model today');
      };
      const { client } = await stage.pair({}, { sample });
      await rejects(client.call('sample', 'a poem'), /no model today/);
    }),

    contractCase('several requests of a session are open at once and answered out of order', async (stage) => {
      const gates = new Gates();
      const sample = async (prompt: string): Promise<string> => {
        await gates.wait(prompt);
        return prompt;
      };
      const { client, test } = await stage.pair({}, { sample });
      const prompts = ['first', 'second', 'third'];
      const calls = prompts.map((prompt) => client.call('sample', prompt));
      await client.until('three requests', () => client.messages('sampling/createMessage').length === 3);
      for (const prompt of [...prompts].reverse()) gates.open(prompt);
      deepEqual(await Promise.all(calls), prompts);
      equal(test.log.of('sample').length, 3);
    }),

    contractCase("progress on a server's request reaches the tool", async (stage) => {
      const sample = async (_prompt: string, extra: ClientExtra): Promise<string> => {
        const progressToken = extra._meta?.progressToken;
        if (progressToken === undefined) throw new Error('The request has no progress token.');
        for (const progress of [1, 2, 3]) {
          await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
        }
        return 'sampled';
      };
      const { client } = await stage.pair({}, { sample });
      equal(await client.call('sample-with-progress', 'a poem'), '1,2,3');
    }),

    contractCase('a request that the server gives up is cancelled at the client', async (stage) => {
      const aborted: string[] = [];
      const sample = (prompt: string, { signal }: ClientExtra): Promise<string> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.push(prompt);
            reject(new Error('given up'));
          });
        });
      const { client } = await stage.pair({}, { sample });
      await rejects(client.call('sample-impatiently', 'a poem'), /timed out/i);
      await stage.eventually('the client handler to be aborted', () => aborted.length === 1);
    }),

    contractCase('calls that all wait for their client do not keep its answers out', async (stage) => {
      const { client } = await stage.pair({ concurrency: 2 });
      const prompts = Array.from({ length: 20 }, (_, index) => `poem ${index}`);
      const answers = await Promise.all(prompts.map((prompt) => client.call('sample', prompt)));
      deepEqual(
        answers,
        prompts.map((prompt) => `sampled ${prompt}`),
      );
    }),

    contractCase('nor do calls that wait for their client without naming themselves', async (stage) => {
      const { client } = await stage.pair({ concurrency: 2 });
      // More than any receiver takes in beyond its running calls: the answers are behind requests that wait.
      const prompts = Array.from({ length: 40 }, (_, index) => `poem ${index}`);
      const answers = await Promise.all(prompts.map((prompt) => client.call('sample-aside', prompt)));
      deepEqual(
        answers,
        prompts.map((prompt) => `sampled ${prompt}`),
      );
    }),
  ],
};
