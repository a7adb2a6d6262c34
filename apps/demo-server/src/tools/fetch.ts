import { z } from 'zod';
import { shorten } from '../text.js';
import { TOOLS } from './catalogue.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { FetchedText, SafeFetch } from '../safe-fetch.js';
import type { ToolContext } from './tool-context.js';

const DEFAULT_CHARACTERS = 2000;

/** The result has the text twice, and escaped, in a message that a topic takes up to 256 KiB of. */
const MAX_CHARACTERS = 20_000;

export function registerFetch({ server, calls }: ToolContext, safeFetch: SafeFetch): void {
  server.registerTool(
    'fetch',
    {
      description: TOOLS.fetch.description,
      inputSchema: {
        url: z.string().describe('An absolute http or https URL.'),
        maxCharacters: z
          .int()
          .min(1)
          .max(MAX_CHARACTERS)
          .default(DEFAULT_CHARACTERS)
          .describe('The text is cut after as many characters.'),
      },
      outputSchema: {
        url: z.string().describe('Where the text came from, after redirects.'),
        status: z.int(),
        contentType: z.string(),
        bytes: z.int().describe('Of the whole body.'),
        text: z.string().describe('Its beginning.'),
      },
      annotations: { readOnlyHint: true, openWorldHint: true },
    },
    ({ url, maxCharacters }, extra) =>
      calls.run('fetch', extra, async () => resultOf(await safeFetch(url, extra.signal), maxCharacters)),
  );
}

function resultOf(fetched: FetchedText, maxCharacters: number): CallToolResult {
  const text = shorten(fetched.text, maxCharacters);
  const cut = `[cut after ${maxCharacters} of ${fetched.text.length} characters]`;
  const content = text === fetched.text ? [text] : [text, cut];
  return {
    content: content.map((part) => ({ type: 'text', text: part })),
    structuredContent: { ...fetched, text },
  };
}
