import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { WeirError } from '../../../shared/errors/weir-error.ts';

export interface FileSlice {
  /** Where it is on this machine. */
  file: string;
  gzip: boolean;
  encoding: string;
  /** Bytes of the file, `to` excluded; all of it where the file is compressed. */
  from: number;
  to: number;
}

/** The text of a slice, piece by piece. Bytes that are no text in its encoding are refused, never replaced. */
export async function* readText(slice: FileSlice, signal: AbortSignal): AsyncGenerator<string> {
  const { file, gzip, encoding, from, to } = slice;
  if (to <= from) return;
  const bytes = createReadStream(file, { start: from, end: to - 1 });
  const stream: Readable = gzip ? unzip(bytes) : bytes;
  const decoder = new TextDecoder(encoding, { fatal: true });
  let read = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      const text = decoder.decode(piece, { stream: true });
      read += piece.length;
      if (text !== '') yield text;
    }
    const last = decoder.decode();
    if (last !== '') yield last;
  } catch (error) {
    if (isNoText(error)) throw noText(file, encoding, from + read, gzip);
    throw toFileError(error, file);
  } finally {
    stream.destroy();
  }
}

/** The text of whole records, which begin at `from`. */
export function decodeText(
  bytes: Buffer,
  { name, gzip }: { name: string; gzip: boolean },
  encoding: string,
  from: number,
): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw isNoText(error) ? noText(name, encoding, from, gzip) : error;
  }
}

function isNoText(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    'code' in error &&
    error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  );
}

function noText(file: string, encoding: string, from: number, gzip: boolean): WeirError {
  return unfit(
    file,
    `is not ${encoding} somewhere behind byte ${from}${gzip ? ' of its content' : ''}; convert it, or name its encoding with encoding= in the URL`,
  );
}

function unzip(bytes: Readable): Readable {
  // The reader of what comes out hears of what goes wrong.
  return pipeline(bytes, createGunzip(), () => undefined);
}

export function toFileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (code === 'ENOENT')
    return unfit(
      file,
      'is gone since the copy was planned; put it back, or run `weir reset` and copy again',
    );
  if (code === 'EACCES') return unfit(file, 'may not be read by this user; grant it');
  if (code.startsWith('Z_')) return unfit(file, `is damaged: it cannot be unpacked (${code})`);
  return error;
}

export function unfit(file: string, what: string): WeirError {
  return new WeirError('SOURCE_UNFIT', `${file} ${what}`);
}
