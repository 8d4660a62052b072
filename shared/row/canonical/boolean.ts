import type { Codec } from './codec.ts';
import { trimmed } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

const [LETTER_T, LETTER_F] = [0x74, 0x66];
/** Any beginning of a word that no other word has, of so many letters at least. */
const WORDS: readonly [string, number, string][] = [
  ['true', 1, 't'],
  ['false', 1, 'f'],
  ['yes', 1, 't'],
  ['no', 1, 'f'],
  ['on', 2, 't'],
  ['off', 2, 'f'],
  ['1', 1, 't'],
  ['0', 1, 'f'],
];

export const booleanCodec: Codec = {
  isCanonical: (bytes, from, to) =>
    to - from === 1 && (bytes[from] === LETTER_T || bytes[from] === LETTER_F),
  read(text) {
    const given = trimmed(text).toLowerCase();
    const word = WORDS.find(([whole, least]) => whole.startsWith(given) && given.length >= least);
    return word?.[2] ?? refuse('it is neither true nor false');
  },
};
