import { ClientTransport } from '@asyncmcp/core';
import { describe, expect, it } from '@jest/globals';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as McpServerV2, Server as ServerV2 } from '@modelcontextprotocol/server';
import { MemoryBroker } from '../src/memory/broker.js';
import { MemoryClientTransport } from '../src/memory/client-transport.js';
import type { CreateServer, ServerLike } from '@asyncmcp/core';
import type { Transport as ClientTransportV2 } from '@modelcontextprotocol/client';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Transport as ServerTransportV2 } from '@modelcontextprotocol/server';

/** What `connect` of the user's server is given: the transport of a session. */
type SessionTransport = Parameters<ServerLike['connect']>[0];

type Assignable<From, To> = From extends To ? true : never;

/** Checked by the compiler: that this file compiles is the test. */
const typesFit: {
  clientTransportForV1: Assignable<ClientTransport, TransportV1>;
  clientTransportForV2: Assignable<ClientTransport, ClientTransportV2>;
  clientTransportForV2Servers: Assignable<ClientTransport, ServerTransportV2>;
  sessionTransportForV1: Assignable<SessionTransport, TransportV1>;
  sessionTransportForV2: Assignable<SessionTransport, ServerTransportV2>;
  v1TransportsAlike: Assignable<TransportV1, ClientTransportV2>;
  v2TransportsAlike: Assignable<ClientTransportV2, TransportV1>;
} = {
  clientTransportForV1: true,
  clientTransportForV2: true,
  clientTransportForV2Servers: true,
  sessionTransportForV1: true,
  sessionTransportForV2: true,
  v1TransportsAlike: true,
  v2TransportsAlike: true,
};

const INFO = { name: 'types', version: '1.0.0' };

describe('structural typing', () => {
  it('fits the transports into either major of the SDK', () => {
    expect(Object.values(typesFit)).not.toContain(false);
  });

  it('takes the server objects of either major from createServer', () => {
    const factories: readonly CreateServer[] = [
      () => new McpServerV1(INFO),
      () => new ServerV1(INFO),
      () => new McpServerV2(INFO),
      () => new ServerV2(INFO),
      async () => new McpServerV2(INFO),
    ];
    expect(factories).toHaveLength(5);
  });

  it('gives clients of either major a transport they can connect to', async () => {
    const broker = new MemoryBroker();
    const transport = new MemoryClientTransport({ broker, requestQueue: 'nowhere' });
    const another = new MemoryClientTransport({ broker, requestQueue: 'nowhere' });
    await expect(new ClientV1(INFO).connect(transport)).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await expect(new ClientV2(INFO).connect(another)).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await Promise.all([transport.close(), another.close()]);
  });

  it('lets a client reassign start, as that of the v2 SDK does when it has probed', async () => {
    const broker = new MemoryBroker();
    const transport: ClientTransport = new MemoryClientTransport({ broker, requestQueue: 'nowhere' });
    await transport.start();
    transport.start = async () => {};
    await transport.start();
    await transport.close();
    expect(transport).toBeInstanceOf(ClientTransport);
  });
});
