import { toWriteStatements, type StagingUse, type WriteStatements } from './write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';

/** Each commit empties all staging tables of a session: keep few. */
const MAX_TARGETS = 48;

interface Staged {
  statements: WriteStatements;
  id: number;
  made: Set<StagingUse>;
}

/**
 * The staging tables of one session: temporary, emptied by each commit, made when a target first needs them and kept
 * for the next batch. A target object stands for one shape of one relation; a new shape is a new object.
 */
export class Staging {
  readonly #staged = new Map<WriteTarget, Staged>();
  #lastId = 0;

  statementsOf(target: WriteTarget): WriteStatements {
    return this.#of(target).statements;
  }

  /** What must be run, outside of a transaction, before these uses; empty if all is there. */
  prepare(uses: readonly { target: WriteTarget; uses: readonly StagingUse[] }[]): string[] {
    const sql: string[] = [];
    for (const { target, uses: wanted } of uses) {
      const staged = this.#of(target);
      this.#staged.delete(target);
      this.#staged.set(target, staged);
      for (const use of wanted) {
        if (staged.made.has(use)) continue;
        staged.made.add(use);
        sql.push(staged.statements.create(use));
      }
    }
    const needed = new Set(uses.map(({ target }) => target));
    for (const [target, staged] of this.#staged) {
      if (this.#staged.size <= MAX_TARGETS) break;
      if (needed.has(target)) continue;
      this.#staged.delete(target);
      sql.push(...[...staged.made].map((use) => `DROP TABLE pg_temp.weir_${use}_${staged.id}`));
    }
    return sql;
  }

  /** The same, of the staged rows at the places that PL/pgSQL's variable `weir_chosen` holds. */
  chosenOf(target: WriteTarget): WriteStatements {
    return toWriteStatements(
      target,
      this.#of(target).id,
      (table) => `(SELECT * FROM ${table} WHERE ctid = ANY(weir_chosen))`,
    );
  }

  #of(target: WriteTarget): Staged {
    let staged = this.#staged.get(target);
    if (staged === undefined) {
      const id = ++this.#lastId;
      staged = { id, statements: toWriteStatements(target, id), made: new Set() };
      this.#staged.set(target, staged);
    }
    return staged;
  }
}
