import type { Relation } from '../../shared/change/relation.ts';
import { fillUnchanged, hasUnchanged, keyOf } from '../../shared/change/tuple.ts';
import type { NetChanges } from '../../shared/connector/sink.ts';

/** What changes that follow each other come to for each key. */
export class NetBatch {
  readonly #relation: Relation;
  /** Null: deleted. */
  readonly #rows = new Map<string, Buffer | null>();
  /** Keys of whole rows: what is unchanged in them was absent. */
  readonly #whole = new Set<string>();

  constructor(relation: Relation) {
    this.#relation = relation;
  }

  /** A whole row; columns that it says nothing of are unchanged in it. */
  upsert(row: Buffer): void {
    const key = this.#keyOf(row);
    this.#rows.set(key, row);
    this.#whole.add(key);
  }

  /** Of a row that is there; columns may be unchanged. */
  update(row: Buffer): void {
    const key = this.#keyOf(row);
    const before = this.#rows.get(key);
    if (before === null) return;
    this.#rows.set(key, before === undefined ? row : fillUnchanged(row, before));
  }

  delete(key: Buffer): void {
    const name = key.toString('latin1');
    this.#rows.set(name, null);
    this.#whole.delete(name);
  }

  /** `lacking`: whole rows that say nothing of some columns. */
  net(): NetChanges & { lacking: Buffer[] } {
    const changes: NetChanges & { lacking: Buffer[] } = {
      relation: this.#relation,
      upserts: [],
      partial: [],
      deletes: [],
      lacking: [],
    };
    for (const [key, row] of this.#rows)
      if (row === null) changes.deletes.push(Buffer.from(key, 'latin1'));
      else if (hasUnchanged(row))
        (this.#whole.has(key) ? changes.lacking : changes.partial).push(row);
      else changes.upserts.push(row);
    return changes;
  }

  #keyOf(row: Buffer): string {
    return keyOf(row, this.#relation.key).toString('latin1');
  }
}
