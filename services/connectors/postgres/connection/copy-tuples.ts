import { NULL_LENGTH, toTuple } from '../../../../shared/change/tuple.ts';
import { JoinedBytes } from '../../../../shared/codec/joined-bytes.ts';
import { HEAD_BYTES } from './copy-in.ts';
import { MESSAGE_HEADER_BYTES } from './wire-message.ts';

/**
 * Rows of a COPY as it lies on the wire (CopyData messages, cut anywhere), as tuples: of the binary format as they
 * are, of the text format with their values unescaped (manual, "COPY", File Formats).
 */
export async function* readCopiedTuples(
  parts: AsyncIterable<Buffer>,
  format: 'binary' | 'text',
): AsyncGenerator<Buffer> {
  const take = format === 'binary' ? takeBinaryRow : takeTextRow;
  const joined = new JoinedBytes();
  let atStart = format === 'binary';
  /** So much of what was kept is known to have no row's end. */
  let searched = 0;
  for await (const payload of readPayloads(parts)) {
    const all = joined.add(payload);
    let at = 0;
    if (atStart && all.length >= HEAD_BYTES && all.length >= HEAD_BYTES + all.readInt32BE(15)) {
      at = HEAD_BYTES + all.readInt32BE(15);
      atStart = false;
    }
    if (!atStart) {
      for (let row = take(all, at, searched); row !== null; row = take(all, at, at)) {
        at = row.end;
        if (row.tuple !== null) yield row.tuple;
      }
      searched = all.length - at;
    }
    joined.keep(all, at);
  }
}

/** What is in the messages; one buffer for what comes at once. */
async function* readPayloads(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  let headerSeen = 0;
  let bodyLeft = 0;
  for await (const part of parts) {
    const payloads: Buffer[] = [];
    for (let at = 0; at < part.length;) {
      if (bodyLeft > 0) {
        const end = Math.min(part.length, at + bodyLeft);
        payloads.push(part.subarray(at, end));
        bodyLeft -= end - at;
        at = end;
        continue;
      }
      const step = part.copy(header, headerSeen, at);
      at += step;
      headerSeen = (headerSeen + step) % MESSAGE_HEADER_BYTES;
      if (headerSeen === 0) bodyLeft = header.readInt32BE(1) - 4;
    }
    if (payloads.length > 0) yield Buffer.concat(payloads);
  }
}

interface TakenRow {
  /** Null: the end mark. */
  tuple: Buffer | null;
  end: number;
}

function takeBinaryRow(bytes: Buffer, at: number, _searched: number): TakenRow | null {
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

function takeTextRow(bytes: Buffer, at: number, searched: number): TakenRow | null {
  const end = bytes.indexOf(NEWLINE, searched);
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
