import type { FrameBody } from './frame-body.ts';
import { hash64 } from '../codec/xxhash.ts';
import { WeirError } from '../errors/weir-error.ts';
import { parseFrameBody } from './frame-body.ts';
import { type Position, readPosition, writePosition } from './position.ts';

/**
 * A frame is what one message of the broker carries. It explains itself: which reader cut it, where in its lane it
 * stands, which shapes its rows have. Big-endian:
 *
 *     0  "WEIR"             16  f64  sequence in the lane, from 1 for each reader epoch
 *     4  u8   version       24  u64  batch key: xxhash64 over everything behind it
 *     5  u8   0             32  u8   kind, u8 1 if open, then 2 bytes 0
 *     6  u16  lane          36  u32  count of changes
 *     8  u32  reader epoch  40  16 B first position, 56  16 B last position
 *    12  u32  json length   72  f64  source time of the last change, ms
 *    80  json: FrameBody, then the payload
 *
 * The batch key covers action, namespaces, count, positions and data (first and last key among it), but not who
 * sent it: 1→2, 2→1, 1→2 are three changes, and the same batch read again has the same key.
 */
export interface Frame extends FrameHead {
  batchKey: string;
  /** A view: valid as long as the message it came in. */
  payload: Buffer;
}

export interface FrameHead {
  kind: FrameKind;
  lane: number;
  readerEpoch: number;
  sequence: number;
  count: number;
  first: Position;
  last: Position;
  sourceTimeMs: number;
  /** It ends inside a transaction of the source; only told where the pipeline keeps those whole. */
  open?: boolean;
  body: FrameBody;
}

/**
 * `hello`: a reader has taken over the lane, at `last`. `changes`: records (`change-record.ts`).
 * `watermark`: nothing before `last` is missing. `barrier`: see `Barrier`. `chunk`: a part of a chunk's bytes.
 */
export type FrameKind = 'hello' | 'changes' | 'watermark' | 'barrier' | 'chunk';
const KINDS: readonly FrameKind[] = ['hello', 'changes', 'watermark', 'barrier', 'chunk'];

export const FRAME_HEAD = 80;
const VERSION = 1;
const HASHED = 32;

/** Writes head and body into `target`, whose payload already stands behind them; returns the batch key. */
export function sealFrame(target: Buffer, head: FrameHead, json: Buffer): string {
  target.write('WEIR', 0, 'latin1');
  target[4] = VERSION;
  target[5] = 0;
  target.writeUInt16BE(head.lane, 6);
  target.writeUInt32BE(head.readerEpoch, 8);
  target.writeUInt32BE(json.length, 12);
  target.writeDoubleBE(head.sequence, 16);
  target.writeUInt32BE(0, HASHED);
  target[HASHED] = KINDS.indexOf(head.kind);
  target[HASHED + 1] = head.open === true ? 1 : 0;
  target.writeUInt32BE(head.count, 36);
  writePosition(target, 40, head.first);
  writePosition(target, 56, head.last);
  target.writeDoubleBE(head.sourceTimeMs, 72);
  json.copy(target, FRAME_HEAD);
  const key = hash64(target.subarray(HASHED));
  target.writeBigUInt64BE(key, 24);
  return key.toString(16).padStart(16, '0');
}

export function encodeFrame(
  head: FrameHead,
  payload: Uint8Array,
): { bytes: Buffer; batchKey: string } {
  const json = Buffer.from(JSON.stringify(head.body));
  const bytes = Buffer.allocUnsafe(FRAME_HEAD + json.length + payload.length);
  bytes.set(payload, FRAME_HEAD + json.length);
  return { bytes, batchKey: sealFrame(bytes, head, json) };
}

/** Frames of changes mostly have the same body, so the latest are kept; nobody changes one. */
const bodies = new Map<string, FrameBody>();
const MOST_BODIES = 64;
const LONGEST_BODY = 16 * 1024;

function readBody(json: string): FrameBody {
  let body = bodies.get(json);
  if (body !== undefined) return body;
  body = parseFrameBody(json);
  if (body.relations === undefined || json.length > LONGEST_BODY) return body;
  if (bodies.size === MOST_BODIES) bodies.clear();
  bodies.set(json, body);
  return body;
}

/** Throws BROKER_LOST_DATA where the bytes are not the frame that was sent. */
export function decodeFrame(bytes: Buffer): Frame {
  if (bytes.length < FRAME_HEAD || bytes.toString('latin1', 0, 4) !== 'WEIR')
    throw new WeirError('BROKER_LOST_DATA', 'a message in a lane is not a frame of Weir');
  if (bytes[4] !== VERSION)
    throw new WeirError(
      'NOT_SUPPORTED',
      `a frame has version ${bytes[4]}, this Weir reads version ${VERSION}; run one version everywhere`,
    );
  const key = bytes.readBigUInt64BE(24);
  if (hash64(bytes.subarray(HASHED)) !== key)
    throw new WeirError('BROKER_LOST_DATA', 'a frame was damaged in the broker: its hash differs');
  const jsonEnd = FRAME_HEAD + bytes.readUInt32BE(12);
  const kind = KINDS[bytes[HASHED]!];
  if (kind === undefined || jsonEnd > bytes.length)
    throw new WeirError('BROKER_LOST_DATA', 'the head of a frame is not that of a frame of Weir');
  return {
    kind,
    lane: bytes.readUInt16BE(6),
    readerEpoch: bytes.readUInt32BE(8),
    sequence: bytes.readDoubleBE(16),
    count: bytes.readUInt32BE(36),
    first: readPosition(bytes, 40),
    last: readPosition(bytes, 56),
    sourceTimeMs: bytes.readDoubleBE(72),
    open: bytes[HASHED + 1] === 1,
    batchKey: key.toString(16).padStart(16, '0'),
    body: readBody(bytes.toString('utf8', FRAME_HEAD, jsonEnd)),
    payload: bytes.subarray(jsonEnd),
  };
}
