import { ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';
import type { ToolEntry } from './tools/catalogue.js';

type Tools = Readonly<Record<string, ToolEntry>>;

const ABOUT_URI = 'demo://about';
const MIME_TYPE = 'text/markdown';

/** In one line: whoever shows it knows how wide that may be. */
const WHAT_IT_IS =
  'An MCP server with tools worth trying. It is the same over SQS, over SNS and SQS, over webhooks, and over Streamable HTTP ' +
  'with webhooks; `server_info` says which of these this is, and how replies travel.';

/** What the server says of itself: `demo://about`, and `demo://tools/<name>` for each of `tools`. */
export function registerResources(server: McpServer, tools: Tools): void {
  server.registerResource(
    'about',
    ABOUT_URI,
    { title: 'About this server', description: 'What this server is, and its tools.', mimeType: MIME_TYPE },
    () => markdown(ABOUT_URI, about(tools)),
  );

  const names = Object.keys(tools);
  const template = new ResourceTemplate('demo://tools/{name}', {
    list: () => ({ resources: names.map((name) => ({ uri: `demo://tools/${name}`, name, mimeType: MIME_TYPE })) }),
    complete: { name: (beginning) => names.filter((name) => name.startsWith(beginning)) },
  });
  server.registerResource(
    'tool',
    template,
    { title: 'A tool', description: 'What a tool does, and arguments to try it with.', mimeType: MIME_TYPE },
    (uri, { name }) => {
      const tool = typeof name === 'string' && Object.hasOwn(tools, name) ? tools[name] : undefined;
      if (tool === undefined)
        throw new McpError(ErrorCode.InvalidParams, `There is no tool for ${uri.href}; there are ${names.join(', ')}.`);
      return markdown(uri.href, `# ${String(name)}\n\n${tool.description}\n\n${exampleOf(tool)}`);
    },
  );
}

function about(tools: Tools): string {
  const list = Object.entries(tools).map(([name, { description }]) => `- \`${name}\`: ${description}\n`);
  return `# asyncmcp demo server

${WHAT_IT_IS}

## Tools

${list.join('')}`;
}

function exampleOf({ example }: ToolEntry): string {
  return `Arguments to try it with:\n\n\`\`\`json\n${JSON.stringify(example, undefined, 2)}\n\`\`\`\n`;
}

function markdown(uri: string, text: string): ReadResourceResult {
  return { contents: [{ uri, mimeType: MIME_TYPE, text }] };
}
