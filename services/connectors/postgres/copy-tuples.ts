import { NULL_LENGTH, toTuple } from '../../../shared/change/tuple.ts';
import { HEAD_BYTES } from './copy-in.ts';

/**
 * Rows of a COPY as it lies on the wire (CopyData messages, cut anywhere), as tuples: of the binary format as they
 * are, of the text format with their values unescaped (manual, "COPY", File Formats).
 */
export async function* readCopiedTuples(
  parts: AsyncIterable<Buffer>,
  format: 'binary' | 'text',
): AsyncGenerator<Buffer> {
  const take = format === 'binary' ? takeBinaryRow : takeTextRow;
  let rest: Buffer = Buffer.alloc(0);
  let atStart = format === 'binary';
  for await (const payload of readPayloads(parts)) {
    rest = rest.length === 0 ? payload : Buffer.concat([rest, payload]);
    let at = 0;
    if (atStart) {
      if (rest.length < HEAD_BYTES || rest.length < HEAD_BYTES + rest.readInt32BE(15)) continue;
      at = HEAD_BYTES + rest.readInt32BE(15);
      atStart = false;
    }
    for (let row = take(rest, at); row !== null; row = take(rest, at)) {
      at = row.end;
      if (row.tuple !== null) yield row.tuple;
    }
    rest = rest.subarray(at);
  }
}

const MESSAGE_HEAD = 5;

async function* readPayloads(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of parts) {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    const payloads: Buffer[] = [];
    let at = 0;
    while (rest.length - at >= MESSAGE_HEAD) {
      const end = at + 1 + rest.readInt32BE(at + 1);
      if (end > rest.length) break;
      payloads.push(rest.subarray(at + MESSAGE_HEAD, end));
      at = end;
    }
    rest = rest.subarray(at);
    if (payloads.length > 0) yield Buffer.concat(payloads);
  }
}

interface TakenRow {
  /** Null: the end mark. */
  tuple: Buffer | null;
  end: number;
}

function takeBinaryRow(bytes: Buffer, at: number): TakenRow | null {
  if (at + 2 > bytes.length) return null;
  const columns = bytes.readInt16BE(at);
  if (columns < 0) return { tuple: null, end: bytes.length };
  let end = at + 2;
  for (let i = 0; i < columns; i++) {
    if (end + 4 > bytes.length) return null;
    const length = bytes.readInt32BE(end);
    end += 4 + (length === NULL_LENGTH ? 0 : length);
  }
  return end > bytes.length ? null : { tuple: bytes.subarray(at, end), end };
}

const NEWLINE = 0x0a;
const TAB = 0x09;
const BACKSLASH = 0x5c;

function takeTextRow(bytes: Buffer, at: number): TakenRow | null {
  const end = bytes.indexOf(NEWLINE, at);
  if (end < 0) return null;
  const values: (Buffer | null)[] = [];
  for (let from = at; from <= end;) {
    const tab = bytes.indexOf(TAB, from);
    const to = tab < 0 || tab > end ? end : tab;
    values.push(unescape(bytes.subarray(from, to)));
    from = to + 1;
  }
  return { tuple: toTuple(values), end: end + 1 };
}

const ESCAPES: Readonly<Record<string, number>> = { b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

function unescape(field: Buffer): Buffer | null {
  if (field.length === 2 && field.toString('latin1') === '\\N') return null;
  if (!field.includes(BACKSLASH)) return field;
  const value = Buffer.alloc(field.length);
  let to = 0;
  for (let at = 0; at < field.length; at++) {
    let byte = field[at]!;
    if (byte === BACKSLASH && at + 1 < field.length) {
      byte = field[++at]!;
      byte = ESCAPES[String.fromCharCode(byte)] ?? byte;
    }
    value[to++] = byte;
  }
  return value.subarray(0, to);
}

/** Tuples in sets of bounded size; for work that is done set by set. */
export async function* inSets(
  tuples: AsyncIterable<Buffer>,
  mostRows: number,
  mostBytes: number,
): AsyncGenerator<Buffer[]> {
  let set: Buffer[] = [];
  let bytes = 0;
  for await (const tuple of tuples) {
    set.push(tuple);
    bytes += tuple.length;
    if (set.length < mostRows && bytes < mostBytes) continue;
    yield set;
    set = [];
    bytes = 0;
  }
  if (set.length > 0) yield set;
}
