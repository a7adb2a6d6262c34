import type { Page, Style } from '@asyncmcp/demo-client';

/** What a demo is shown on. */
export interface Stage {
  readonly print: (line: string) => void;
  readonly style: Style;
  /** Aborted when the demo is to end early. */
  readonly signal: AbortSignal;
  /** What the server is to get from the web. */
  readonly page: Page;
  /** Takes what the server prints, if that is to be shown. */
  readonly onServerLine: ((line: string) => void) | undefined;
  /** Prints something that is true now: `queues     demo-requests`. */
  fact(subject: string, text: string): void;
  /** Prints how to read the scenario's lines: what stands in their columns, in a line. */
  legend(columns: string): void;
  /** Prints what the server said, unless it was shown all along. */
  failed(serverOutput: string): void;
}

export interface StageOptions {
  readonly style: Style;
  readonly signal: AbortSignal;
  readonly page: Page;
  readonly verbose: boolean;
}

export function createStage({ style, signal, page, verbose }: StageOptions): Stage {
  const print = (line: string): void => console.log(line);
  const serverLine = (line: string): void => print(style.faint(`    | ${line}`));
  return {
    print,
    style,
    signal,
    page,
    onServerLine: verbose ? serverLine : undefined,
    fact: (subject, text) => print(`  ${style.strong(subject.padEnd(10))} ${text}`),
    legend: (columns) => {
      print('');
      print(style.faint('  Checked by the client (✓), and what it sent (→) and received (←):'));
      print(style.faint(`  ${columns}`));
      print('');
    },
    failed: (serverOutput) => {
      if (verbose) return;
      print('');
      print('  The server said:');
      serverOutput.split('\n').forEach(serverLine);
    },
  };
}
