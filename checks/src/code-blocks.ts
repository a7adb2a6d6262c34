/** A code block of a Markdown document. */
export interface CodeBlock {
  /** Of its first line of code, from 1. */
  readonly line: number;
  /** What follows the fence: `ts`, `sh`, `ts unchecked: the reason`. */
  readonly info: string;
  readonly code: string;
}

const OPENING = /^(?<indent>[ \t>]*)(?<fence>`{3,}|~{3,})(?<info>.*)$/;

/** The fenced code blocks of a document, those in lists and quotations included. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open:
    { readonly fence: string; readonly indent: string; readonly line: number; readonly info: string } | undefined;
  let code: string[] = [];
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    if (open === undefined) {
      const { indent = '', fence, info = '' } = OPENING.exec(line)?.groups ?? {};
      // Between backquotes there may be no backquote in the info string: that is code in a line.
      if (fence === undefined || (fence.startsWith('`') && info.includes('`'))) continue;
      open = { fence, indent, line: index + 2, info: info.trim() };
      code = [];
    } else if (closes(line, open.fence)) {
      blocks.push({ line: open.line, info: open.info, code: code.join('\n') });
      open = undefined;
    } else {
      code.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
    }
  }
  if (open !== undefined) throw new Error(`The code block of line ${open.line - 1} has no end.`);
  return blocks;
}

function closes(line: string, fence: string): boolean {
  const text = line.replace(/^[ \t>]*/, '').trimEnd();
  return text.length >= fence.length && text === (fence[0] ?? '').repeat(text.length);
}

/** Whether a block is TypeScript, and why it is not to be checked, where it says so. */
export function typescriptOf(block: CodeBlock): { readonly unchecked: string | undefined } | undefined {
  const [language = '', ...rest] = block.info.split(/\s+/);
  if (!['ts', 'mts', 'typescript'].includes(language.toLowerCase())) return undefined;
  const note = rest.join(' ');
  if (note === '') return { unchecked: undefined };
  const reason = /^unchecked: (\S.*)$/.exec(note)?.[1];
  if (reason === undefined) throw new Error(`Line ${block.line - 1}: not "${note}" but "unchecked: <the reason>".`);
  return { unchecked: reason };
}
