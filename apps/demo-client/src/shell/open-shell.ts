import { complete } from './completion.js';
import { HistoryFile } from './history-file.js';
import { LineEditor } from './line-editor.js';
import { fieldLines } from './result-view.js';
import { LineReader } from './line-reader.js';
import { Shell } from './shell.js';
import type { Writable } from 'node:stream';
import type { KeySource } from './keys.js';
import type { ShellOptions } from './shell-options.js';
import type { Terminal } from './terminal.js';

/** What a process has to talk to its user. */
export interface Streams {
  readonly stdin: KeySource & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

/** Takes commands from a terminal, or from whatever else the input is. Resolves with the exit code. */
export async function openShell(options: ShellOptions, streams: Streams = process): Promise<number> {
  const shell = new Shell(options);
  const terminal = openTerminal(shell, options, streams);
  const { side, signal, style } = options;
  if (terminal.isInteractive) {
    terminal.print([
      style.strong(`MCP over ${side.transport}`),
      ...fieldLines(
        [['requests', side.requests] as const, ['replies', side.replies] as const],
        terminal.columns - 2,
      ).map((line) => `  ${line}`),
      'init connects, help lists what else there is.',
    ]);
  }
  const failures = await shell.run(terminal);
  if (signal.aborted) return 130;
  return terminal.isInteractive || failures === 0 ? 0 : 1;
}

/** An editor needs a terminal on both sides that can move its cursor. */
function openTerminal(shell: Shell, { style }: ShellOptions, { stdin: input, stdout: output, env }: Streams): Terminal {
  if (input.isTTY !== true || output.isTTY !== true || env['TERM'] === 'dumb')
    return new LineReader({ input, output, echoes: input.isTTY !== true });
  const path = env['ASYNCMCP_HISTORY'] ?? '';
  // What is wrong with the file may show before there is an editor to say it in.
  const notices: string[] = [];
  const made: { editor?: LineEditor } = {};
  const onError = (message: string): void => {
    notices.push(message);
    made.editor?.print([message]);
  };
  const file = path === '' ? undefined : new HistoryFile(path, onError);
  const editor = new LineEditor({
    input,
    output,
    style,
    complete: (beginning) => complete(beginning, shell.vocabulary),
    history: file?.lines ?? [],
    onHistory: (lines) => file?.save(lines),
    onInterrupt: () => shell.interrupt(),
  });
  editor.print(notices);
  made.editor = editor;
  return editor;
}
