import { expect, it } from 'vitest';
import { toTuple } from '../../../../../shared/change/tuple.ts';
import { readCopiedTuples } from '../../connection/copy-tuples.ts';
import { tuplesToTextMessages } from './tuple-text.ts';

async function* cut(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

it.each([1, 2, 3, 7, 1000])(
  'writes tuples as rows of a text copy, of which the same tuples are read, cut every %i bytes',
  async (pieceBytes) => {
    const everyByte = String.fromCharCode(...Array.from({ length: 127 }, (_, i) => i + 1));
    const tuples = [
      toTuple(['1', null, '', everyByte]),
      toTuple([null, '\\N', 'é桜', '\\.']),
      toTuple(['', '', '', '']),
      toTuple(['x'.repeat(300), '\\', '\n', null]),
      toTuple(['']),
    ];
    const read: Buffer[] = [];
    const messages = tuplesToTextMessages(cut(Buffer.concat(tuples), pieceBytes));
    for await (const tuple of readCopiedTuples(messages, 'text')) read.push(tuple);
    expect(read).toEqual(tuples);
  },
);

it('writes NULL, tabs, line ends and backslashes as the manual has them', async () => {
  const messages: Buffer[] = [];
  for await (const message of tuplesToTextMessages(cut(toTuple([null, 'a\tb\\N\n']), 1000)))
    messages.push(message);
  expect(Buffer.concat(messages).toString('latin1', 5)).toBe('\\N\ta\\tb\\\\N\\n\n');
  expect(messages[0]!.readInt32BE(1)).toBe(messages[0]!.length - 1);
});
