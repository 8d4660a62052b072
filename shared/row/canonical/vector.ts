import type { Codec } from './codec.ts';
import { floatCodec } from './float.ts';
import { refuse } from './refusal.ts';

/** `[1.5,-2,3e+06]`: floats of 32 bits, each in its own canonical form, and finite. */
export function vectorCodec(dimensions: number | null): Codec {
  const float = floatCodec(32);
  return {
    isCanonical: () => false,
    read(text) {
      const inner = /^\s*\[(.+)\]\s*$/s.exec(text)?.[1] ?? refuse('it is no vector as [1.5,2,3]');
      const items = inner.split(',').map((item) => float.read(item));
      if (items.some((item) => /[a-z]{3}/i.test(item))) refuse('a vector has finite numbers only');
      if (dimensions !== null && items.length !== dimensions)
        refuse(`it has not exactly ${dimensions} dimensions`);
      return `[${items.join(',')}]`;
    },
  };
}
