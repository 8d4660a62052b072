import { type ColumnType, logicalOf } from '../change/column-type.ts';
import { partTarget } from '../change/namespace-part.ts';
import type { Relation } from '../change/relation.ts';
import { showType } from '../schema/show-type.ts';
import { parseTypeName } from '../schema/type-name.ts';

/**
 * `types` of the pipeline file: which type of the target holds a column (`public.orders.total`), all columns of a type
 * (`timestamp(9) without time zone`), or all of a kind (`decimal`); the first of these that there is counts. The types of
 * the target are as the file says them: a sink makes sure that they are names and nothing else.
 */
export class TypeOverrides {
  readonly #byName: ReadonlyMap<string, string>;

  constructor(types: Readonly<Record<string, string>> = {}) {
    this.#byName = new Map(Object.entries(types).map(([name, type]) => [toKey(name), type]));
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  /** Undefined where the file says nothing of it. */
  of(namespace: string, column: ColumnType & { name: string }): string | undefined {
    for (const key of keysOf(namespace, column)) {
      const type = this.#byName.get(key);
      if (type !== undefined) return type;
    }
    return undefined;
  }

  /** Those that no column of the relations has anything to do with. */
  unmatched(relations: readonly Relation[]): string[] {
    const known = new Set(
      relations.flatMap(({ namespace, columns }) =>
        columns.flatMap((column) => keysOf(namespace, column)),
      ),
    );
    return [...this.#byName.keys()].filter((key) => !known.has(key));
  }
}

/** A short name of a type is as good as its long one. */
function toKey(name: string): string {
  const type = parseTypeName(name);
  return type.kind === 'other' || type.kind === name ? name : showType(type);
}

function keysOf(namespace: string, column: ColumnType & { name: string }): string[] {
  const logical = logicalOf(column);
  const places = [namespace, partTarget(namespace) ?? namespace];
  return [...places.map((place) => `${place}.${column.name}`), showType(logical), logical.kind];
}
