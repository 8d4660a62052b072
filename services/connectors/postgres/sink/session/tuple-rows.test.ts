import { describe, expect, it } from 'vitest';
import { columnOffsets, toTuple } from '../../../../../shared/change/tuple.ts';
import { toCopyMessages } from '../../connection/copy-in.ts';
import { toKeyRows, toMaskedRow } from './tuple-rows.ts';

/** What COPY would read from the messages: their payloads without the frames. */
function payloadOf(messages: Iterable<Buffer>): Buffer {
  const stream = Buffer.concat([...messages]);
  const parts: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    expect(stream[at]).toBe(0x64);
    const length = stream.readInt32BE(at + 1);
    parts.push(stream.subarray(at + 5, at + 1 + length));
    at += 1 + length;
  }
  return Buffer.concat(parts);
}

describe('rows for a staging table', () => {
  it('are the tuples as they are, between signature and trailer, in frames of any number', () => {
    const rows = [toTuple(['a', null]), toTuple(['x'.repeat(600_000), '']), toTuple(['b', 'c'])];
    const payload = payloadOf(toCopyMessages(rows));
    expect(payload.subarray(0, 11).toString('latin1')).toBe('PGCOPY\n\xff\r\n\0');
    expect(payload.subarray(19, -2).equals(Buffer.concat(rows))).toBe(true);
    expect(payload.readInt16BE(payload.length - 2)).toBe(-1);
  });

  it('are well-formed with no rows, and at every size around that of a frame', () => {
    expect(payloadOf(toCopyMessages([]))).toHaveLength(21);
    for (let size = 262_080; size < 262_160; size++) {
      const row = toTuple(['y'.repeat(size)]);
      expect(payloadOf(toCopyMessages([row, row]))).toHaveLength(21 + 2 * row.length);
    }
  });

  it('get back the count that keys leave out', () => {
    const key = toTuple(['1', 'x']).subarray(2);
    expect(Buffer.concat([...toKeyRows([key], 2)])).toEqual(toTuple(['1', 'x']));
  });

  it('say which columns are unchanged by bits as get_bit counts them', () => {
    const values = Array.from({ length: 11 }, (_, i) => (i === 1 || i === 9 ? undefined : 'v'));
    const row = toMaskedRow(toTuple(values));
    const offsets = columnOffsets(row);
    expect(offsets).toHaveLength(13);
    expect(row.readInt32BE(offsets[1]!)).toBe(-1);
    expect(row.subarray(offsets[11]! + 4)).toEqual(Buffer.from([0b10, 0b10]));
  });
});
