/**
 * The demo's MCP client: a scenario that checks what it gets and shows what travelled. The command that runs it over any
 * transport is `@asyncmcp/demo-client/main`.
 *
 * @packageDocumentation
 */
export { ScenarioError, runScenario } from './scenario.js';
export { Trace } from './trace.js';
export { traceSns } from './trace-sns.js';
export { traceSqs } from './trace-sqs.js';
export { openStreamableWebhookClient, openWebhookClient } from './webhook-client.js';
export { createStyle, isColored } from './style.js';

export type { Page, PageFacts } from './page-steps.js';
export type { ScenarioOptions, ScenarioTotals } from './scenario.js';
export type { DemoTransport } from './steps.js';
export type { Style } from './style.js';
export type { TraceEntry } from './trace.js';
export type { WebhookClientOptions, WebhookClientSide } from './webhook-client.js';
export type { WebhookArrival, WebhookEndpoint } from './webhook-endpoint.js';
