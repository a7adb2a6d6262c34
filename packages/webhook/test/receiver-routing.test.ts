import { request } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { generateSecret } from '../src/index.js';
import { BODY, FakeClient, errorOf, post, raw, rawPost, realClient, signed, startReceiver } from './receiver-system.js';
import type { ClientRequest } from 'node:http';
import type { Answer } from './http-client.js';

const unsigned = { secrets: false } as const;

/** A POST that can be hung up on. */
function startPost(url: string, headers: Record<string, string>): ClientRequest {
  const outgoing = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
  outgoing.on('error', () => {});
  outgoing.end(BODY);
  return outgoing;
}

/** Two POSTs that are read in one turn of the event loop. */
function together(first: Record<string, string>, second: Record<string, string>): string {
  const written = (headers: Record<string, string>): string => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    return rawPost('/webhook/response', ['Content-Type: application/json', ...lines], BODY);
  };
  return written(first).replace('Connection: close', 'Connection: keep-alive') + written(second);
}

function statusesIn(answers: string): number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
}

/** Posts until there is a place to wait at: who has none is refused at once. */
function waitingPost(url: string): Promise<{ posted: Promise<Answer> }> {
  return until(async () => {
    const posted = post(url, { 'x-client-id': 'client' });
    const refused = await Promise.race([posted, sleep(200)]);
    return refused === undefined && { posted };
  });
}

describe('whose a message is', () => {
  it('is said by its client id; no client gets another one’s', async () => {
    const { receiver, url } = await startReceiver();
    const clients = Array.from({ length: 20 }, (_, index) => new FakeClient(`client-${index}`, `session-${index}`));
    const secrets = clients.map((client) => receiver.attach(client).secret);
    expect(new Set(secrets).size).toBe(20);
    const posts = clients.flatMap((client, index) =>
      ['a', 'b', 'c'].map(async (id) => {
        const body = JSON.stringify([client.clientId, id]);
        const headers = signed(secrets[index], { body, id, client: client.clientId });
        expect((await post(url, { ...headers, 'x-session-id': `session-${index}` }, body)).status).toBe(200);
      }),
    );
    await Promise.all(posts);
    for (const { clientId, bodies } of clients) {
      expect(bodies.toSorted()).toEqual(['a', 'b', 'c'].map((id) => JSON.stringify([clientId, id])));
    }
  });

  it('is said by its session where it names no client, and is signed by that one’s secret', async () => {
    const { receiver, url } = await startReceiver({ waitForClientMs: 0 });
    const [one, two] = [new FakeClient('one', 'session-1'), new FakeClient('two', 'session-2')];
    const { secret: first } = receiver.attach(one);
    const { secret } = receiver.attach(two);
    const { 'x-client-id': _named, ...headers } = signed(secret);
    expect((await post(url, { ...headers, 'x-session-id': 'session-2' })).status).toBe(200);
    expect((await post(url, { ...headers, 'x-session-id': 'session-1' })).status).toBe(401);
    const { 'x-client-id': _other, ...others } = signed(first, { id: 'msg_2' });
    expect((await post(url, { ...others, 'x-session-id': 'session-2' })).status).toBe(401);
    expect((await post(url, { ...others, 'x-session-id': 'session-3' })).status).toBe(404);
    expect((await post(url, others)).status).toBe(404);
    expect([one.received.length, two.received.length]).toEqual([0, 1]);
  });

  it('is not said by a session that is another client’s', async () => {
    const { receiver, url } = await startReceiver({ waitForClientMs: 0 });
    const [one, two] = [await realClient(receiver, 'one'), new FakeClient('two', 'session-2')];
    one.transport.sessionId = 'session-1';
    const { secret } = receiver.attach(two);
    expect((await post(url, { ...signed(secret, { client: 'one' }), 'x-session-id': 'session-2' })).status).toBe(401);
    expect((await post(url, { ...signed(secret, { client: 'three' }), 'x-session-id': 'session-2' })).status).toBe(404);
    expect([one.messages.length, two.received.length]).toEqual([0, 0]);
  });

  it('is for a real client to say in the end: another session of its is none', async () => {
    const secrets = generateSecret();
    const { receiver, url } = await startReceiver({ secrets });
    const { transport, messages } = await realClient(receiver, 'one');
    transport.sessionId = 'session-1';
    const headers = signed(secrets, { client: 'one' });
    const refused = await post(url, { ...headers, 'x-session-id': 'session-2' });
    expect(refused.status).toBe(404);
    expect(errorOf(refused)).toBe('ERR_UNCLAIMED_MESSAGE');
    expect(transport.counters).toEqual({ duplicates: 0, invalid: 0, foreign: 1 });
    expect(messages).toEqual([]);
  });

  it('is found at once among ten thousand', async () => {
    const { receiver, url } = await startReceiver({ secrets: generateSecret() });
    let looks = 0;
    for (let index = 0; index < 10_000; index++) {
      const client = new FakeClient(`client-${index}`);
      receiver.attach(Object.assign(client, { sessionId: () => void looks++ }));
    }
    const { secret } = receiver.attach(new FakeClient());
    expect((await post(url, signed(secret))).status).toBe(200);
    expect(looks).toBe(0);
  });

  it('is not asked of a client that has left', async () => {
    const { receiver, url } = await startReceiver({ waitForClientMs: 0 });
    const client = new FakeClient();
    const { secret, detach } = receiver.attach(client);
    detach();
    const again = new FakeClient();
    const attachment = receiver.attach(again);
    detach();
    expect((await post(url, signed(secret))).status).toBe(401);
    expect((await post(url, signed(attachment.secret))).status).toBe(200);
    attachment.detach();
    expect((await post(url, signed(attachment.secret, { id: 'msg_2' }))).status).toBe(404);
    expect([client.received.length, again.received.length]).toEqual([0, 1]);
  });

  it('reaches the SDK once, and nonsense is confirmed and counted', async () => {
    const secrets = generateSecret();
    const { receiver, url } = await startReceiver({ secrets });
    const { transport, messages, answer } = await realClient(receiver, 'one');
    const headers = { ...signed(secrets, { body: answer, client: 'one' }), 'x-session-id': 'session-1' };
    expect((await post(url, headers, answer)).status).toBe(200);
    expect(transport.sessionId).toBe('session-1');
    expect(messages).toEqual([expect.objectContaining({ id: 0 })]);
    const nonsense = signed(secrets, { body: '{', id: 'msg_2', client: 'one' });
    expect((await post(url, { ...nonsense, 'x-session-id': 'session-1' }, '{')).status).toBe(200);
    expect(transport.counters).toEqual({ duplicates: 0, invalid: 1, foreign: 0 });
  });
});

describe('a receiver of messages that are not signed', () => {
  it('has no secret to hand out, and takes them', async () => {
    const { receiver, url } = await startReceiver(unsigned);
    const client = new FakeClient();
    expect(receiver.attach(client).secret).toBeUndefined();
    expect((await post(url, { 'x-client-id': 'client', 'x-message-id': 'one' })).status).toBe(200);
    expect(client.received[0]?.envelope).toMatchObject({ messageId: 'one', extended: true });
  });

  it('hands the answer to an initialize to the client that sent it, and what follows by its session', async () => {
    const { receiver, url } = await startReceiver(unsigned);
    const [one, two] = [await realClient(receiver), await realClient(receiver)];
    expect((await post(url, { 'x-session-id': 'session-2' }, two.answer)).status).toBe(200);
    expect((await post(url, { 'x-session-id': 'session-1' }, one.answer)).status).toBe(200);
    expect([one.transport.sessionId, two.transport.sessionId]).toEqual(['session-1', 'session-2']);
    expect((await post(url, { 'x-session-id': 'session-2' })).status).toBe(200);
    expect([one.messages.length, two.messages.length]).toEqual([1, 2]);
  });

  it('lets a message of a session wait until the answer to its initialize is there', async () => {
    const { receiver, url, waiting } = await startReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const { messages, answer } = await realClient(receiver);
    const early = waiting();
    const first = post(url, { 'x-session-id': 'session-1' });
    await early;
    expect((await post(url, { 'x-session-id': 'session-1' }, answer)).status).toBe(200);
    expect((await first).status).toBe(200);
    expect(messages).toHaveLength(2);
  });

  it('leaves alone what no client asked for', async () => {
    const { receiver, url } = await startReceiver({ ...unsigned, waitForClientMs: 60 });
    const { messages } = await realClient(receiver);
    const response = '{"jsonrpc":"2.0","id":0,"result":{}}';
    expect((await post(url, { 'x-session-id': 'session-1' }, response)).status).toBe(404);
    expect((await post(url, {})).status).toBe(404);
    expect(messages).toEqual([]);
  });
});

describe('a message whose client is not there', () => {
  it('is delivered to one that attaches in time', async () => {
    const secrets = generateSecret();
    const { receiver, url, waiting } = await startReceiver({ secrets, waitForClientMs: 60_000 });
    const waits = waiting();
    const posted = post(url, signed(secrets));
    await waits;
    const [client, other] = [new FakeClient(), new FakeClient('other')];
    receiver.attach(other);
    receiver.attach(client);
    expect((await posted).status).toBe(200);
    expect([client.received.length, other.received.length]).toEqual([1, 0]);
  });

  it('is delivered to one that has its session in time, without anybody telling', async () => {
    const secrets = generateSecret();
    const { receiver, url, waiting } = await startReceiver({ secrets, waitForClientMs: 60_000 });
    const client = new FakeClient();
    receiver.attach(client);
    const waits = waiting();
    const { 'x-client-id': _named, ...headers } = signed(secrets);
    const posted = post(url, { ...headers, 'x-session-id': 'session' });
    await waits;
    client.session = 'session';
    expect((await posted).status).toBe(200);
    expect(client.received).toHaveLength(1);
  });

  it('is verified with the secret of who comes', async () => {
    const { receiver, url, waiting } = await startReceiver({ waitForClientMs: 60_000 });
    const waits = waiting();
    const posted = post(url, signed(generateSecret()));
    await waits;
    const client = new FakeClient();
    receiver.attach(client);
    expect((await posted).status).toBe(401);
    expect(client.received).toEqual([]);
  });

  it('is refused in the end', async () => {
    const { url } = await startReceiver({ waitForClientMs: 100 });
    const began = performance.now();
    const refused = await post(url, { 'x-client-id': 'nobody' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(95);
    expect(refused.status).toBe(404);
    expect(errorOf(refused)).toBe('ERR_UNCLAIMED_MESSAGE');
  });

  it('is refused at once where nothing is to wait', async () => {
    const { url } = await startReceiver({ waitForClientMs: 0 });
    expect((await post(url, { 'x-client-id': 'nobody' })).status).toBe(404);
  });

  it('waits with nineteen others and no more; who hangs up gives the place back', async () => {
    const { receiver, url, waiting } = await startReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const waits = waiting(20);
    const first = startPost(url, { 'x-client-id': 'client' });
    const posts = Array.from({ length: 19 }, () => post(url, { 'x-client-id': 'client' }));
    await waits;
    const full = await post(url, { 'x-client-id': 'client' });
    // Not 503: strangers could have the whole endpoint paused that way.
    expect(full.status).toBe(404);
    expect(errorOf(full)).toBe('ERR_UNCLAIMED_MESSAGE');
    first.destroy();
    const client = new FakeClient();
    const late = await waitingPost(url);
    receiver.attach(client);
    const statuses = (await Promise.all([...posts, late.posted])).map(({ status }) => status);
    expect(statuses).toEqual(Array(20).fill(200));
    expect(client.received).toHaveLength(20);
  });

  it('gives its place back also when it was sent ahead of another’s answer', async () => {
    const { receiver, url, port, waiting } = await startReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const waits = waiting(20);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const one = rawPost('/webhook/response', ['Content-Type: application/json', 'X-Client-ID: client'], BODY);
    socket.write(one.replace('Connection: close', 'Connection: keep-alive').repeat(20));
    await waits;
    socket.destroy();
    const waited = await Promise.all(Array.from({ length: 20 }, () => waitingPost(url)));
    const client = new FakeClient();
    receiver.attach(client);
    const statuses = (await Promise.all(waited.map(({ posted }) => posted))).map(({ status }) => status);
    expect(statuses).toEqual(Array(20).fill(200));
    expect(client.received).toHaveLength(20);
  });

  it('does not wait for a client that has left, until it is here again', async () => {
    const { receiver, url } = await startReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const client = new FakeClient();
    receiver.attach(client).detach();
    expect((await post(url, { 'x-client-id': client.clientId })).status).toBe(404);
    receiver.attach(client);
    expect((await post(url, { 'x-client-id': client.clientId })).status).toBe(200);
  });

  it('is refused when the receiver closes', async () => {
    const { receiver, url, waiting } = await startReceiver({ waitForClientMs: 60_000 });
    const waits = waiting(5);
    const posts = Array.from({ length: 5 }, () => post(url, { 'x-client-id': 'client' }));
    await waits;
    await receiver.close();
    for (const answer of await Promise.all(posts)) {
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
      expect(errorOf(answer)).toBe('ERR_CLOSED');
    }
  });

  it('is not for a client that has left because of what was read together with it', async () => {
    const { receiver, port } = await startReceiver({ waitForClientMs: 0 });
    const client = new FakeClient();
    const { secret, detach } = receiver.attach(client);
    client.take = async () => detach();
    const answers = await raw(port, [together(signed(secret), signed(secret, { id: 'msg_2' }))]);
    expect(statusesIn(answers)).toEqual([200, 404]);
    expect(client.received).toHaveLength(1);
  });

  it('is judged by the secret of the client that is here, not of the one it was read for', async () => {
    const { receiver, port } = await startReceiver({ waitForClientMs: 0 });
    const [first, second] = [new FakeClient(), new FakeClient()];
    const { secret, detach } = receiver.attach(first);
    first.take = async () => {
      detach();
      receiver.attach(second);
    };
    const answers = await raw(port, [together(signed(secret), signed(secret, { id: 'msg_2' }))]);
    expect(statusesIn(answers)).toEqual([200, 401]);
    expect([first.received.length, second.received.length]).toEqual([1, 0]);
  });

  it('is for a client that has come because of what was read together with it', async () => {
    const { receiver, port } = await startReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const [first, second] = [new FakeClient('first'), new FakeClient('second')];
    receiver.attach(first);
    first.take = async () => void receiver.attach(second);
    const answers = await raw(port, [together({ 'x-client-id': 'first' }, { 'x-client-id': 'second' })]);
    expect(statusesIn(answers)).toEqual([200, 200]);
    expect(second.received).toHaveLength(1);
  });

  it('is not lost with a client that leaves while it is being delivered', async () => {
    const { receiver, url } = await startReceiver();
    const client = new FakeClient();
    const gate = createDeferred();
    client.take = () => gate.promise;
    const { secret, detach } = receiver.attach(client);
    const posted = post(url, signed(secret));
    await until(() => client.received.length === 1);
    detach();
    gate.resolve();
    expect((await posted).status).toBe(200);
  });
});
