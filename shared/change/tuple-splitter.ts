import { JoinedBytes } from '../codec/joined-bytes.ts';

/** Finds the tuples (`tuple.ts`) in bytes that come cut anywhere. */
export class TupleSplitter {
  readonly #joined = new JoinedBytes();

  /** The tuples that are whole by now; views of what was given, or of a copy of it. */
  *take(bytes: Buffer): Generator<Buffer> {
    const all = this.#joined.add(bytes);
    let at = 0;
    for (let end = endOf(all, at); end !== null; end = endOf(all, at)) {
      yield all.subarray(at, end);
      at = end;
    }
    this.#joined.keep(all, at);
  }
}

function endOf(bytes: Buffer, start: number): number | null {
  if (start + 2 > bytes.length) return null;
  let at = start + 2;
  for (let column = bytes.readUInt16BE(start); column > 0; column--) {
    if (at + 4 > bytes.length) return null;
    at += 4 + Math.max(0, bytes.readInt32BE(at));
  }
  return at <= bytes.length ? at : null;
}
