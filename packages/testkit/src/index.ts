/**
 * What the packages of this repository are tested with: an AWS emulator that can be taken down, faults for real clients,
 * contracts, and helpers for tests that wait or run several processes. Private; nothing here is published.
 *
 * @packageDocumentation
 */
export { EMULATOR_ACCOUNT_ID, EMULATOR_REGION, awsClientConfig } from './aws-client-config.js';
export { startAwsEmulator } from './aws-emulator.js';
export { spawnAwsEmulator } from './aws-emulator-child.js';
export { ModuleProcess, spawnModule } from './child-process.js';
export { createDeferred } from './deferred.js';
export { FileCallStore } from './file-call-store.js';
export { FileSessionStore } from './file-session-store.js';
export { http2Request } from './http2-request.js';
export { startHttpProxy } from './http-proxy.js';
export { startHookEndpoint } from './hook-endpoint.js';
export { jestGlobals } from './jest-globals.js';
export { listenOnLoopback } from './listen-on-loopback.js';
export { MemoryBroker } from './memory/broker.js';
export { MemoryClientTransport } from './memory/client-transport.js';
export { createMemoryFixture } from './memory/contract-fixture.js';
export { MemoryServer } from './memory/server.js';
export { rejectionOf } from './rejection.js';
export { seededRandom, shuffled } from './seeded-random.js';
export { sessionRecord } from './session-record.js';
export { sessionStoreContract } from './session-store-contract.js';
export { injectSnsFaults } from './sns-faults.js';
export { networkError, throttlingError, timeoutError, unavailableError } from './sqs-errors.js';
export { injectSqsFaults } from './sqs-faults.js';
export { rawAttributes, rawFifoIds } from './contract/raw-attributes.js';
export { transportContract } from './contract/transport-contract.js';
export { until } from './until.js';
export type { AwsClientConfig } from './aws-client-config.js';
export type { AwsEmulator, AwsEmulatorOptions, Outage } from './aws-emulator.js';
export type { AwsEmulatorChild } from './aws-emulator-child.js';
export type { ExitStatus, SpawnModuleOptions } from './child-process.js';
export type { Counts } from './counts.js';
export type { Http2Answer, Http2Request } from './http2-request.js';
export type { Deferred } from './deferred.js';
export type { TransportContractOptions } from './contract/transport-contract.js';
export type {
  ContractDeadLetter,
  ContractFixture,
  ContractServer,
  PeerWire,
  RawMessage,
  Refusal,
} from './contract/fixture.js';
export type { EmulatedQueue, MessageCounts, QueueAttributes } from './emulator-queues.js';
export type { HttpProxy, ProxiedRequest, ProxyFault, ProxyRoute } from './http-proxy.js';
export type { HookEndpoint, ReceivedHook } from './hook-endpoint.js';
export type { JestGlobals } from './jest-globals.js';
export type { JsonLine, NextLineOptions } from './json-lines.js';
export type { DeadLetter, MemoryBrokerOptions } from './memory/broker.js';
export type { MemoryClientTransportOptions } from './memory/client-transport.js';
export type { MemoryFixtureOptions } from './memory/contract-fixture.js';
export type { MemoryFaults, QueueFilter } from './memory/faults.js';
export type { BrokerMessage, LeasedMessage, ReceiveOptions } from './memory/queue.js';
export type { MemoryServerOptions } from './memory/server.js';
export type { SessionStoreContractOptions, SessionStoreFixture } from './session-store-contract.js';
export type { FailEntriesOptions, SqsFault, SqsFaults } from './sqs-faults.js';
export type { SnsFault, SnsFaults } from './sns-faults.js';
export type { Truthy, UntilOptions } from './until.js';
