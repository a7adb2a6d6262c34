import { TextDecoder } from 'node:util';
import { parseMIMEType } from 'undici';
import { FetchError, tooLarge } from './fetch-errors.js';
import type { Response } from 'undici';

export interface ResponseText {
  /** As the response says. */
  readonly contentType: string;
  /** Of the body, decompressed. */
  readonly bytes: number;
  readonly text: string;
}

/** The types of text that are not `text/…`, `…+json` or `…+xml`. */
const TEXT_TYPES = new Set([
  'application/javascript',
  'application/json',
  'application/x-ndjson',
  'application/xml',
  'application/yaml',
]);

/** @throws FetchError if the response is not text, or larger than `maxBytes` */
export async function readText(response: Response, maxBytes: number): Promise<ResponseText> {
  const contentType = response.headers.get('content-type') ?? '';
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return { contentType, bytes: 0, text: '' };
  const decoder = decoderOf(contentType);
  if (Number(response.headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes);
  let bytes = 0;
  let text = '';
  // Counted as it comes, and decompressed: the length that a response states is a claim, and little can become much.
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return { contentType, bytes, text: text + decoder.decode() };
}

function decoderOf(contentType: string): TextDecoder {
  const type = parseMIMEType(contentType);
  if (type === 'failure')
    throw new FetchError('The response does not say what type its body is of, so it is not read.');
  if (!isText(type.essence)) throw new FetchError(`The response is ${type.essence}; only text is read.`);
  try {
    return new TextDecoder(type.parameters.get('charset') ?? 'utf-8');
  } catch {
    return new TextDecoder(); // of a name that nobody knows
  }
}

function isText(essence: string): boolean {
  return essence.startsWith('text/') || TEXT_TYPES.has(essence) || /\+(?:json|xml)$/.test(essence);
}
