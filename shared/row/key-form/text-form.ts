import type { WriteForm } from './write-form.ts';

const SPACE = 0x20;

/** Without spaces at the end, which `character` and padded strings do not compare. */
export const trimmed: WriteForm = (target, at, source, start, end) => {
  let last = end;
  while (last > start && source[last - 1] === SPACE) last--;
  return at + source.copy(target, at, start, last);
};

/**
 * Coarser than "equal once in lower case", whatever the locale: only ASCII counts, its letters in lower case, and of
 * these not I and K. Lower case means what the database's locale says (`citext`), which no other program can know: I is
 * ı in Turkish and i elsewhere. But in all of them the other letters of ASCII become their own small ones and the rest
 * of ASCII stays, and of all other characters only İ and the sign for kelvin become one of ASCII, i and k
 * (Unicode's `UnicodeData.txt` and `SpecialCasing.txt`). So a text and its lower case have the same form, and so have
 * two texts with the same lower case. `test/cases/key-forms.test.ts` asks the server about every character.
 */
export const caseless: WriteForm = (target, at, source, start, end) => {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = source[from]!;
    if (byte >= 0x80) continue;
    const small = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (small !== 0x69 && small !== 0x6b) target[to++] = small;
  }
  return to;
};
