import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** What tar counts in. */
const BLOCK_BYTES = 512;

/**
 * The tarball of an installed package. Not tar's: pnpm links files of the same content to each other, tar notes links as such, and
 * npm leaves links out.
 */
export async function packFolder(directory: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name).slice(directory.length + 1);
    if (!entry.isFile() || path.startsWith('node_modules/')) continue;
    const data = await readFile(join(directory, path));
    parts.push(header(`package/${path}`, data.length), data, Buffer.alloc(-data.length & (BLOCK_BYTES - 1)));
  }
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]), { level: 1 });
}

/** The header of a file in the format ustar: POSIX.1-1988, pax(1). */
function header(path: string, bytes: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  // A path of more than 100 bytes is cut in two at a slash.
  const cut = path.length > 100 ? path.indexOf('/', path.length - 101) : -1;
  block.write(path.slice(cut + 1), 0);
  block.write(path.slice(0, Math.max(cut, 0)), 345);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset);
  };
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(0, 136, 11);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block.writeUInt8(0, 154);
  return block;
}
