import type { Codec } from './codec.ts';
import { refuse } from './refusal.ts';

/** EWKB (WKB with the number of its coordinate system inside) in hexadecimal capitals. What is inside is not looked at. */
export const geometryCodec: Codec = {
  isCanonical: () => false,
  read: (text) =>
    /^0[01](?:[0-9a-f]{2}){4,}$/i.test(text)
      ? text.toUpperCase()
      : refuse('it is no geometry as EWKB in hexadecimal digits'),
};
