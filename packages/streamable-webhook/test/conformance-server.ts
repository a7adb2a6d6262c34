import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { IMAGE } from './conformance-media.js';
import { CONFORMANCE_TOOLS } from './conformance-tools.js';
import type { PromptMessage, ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';

/** The MCP server that the public conformance suite expects. */
export function createConformanceServer(): Server {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    logging: {},
    completions: {},
  };
  const server = new Server({ name: 'conformance', version: '1.0.0' }, { capabilities });
  addTools(server);
  addResources(server);
  addPrompts(server);
  server.setRequestHandler(SetLevelRequestSchema, async () => ({}));
  server.setRequestHandler(CompleteRequestSchema, async () => ({
    completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false },
  }));
  return server;
}

function addTools(server: Server): void {
  const tools = CONFORMANCE_TOOLS.map(({ run: _run, ...tool }) => tool);
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = CONFORMANCE_TOOLS.find(({ name }) => name === params.name);
    if (tool === undefined) throw new Error(`no tool ${params.name}`);
    return tool.run(params.arguments ?? {}, extra);
  });
}

function addResources(server: Server): void {
  const resources = [
    { uri: 'test://static-text', name: 'text', description: 'Text', mimeType: 'text/plain' },
    { uri: 'test://static-binary', name: 'binary', description: 'An image', mimeType: 'image/png' },
    { uri: 'test://watched-resource', name: 'watched', description: 'Something that changes', mimeType: 'text/plain' },
  ];
  const resourceTemplates = [
    { uriTemplate: 'test://template/{id}/data', name: 'template', description: 'One for each id' },
  ];
  server.setRequestHandler(ListResourcesRequestSchema, async () => ({ resources }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, async () => ({ resourceTemplates }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => readResource(uri));
  server.setRequestHandler(SubscribeRequestSchema, async () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, async () => ({}));
}

function readResource(uri: string): ReadResourceResult {
  if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: IMAGE.mimeType, blob: IMAGE.data }] };
  const id = /^test:\/\/template\/(\w+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) {
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    return { contents: [{ uri, mimeType: 'application/json', text: data }] };
  }
  return { contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }] };
}

function addPrompts(server: Server): void {
  const argument = (name: string) => ({ name, description: `The ${name}`, required: true });
  const prompts = [
    { name: 'test_simple_prompt', description: 'Without arguments' },
    {
      name: 'test_prompt_with_arguments',
      description: 'With arguments',
      arguments: [argument('arg1'), argument('arg2')],
    },
    {
      name: 'test_prompt_with_embedded_resource',
      description: 'With a resource',
      arguments: [argument('resourceUri')],
    },
    { name: 'test_prompt_with_image', description: 'With an image' },
  ];
  server.setRequestHandler(ListPromptsRequestSchema, async () => ({ prompts }));
  server.setRequestHandler(GetPromptRequestSchema, async ({ params }) => ({
    messages: promptMessages(params.name, params.arguments ?? {}),
  }));
}

function promptMessages(name: string, args: Readonly<Record<string, string>>): PromptMessage[] {
  switch (name) {
    case 'test_prompt_with_arguments':
      return [said(`Prompt with arguments: arg1='${args['arg1'] ?? ''}', arg2='${args['arg2'] ?? ''}'`)];
    case 'test_prompt_with_embedded_resource': {
      const uri = args['resourceUri'] ?? '';
      const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
      const embedded = { role: 'user' as const, content: { type: 'resource' as const, resource } };
      return [embedded, said('Please process the embedded resource above.')];
    }
    case 'test_prompt_with_image':
      return [{ role: 'user', content: { type: 'image', ...IMAGE } }, said('Please analyze the image above.')];
    default:
      return [said('This is a simple prompt for testing.')];
  }
}

function said(text: string): PromptMessage {
  return { role: 'user', content: { type: 'text', text } };
}
