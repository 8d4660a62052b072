import type { Relation } from './relation.ts';

const texts = new WeakMap<Relation, string>();

/** A relation as JSON, made once for each object: equal texts are equal shapes. */
export function shapeText(relation: Relation): string {
  let text = texts.get(relation);
  if (text === undefined) texts.set(relation, (text = JSON.stringify(relation)));
  return text;
}
