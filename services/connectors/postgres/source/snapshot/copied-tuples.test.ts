import { expect, it } from 'vitest';
import { toTuple } from '../../../../../shared/change/tuple.ts';
import { CopiedTuples } from './copied-tuples.ts';
import { toCopyMessages } from '../../connection/copy-in.ts';

const ROWS = [toTuple(['1', null, 'ü'.repeat(300)]), toTuple(['', '2', null]), toTuple(['x'])];

it('gives the rows of a binary COPY and nothing else, wherever its bytes are cut', () => {
  const copied = Buffer.concat([...toCopyMessages(ROWS)]);
  for (let piece = 1; piece < copied.length; piece += piece < 30 ? 1 : 97) {
    const tuples = new CopiedTuples();
    const taken: Buffer[] = [];
    for (let at = 0; at < copied.length; at += piece)
      taken.push(tuples.take(copied.subarray(at, at + piece)));
    expect(Buffer.concat(taken), `pieces of ${piece}`).toEqual(Buffer.concat(ROWS));
  }
});

it('gives nothing of a copy without rows', () => {
  const copied = Buffer.concat([...toCopyMessages([])]);
  expect(new CopiedTuples().take(copied)).toHaveLength(0);
});
