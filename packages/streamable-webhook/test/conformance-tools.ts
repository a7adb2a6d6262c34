import { setTimeout as sleep } from 'node:timers/promises';
import { CreateMessageResultSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { AUDIO, IMAGE } from './conformance-media.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  ElicitRequestFormParams,
  ServerNotification,
  ServerRequest,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

export interface ConformanceTool extends Tool {
  readonly run: (args: Readonly<Record<string, unknown>>, extra: Extra) => CallToolResult | Promise<CallToolResult>;
}

const NO_ARGUMENTS = { type: 'object' as const };
const STEP_MS = 50;

function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] };
}

async function log(extra: Extra, data: string): Promise<void> {
  await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
}

async function elicit(
  extra: Extra,
  message: string,
  properties: ElicitRequestFormParams['requestedSchema']['properties'],
  required: string[] = [],
): Promise<string> {
  const requestedSchema = { type: 'object' as const, properties, required };
  const request = { method: 'elicitation/create' as const, params: { message, requestedSchema } };
  const { action, content } = await extra.sendRequest(request, ElicitResultSchema);
  return `action=${action}, content=${JSON.stringify(content ?? {})}`;
}

const CONTENT_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'test_simple_text',
    description: 'Returns text',
    inputSchema: NO_ARGUMENTS,
    run: () => text('This is a simple text response for testing.'),
  },
  {
    name: 'test_image_content',
    description: 'Returns an image',
    inputSchema: NO_ARGUMENTS,
    run: () => ({ content: [{ type: 'image', ...IMAGE }] }),
  },
  {
    name: 'test_audio_content',
    description: 'Returns audio',
    inputSchema: NO_ARGUMENTS,
    run: () => ({ content: [{ type: 'audio', ...AUDIO }] }),
  },
  {
    name: 'test_embedded_resource',
    description: 'Returns an embedded resource',
    inputSchema: NO_ARGUMENTS,
    run() {
      const resource = {
        uri: 'test://embedded-resource',
        mimeType: 'text/plain',
        text: 'This is an embedded resource content.',
      };
      return { content: [{ type: 'resource', resource }] };
    },
  },
  {
    name: 'test_multiple_content_types',
    description: 'Returns content of several types',
    inputSchema: NO_ARGUMENTS,
    run() {
      const uri = 'test://mixed-content-resource';
      const resource = { uri, mimeType: 'application/json', text: JSON.stringify({ test: 'data', value: 123 }) };
      return {
        content: [
          { type: 'text', text: 'Multiple content types test:' },
          { type: 'image', ...IMAGE },
          { type: 'resource', resource },
        ],
      };
    },
  },
  {
    name: 'test_error_handling',
    description: 'Fails',
    inputSchema: NO_ARGUMENTS,
    run: () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }),
  },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Tool with JSON Schema 2020-12 features',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    run: () => text('done'),
  },
];

const TALKING_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'test_tool_with_logging',
    description: 'Logs while it runs',
    inputSchema: NO_ARGUMENTS,
    async run(_args, extra) {
      await log(extra, 'Tool execution started');
      await sleep(STEP_MS);
      await log(extra, 'Tool processing data');
      await sleep(STEP_MS);
      await log(extra, 'Tool execution completed');
      return text('Logged three times.');
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Reports progress',
    inputSchema: NO_ARGUMENTS,
    async run(_args, extra) {
      const progressToken = extra._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        const params = { progress, total: 100 };
        if (progressToken !== undefined) {
          await extra.sendNotification({ method: 'notifications/progress', params: { ...params, progressToken } });
        }
        await sleep(STEP_MS);
      }
      return text('Done, with progress.');
    },
  },
  {
    name: 'test_reconnection',
    description: 'Closes its connection before it answers, so that the client has to come back',
    inputSchema: NO_ARGUMENTS,
    async run(_args, extra) {
      await sleep(STEP_MS);
      extra.closeSSEStream?.();
      await sleep(2 * STEP_MS);
      return text('You came back.');
    },
  },
];

const ASKING_TOOLS: readonly ConformanceTool[] = [
  {
    name: 'test_sampling',
    description: 'Asks the client for a completion',
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    async run({ prompt }, extra) {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: String(prompt) } }];
      const request = { method: 'sampling/createMessage' as const, params: { messages, maxTokens: 100 } };
      const { content } = await extra.sendRequest(request, CreateMessageResultSchema);
      return text(`LLM response: ${content.type === 'text' ? content.text : content.type}`);
    },
  },
  {
    name: 'test_elicitation',
    description: 'Asks the user for something',
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    async run({ message }, extra) {
      const properties = {
        username: { type: 'string' as const, description: "User's response" },
        email: { type: 'string' as const, description: "User's email address" },
      };
      return text(`User response: ${await elicit(extra, String(message), properties, ['username', 'email'])}`);
    },
  },
  {
    name: 'test_elicitation_sep1034_defaults',
    description: 'Asks with default values',
    inputSchema: NO_ARGUMENTS,
    async run(_args, extra) {
      const properties = {
        name: { type: 'string' as const, default: 'John Doe' },
        age: { type: 'integer' as const, default: 30 },
        score: { type: 'number' as const, default: 95.5 },
        status: { type: 'string' as const, enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean' as const, default: true },
      };
      return text(`Elicitation completed: ${await elicit(extra, 'Check the defaults', properties)}`);
    },
  },
  {
    name: 'test_elicitation_sep1330_enums',
    description: 'Asks with all kinds of enums',
    inputSchema: NO_ARGUMENTS,
    async run(_args, extra) {
      return text(`Elicitation completed: ${await elicit(extra, 'Choose', ENUMS)}`);
    },
  },
];

const OPTIONS = ['option1', 'option2', 'option3'];
const TITLED = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
  { const: 'value3', title: 'Third' },
];
const ENUMS: ElicitRequestFormParams['requestedSchema']['properties'] = {
  untitledSingle: { type: 'string', enum: OPTIONS },
  titledSingle: { type: 'string', oneOf: TITLED },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
  titledMulti: { type: 'array', items: { anyOf: TITLED } },
};

/** The tools that the conformance suite calls. */
export const CONFORMANCE_TOOLS: readonly ConformanceTool[] = [...CONTENT_TOOLS, ...TALKING_TOOLS, ...ASKING_TOOLS];
