import type { Relation } from '../../shared/change/relation.ts';
import { fillUnchanged, hasUnchanged, keyOf } from '../../shared/change/tuple.ts';
import type { NetChanges } from '../../shared/connector/sink.ts';

/** What changes that follow each other come to for each key. */
export class NetBatch {
  readonly #relation: Relation;
  /** Null: deleted. */
  readonly #rows = new Map<string, Buffer | null>();

  constructor(relation: Relation) {
    this.#relation = relation;
  }

  upsert(row: Buffer): void {
    this.#rows.set(this.#keyOf(row), row);
  }

  /** Of a row that is there; columns may be unchanged. */
  update(row: Buffer): void {
    const key = this.#keyOf(row);
    const before = this.#rows.get(key);
    if (before === null) return;
    this.#rows.set(key, before === undefined ? row : fillUnchanged(row, before));
  }

  delete(key: Buffer): void {
    this.#rows.set(key.toString('latin1'), null);
  }

  net(): NetChanges {
    const changes: NetChanges = {
      relation: this.#relation,
      upserts: [],
      partial: [],
      deletes: [],
    };
    for (const [key, row] of this.#rows)
      if (row === null) changes.deletes.push(Buffer.from(key, 'latin1'));
      else if (hasUnchanged(row)) changes.partial.push(row);
      else changes.upserts.push(row);
    return changes;
  }

  #keyOf(row: Buffer): string {
    return keyOf(row, this.#relation.key).toString('latin1');
  }
}
