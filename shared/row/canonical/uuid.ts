import type { Codec } from './codec.ts';
import { isLowerHex, MINUS } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

const UUID = /^[0-9a-f]{4}(-?[0-9a-f]{4}){7}$/i;
const GROUPS = [0, 8, 13, 18, 23, 36];

export const uuidCodec: Codec = {
  isCanonical(bytes, from, to) {
    if (to - from !== 36) return false;
    for (let group = 0; group < 5; group++) {
      const start = GROUPS[group]! + (group > 0 ? 1 : 0);
      if (group > 0 && bytes[from + start - 1] !== MINUS) return false;
      if (!isLowerHex(bytes, from + start, from + GROUPS[group + 1]!)) return false;
    }
    return true;
  },
  /** Also in braces, in capitals, and with hyphens behind any four digits or none. */
  read(text) {
    const inner = /^\{.*\}$/s.test(text) ? text.slice(1, -1) : text;
    if (!UUID.test(inner)) refuse('it is no UUID');
    const hex = inner.replaceAll('-', '').toLowerCase();
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  },
};
