import type { Relation } from '../../shared/change/relation.ts';
import { shapeText } from '../../shared/change/shape-text.ts';

/** One object for each shape, however many frames bring it: so shapes compare by identity and caches hold. */
export class RelationPool {
  readonly #shapes = new Map<string, Relation>();

  readonly intern = (relation: Relation): Relation => {
    const shape = shapeText(relation);
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    this.#shapes.set(shape, relation);
    return relation;
  };
}
