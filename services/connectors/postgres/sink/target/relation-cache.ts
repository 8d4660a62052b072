import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { shapeText } from '../../../../../shared/change/shape-text.ts';
import { requireRecordedTables } from './recorded-table.ts';
import type { TargetNames } from './target-names.ts';
import { readTargetTable } from './target-table.ts';
import type { NativeTypes } from './native-types.ts';
import { toWriteTarget, type WriteTarget } from './write-target.ts';

/**
 * How relations are written, looked up in the target's catalog once a shape. Frames bring relations of their own, so
 * they are told apart by what they say.
 */
export class RelationCache {
  readonly #names: TargetNames;
  readonly #natives: NativeTypes;
  /** Null where no pipeline writes: then no table is recorded. */
  readonly #pipeline: string | null;
  readonly #byShape = new Map<string, { namespace: string; target: WriteTarget }>();

  constructor(
    { names, natives }: { names: TargetNames; natives: NativeTypes },
    pipeline: string | null,
  ) {
    this.#names = names;
    this.#natives = natives;
    this.#pipeline = pipeline;
  }

  async targetOf(client: ClientBase, relation: Relation): Promise<WriteTarget> {
    const shape = shapeText(relation);
    let target = this.#byShape.get(shape)?.target;
    if (target === undefined) {
      const name = this.#names.ofNamespace(relation.namespace);
      if (this.#pipeline !== null)
        await requireRecordedTables(client, this.#pipeline, this.#names, relation.namespace);
      const natives = await this.#natives.at(client);
      const table = await readTargetTable(client, name);
      target = toWriteTarget(natives.relationAt(relation, table), name, table);
      this.#byShape.set(shape, { namespace: relation.namespace, target });
    }
    return target;
  }

  /** The table has changed, or may have: look again. */
  forget(namespace: string): void {
    for (const [shape, entry] of this.#byShape)
      if (entry.namespace === namespace) this.#byShape.delete(shape);
  }
}
