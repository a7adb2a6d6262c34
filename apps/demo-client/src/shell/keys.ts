import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Readable, TransformCallback } from 'node:stream';

/** A terminal's input; `setRawMode` has it hand over each key. */
export type KeySource = Readable & { setRawMode?: (raw: boolean) => unknown };

/**
 * A terminal's input, key by key. Of what comes as one piece (a paste, or keys while the machine is busy) node:readline writes all but
 * the last to the end of the line, wherever the cursor is, and loses count of the rows.
 */
export class Keys extends Transform {
  readonly isTTY = true;
  readonly #source: KeySource;
  readonly #decoder = new StringDecoder('utf8');

  constructor(source: KeySource) {
    super({ readableObjectMode: true });
    this.#source = source;
    source.pipe(this);
  }

  setRawMode(raw: boolean): this {
    this.#source.setRawMode?.(raw);
    return this;
  }

  /** Leaves the source to whoever comes next; without anybody it keeps no process alive. */
  release(): void {
    this.#source.unpipe(this);
    this.#source.pause();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // A tab that other text follows was pasted: it completes nothing.
    const text = this.#decoder.write(chunk).replaceAll(/\t(?=[^\t])/g, ' ');
    for (const key of text) this.push(key);
    done();
  }
}
