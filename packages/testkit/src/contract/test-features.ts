import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

const LANGUAGES = ['python', 'pascal', 'typescript'];

/** Resources, prompts and completions: what a server has beside tools. */
export function addFeatures(server: McpServer): void {
  addResources(server);
  addPrompts(server);
  // The SDK leaves subscribing to the server's author.
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function addResources(server: McpServer): void {
  server.registerResource('readme', 'contract://readme', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, text: 'read me' }],
  }));
  const template = new ResourceTemplate('contract://users/{name}', {
    list: undefined,
    complete: { name: (value) => ['ada', 'alan', 'grace'].filter((name) => name.startsWith(value)) },
  });
  server.registerResource('user', template, {}, (uri, { name }) => ({
    contents: [{ uri: uri.href, text: `user ${String(name)}` }],
  }));
}

function addPrompts(server: McpServer): void {
  const language = completable(z.string(), (value) => LANGUAGES.filter((one) => one.startsWith(value)));
  server.registerPrompt('review', { argsSchema: { language } }, (args) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Review this ${args.language} code.` } }],
  }));
}
