import { PassThrough, Writable } from 'node:stream';
import { until } from '@asyncmcp/testkit';
import xterm from '@xterm/headless';

/** A terminal's screen, as somebody would see it. */
export class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor({ columns = 80, rows = 24 } = {}) {
    super();
    this.columns = columns;
    this.rows = rows;
    // A terminal in raw mode still begins lines at the left.
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#terminal.write(chunk, done);
  }

  /** All lines, what has scrolled away included. */
  get lines(): readonly string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, at) => active.getLine(at)?.translateToString().trimEnd() ?? '',
    );
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  /** What stands left of the cursor in its row. */
  get beforeCursor(): string {
    const { active } = this.#terminal.buffer;
    const line = active.getLine(active.baseY + active.cursorY)?.translateToString(false) ?? '';
    return line.slice(0, active.cursorX);
  }
}

/** Waits until the screen ends in these lines. */
export async function expectEnd(screen: Screen, ...lines: readonly string[]): Promise<void> {
  const text = lines.join('\n');
  await expectWhen(screen, () => screen.lines.slice(-lines.length).join('\n') === text, text);
}

/** Waits until it shows these lines, and none above them. */
export async function expectAll(screen: Screen, ...lines: readonly string[]): Promise<void> {
  const text = lines.join('\n');
  await expectWhen(screen, () => screen.lines.join('\n') === text, text);
}

export async function expectText(screen: Screen, text: string | RegExp): Promise<void> {
  const isThere = (all: string): boolean => (typeof text === 'string' ? all.includes(text) : text.test(all));
  await expectWhen(screen, () => isThere(screen.lines.join('\n')), String(text));
}

export async function expectWhen(screen: Screen, condition: () => boolean, what: string): Promise<void> {
  await until(condition, { message: () => `the screen to show\n${what}\nbut it shows\n${screen.lines.join('\n')}` });
}

/** A terminal's keys. */
export class Keyboard extends PassThrough {
  readonly isTTY = true;
  isRaw = false;

  setRawMode(raw: boolean): this {
    this.isRaw = raw;
    return this;
  }

  type(...texts: readonly string[]): void {
    for (const text of texts) this.write(text);
  }
}

export const Key = {
  enter: '\r',
  tab: '\t',
  up: '\u001b[A',
  down: '\u001b[B',
  home: '\u0001',
  end: '\u0005',
  backspace: '\u007f',
  ctrlC: '\u0003',
  ctrlD: '\u0004',
} as const;

/** What is written, as text. */
export class Paper extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  get lines(): readonly string[] {
    return this.text.trimEnd().split('\n');
  }
}
