import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncMcpError } from '@asyncmcp/core';
import { describe, expect, it } from '@jest/globals';
import { CONTRACT, contractCaseNamed, transportContract } from '../src/contract/transport-contract.js';
import { jestGlobals } from '../src/jest-globals.js';
import { MemoryBroker } from '../src/memory/broker.js';
import { createMemoryFixture } from '../src/memory/contract-fixture.js';
import type { ClientTransport, WireAttributes } from '@asyncmcp/core';
import type { ContractFixture, ContractServer } from '../src/contract/fixture.js';
import type { BrokerMessage, LeasedMessage, ReceiveOptions } from '../src/memory/queue.js';

/** What does not come in this time does not come: nothing here waits for anything but the event loop. */
const PATIENCE_MS = 500;

function fixtureOver(broker: MemoryBroker): ContractFixture {
  return createMemoryFixture({ broker, patienceMs: PATIENCE_MS });
}

/** Runs a case on a fixture and closes that; resolves with the case's error, if it has one. */
async function failureOf(name: string, fixture: ContractFixture): Promise<unknown> {
  try {
    await contractCaseNamed(name).run(fixture);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await fixture.close();
  }
}

/** Acknowledges before the work. */
class HastyBroker extends MemoryBroker {
  override async receive(name: string, options: ReceiveOptions): Promise<LeasedMessage[]> {
    const messages = await super.receive(name, options);
    for (const { receipt } of messages) await super.ack(name, receipt);
    return messages;
  }
}

/** Loses the ids that duplicates are recognised by. */
class ForgetfulBroker extends MemoryBroker {
  override async receive(name: string, options: ReceiveOptions): Promise<LeasedMessage[]> {
    const messages = await super.receive(name, options);
    return messages.map((message) => ({ ...message, id: message.receipt, attributes: without(message, 'AsyncMcp') }));
  }
}

/** Loses whose session a message belongs to. */
class CarelessBroker extends MemoryBroker {
  override send(name: string, message: BrokerMessage): Promise<void> {
    return super.send(name, { ...message, attributes: without(message, 'ClientId') });
  }
}

/** Drops what will never work, without a trace. */
class SilentBroker extends MemoryBroker {
  override reject(name: string, receipt: string): Promise<boolean> {
    return this.ack(name, receipt);
  }
}

function without({ attributes }: BrokerMessage, name: string): WireAttributes {
  const { [name]: _, ...rest } = attributes;
  return rest;
}

/** A fixture whose client transports behave otherwise. */
function withClients(change: (transport: ClientTransport) => void): ContractFixture {
  const fixture = fixtureOver(new MemoryBroker({ maxMessageBytes: 100_000 }));
  return {
    ...fixture,
    createClientTransport(options) {
      const transport = fixture.createClientTransport(options);
      change(transport);
      return transport;
    },
  };
}

/** A fixture whose servers behave otherwise. */
function withServers(change: (server: ContractServer) => void): ContractFixture {
  const fixture = fixtureOver(new MemoryBroker({ maxMessageBytes: 100_000 }));
  return {
    ...fixture,
    async startServer(options) {
      const server = await fixture.startServer(options);
      change(server);
      return server;
    },
  };
}

const BROKEN: readonly {
  readonly flaw: string;
  readonly fixture: () => ContractFixture;
  readonly caught: readonly string[];
}[] = [
  {
    flaw: 'acknowledges before the work',
    fixture: () => fixtureOver(new HastyBroker()),
    caught: [
      'a closing server answers what ends in time, and leaves the rest to the next',
      'a createServer that fails once is asked again',
      'a body that is not JSON and says not whom to answer is dead-lettered',
    ],
  },
  {
    flaw: 'does not recognise duplicates',
    fixture: () => fixtureOver(new ForgetfulBroker()),
    caught: [
      'a request that arrives twice runs once and is answered once',
      'a request that arrives again after its answer gets the same answer again',
      'an initialize that arrives twice opens one session',
      'notifications and server requests that arrive twice reach the client once',
    ],
  },
  {
    flaw: 'does not say who sent a message',
    fixture: () => fixtureOver(new CarelessBroker()),
    caught: [
      "a request for another client's session is refused as if there were none",
      "nobody can end another client's session",
      'createServer is told whose session it makes a server for',
      'a client does not take the answer of another session for its own',
    ],
  },
  {
    flaw: 'drops what it cannot handle',
    fixture: () => fixtureOver(new SilentBroker()),
    caught: [
      'a body that is not JSON and says not whom to answer is dead-lettered',
      'a request for an unknown session that says not where to answer is dead-lettered',
      'an answer to an address that is gone is kept as a dead letter, and reported',
    ],
  },
  {
    flaw: 'hands every message to the client twice',
    fixture: () =>
      withClients((transport) => {
        let handler: ClientTransport['onmessage'];
        Object.defineProperty(transport, 'onmessage', {
          get: () => handler,
          set: (given: ClientTransport['onmessage']) => {
            handler = (message, extra) => {
              given?.(message, extra);
              given?.(message, extra);
            };
          },
        });
      }),
    caught: [
      'replies that arrive twice reach the caller once',
      'progress comes in order, and all of it before the answer',
    ],
  },
  {
    flaw: 'closes clients only when the next message comes',
    fixture: () =>
      withClients((transport) => {
        const close = transport.close.bind(transport);
        transport.close = async () => {
          await sleep(1100);
          await close();
        };
      }),
    caught: ['a client closes at once, even while it waits for messages'],
  },
  {
    flaw: 'lets a client start twice',
    fixture: () =>
      withClients((transport) => {
        const start = transport.start.bind(transport);
        let started: Promise<void> | undefined;
        transport.start = () => (started ??= start());
      }),
    caught: ['a client transport starts once'],
  },
  {
    flaw: 'drops calls when it closes',
    fixture: () => {
      const broker = new MemoryBroker();
      const fixture = fixtureOver(broker);
      broker.release = async (name, receipt) => broker.ack(name, receipt);
      return fixture;
    },
    caught: [
      'a closing server answers what ends in time, and leaves the rest to the next',
      'a closing server gives back calls that wait for their client',
      'an answer that cannot be sent is sent later, and the call runs once',
    ],
  },
  {
    flaw: 'reports errors that are none',
    fixture: () =>
      withServers((server) => {
        const falseAlarm = new AsyncMcpError('ERR_INTERNAL', 'All is well.');
        Object.defineProperty(server, 'onerror', {
          set: (given: ContractServer['onerror']) => {
            given?.(falseAlarm);
          },
        });
      }),
    caught: ['tools are listed and called'],
  },
];

describe('the transport contract catches a transport that', () => {
  for (const { flaw, fixture, caught } of BROKEN) {
    for (const name of caught) {
      it(`${flaw}: ${name}`, async () => {
        expect(await failureOf(name, fixture())).toBeDefined();
        expect(await failureOf(name, createMemoryFixture())).toBeUndefined();
      });
    }
  }
});

interface Registered {
  readonly name: string;
  readonly run: () => unknown;
}

/** What the contract would register with jest. */
function registered(supports: Record<string, string>): Registered[] {
  const cases: Registered[] = [];
  const { describe: realDescribe, it: realIt } = jestGlobals();
  Object.assign(globalThis, {
    describe: (_name: string, register: () => void): void => register(),
    it: (name: string, run: () => unknown): void => void cases.push({ name, run }),
  });
  try {
    transportContract({ name: 'x', setup: async () => createMemoryFixture(), supports });
  } finally {
    Object.assign(globalThis, { describe: realDescribe, it: realIt });
  }
  return cases;
}

describe('the transport contract', () => {
  it('has no two cases of one name', () => {
    const names = CONTRACT.flatMap(({ cases }) => cases.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it('refuses an exception for a case that there is not', () => {
    const supports = { 'a case that was renamed': 'It was renamed, and nobody looked here.' };
    expect(() => transportContract({ name: 'x', setup: async () => createMemoryFixture(), supports })).toThrow(
      /no case "a case that was renamed"/,
    );
  });

  it('registers an exception as a test of its reason', () => {
    const name = 'tools are listed and called';
    const reason = 'This wire carries no tools, so nothing can be called over it.';
    const explained = registered({ [name]: reason }).find((one) => one.name.startsWith(name));
    expect(explained?.name).toBe(`${name} (not on this transport: ${reason})`);
    expect(explained?.run).not.toThrow();
    const unexplained = registered({ [name]: 'todo' }).find((one) => one.name.startsWith(name));
    expect(unexplained?.run).toThrow(/todo/);
  });
});
