import type { Codec } from './codec.ts';
import { refuse } from './refusal.ts';

/** One of the labels, to the letter. */
export function enumCodec(labels: readonly string[]): Codec {
  const known = new Set(labels);
  return {
    isCanonical: () => false,
    read: (text) => (known.has(text) ? text : refuse('it is none of the labels of the type')),
  };
}

/** Any of the labels with commas between them, each once and in the order of the type; none of them is empty text. */
export function setCodec(labels: readonly string[]): Codec {
  const places = new Map(labels.map((label, place) => [label, place]));
  return {
    isCanonical: (_bytes, from, to) => from === to,
    read(text) {
      if (text === '') return '';
      const found = text
        .split(',')
        .map((label) => places.get(label) ?? refuse('it has a label that the type does not have'));
      const ordered = [...new Set(found)].sort((a, b) => a - b);
      return ordered.map((place) => labels[place]).join(',');
    },
  };
}
