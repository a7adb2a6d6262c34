/** What a tool is said to be: to clients, in the command's help, and in the server's resources. */
export interface ToolEntry {
  readonly description: string;
  /** Arguments to try it with. */
  readonly example: Readonly<Record<string, unknown>>;
}

export const TOOLS = {
  analyze: {
    description: 'Counts the words, links and headings of a web page, slowly; reports each section.',
    example: { url: 'https://example.com/' },
  },
  announce: {
    description: 'Tells every client something, by one notification for all.',
    example: { text: 'Lunch!' },
  },
  count_words: {
    description: 'Counts words, slowly; reports each sentence.',
    example: { text: 'So it is. Or is it not?' },
  },
  divide: { description: 'Divides two numbers; fails if the second is 0.', example: { dividend: 6, divisor: 4 } },
  fetch: {
    description: 'Gets a web page or another text by http or https.',
    example: { url: 'https://example.com/', maxCharacters: 500 },
  },
  greet: { description: 'Greets somebody, at once.', example: { name: 'Ada' } },
  introduce: { description: 'Asks the client for a name, and greets whoever it is.', example: {} },
  server_info: {
    description: 'Says which process serves this session and over what, and what became of its calls so far.',
    example: {},
  },
  wait: {
    description: 'Waits, and reports each tenth of a second; made to be cancelled.',
    example: { seconds: 5 },
  },
} as const satisfies Readonly<Record<string, ToolEntry>>;

export type ToolName = keyof typeof TOOLS;

/** Those that take their time: over Streamable HTTP they answer by webhook. */
export const SLOW_TOOLS = ['analyze', 'count_words', 'wait'] as const satisfies readonly ToolName[];
