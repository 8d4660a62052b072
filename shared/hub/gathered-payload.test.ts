import { Parser, type ParserEvent } from 'nats/lib/nats-base-client/parser.js';
import { expect, it } from 'vitest';
import { gatherPayloads } from './gathered-payload.ts';

const body = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
const headers = Buffer.from('NATS/1.0\r\nWeir-Part: 0/2\r\n\r\n');
const stream = Buffer.concat([
  Buffer.from('MSG lane 1 reply 100\r\n'),
  body,
  Buffer.from(`\r\nPING\r\nHMSG lane 2 ${headers.length} ${headers.length + body.length}\r\n`),
  headers,
  body,
  Buffer.from('\r\nMSG lane 3 0\r\n\r\n'),
]);

it('puts the same messages together wherever the pieces are cut', () => {
  const whole = read([stream]);
  expect(whole).toHaveLength(4);
  gatherPayloads();
  for (let at = 1; at < stream.length; at++) {
    for (const step of [1, 7, 60]) {
      const pieces = [stream.subarray(0, at)];
      for (let from = at; from < stream.length; from += step)
        pieces.push(stream.subarray(from, Math.min(from + step, stream.length)));
      expect(read(pieces)).toEqual(whole);
    }
  }
});

it('gives a message that came in pieces in one buffer of its size', () => {
  gatherPayloads();
  const big = Buffer.alloc(300_000, 'x');
  const sent = Buffer.concat([Buffer.from('MSG lane 1 300000\r\n'), big, Buffer.from('\r\n')]);
  const given: Uint8Array[] = [];
  const parser = new Parser({ push: ({ data }) => void given.push(data!) });
  for (let at = 0; at < sent.length; at += 65_536) parser.parse(sent.subarray(at, at + 65_536));
  expect(given).toHaveLength(1);
  expect(Buffer.from(given[0]!).equals(big)).toBe(true);
  expect(given[0]!.buffer.byteLength).toBe(big.length);
});

function read(pieces: readonly Buffer[]): string[] {
  const events: string[] = [];
  const parser = new Parser({ push: (event) => void events.push(textOf(event)) });
  // Each piece is bytes of its own, as a socket gives them.
  for (const piece of pieces) parser.parse(Buffer.from(piece));
  return events;
}

function textOf({ kind, msg, data }: ParserEvent): string {
  const [subject, reply, bytes] = [msg?.subject, msg?.reply, data].map((part) =>
    part === undefined ? '-' : Buffer.from(part).toString('latin1'),
  );
  return `${kind} ${subject} ${reply} ${msg?.sid} ${msg?.hdr} ${bytes}`;
}
