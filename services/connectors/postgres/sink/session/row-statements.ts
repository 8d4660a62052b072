import type { BoundRow, RowStatement } from '../../connection/bound-statement.ts';
import { columnOffsets, UNCHANGED_LENGTH } from '../../../../../shared/change/tuple.ts';
import type { RunChange } from '../../../../../shared/connector/sink.ts';
import type { ChangeKind } from '../../../../../shared/change/change-kind.ts';
import { onConflict } from './write-statements.ts';
import type { WriteColumn, WriteTarget } from '../target/write-target.ts';

/**
 * How single changes of one relation are written, exactly as at the source: an insert finds no row of its key, an
 * update and a delete are of the row of their key, and a row that gets a new key stays the row that it is, since others
 * may refer to it.
 */
export class RowStatements {
  readonly #target: WriteTarget;
  readonly #known = new Map<string, RowStatement | null>();

  constructor(target: WriteTarget) {
    this.#target = target;
  }

  /** Null where nothing is to be done: an update of a row that has its key only. */
  bind(kind: ChangeKind, { key, row, partial }: RunChange): BoundRow | null {
    const { columns } = this.#target;
    switch (kind) {
      case 'insert':
        return this.#bound('insert', [row.subarray(2)], () => this.#insert());
      case 'delete':
        return this.#bound('delete', [key], () => this.#delete());
      case 'update':
      case 'move': {
        const offsets = columnOffsets(row);
        const changed = columns
          .map((_, i) => i)
          .filter((i) => !partial || row.readInt32BE(offsets[i]!) !== UNCHANGED_LENGTH);
        const moves = kind === 'move';
        const replaces = changed.some((i) => columns[i]!.insertOnly && (moves || !this.#isKey(i)));
        const used = replaces
          ? changed
          : changed.filter((i) => this.#isKey(i) || !columns[i]!.insertOnly);
        const whole = used.length === columns.length;
        const values = whole
          ? [row.subarray(2)]
          : used.map((i) => row.subarray(offsets[i], offsets[i + 1]));
        if (moves) values.push(key);
        const name = whole ? kind : `${kind} ${used.join(' ')}`;
        return this.#bound(name, values, () =>
          replaces ? this.#replace(used, moves) : this.#update(used, moves),
        );
      }
    }
  }

  /** An update that inserts the row where it is missing: something else at the target may have removed it. */
  bindUpsert(change: RunChange): BoundRow | null {
    if (change.partial) return this.bind('update', change);
    const all = this.#target.columns.map((_, i) => i);
    return this.#bound('upsert', [change.row.subarray(2)], () => {
      if (this.#target.columns.some(({ insertOnly }, i) => insertOnly && !this.#isKey(i)))
        return this.#replace(all, false, 'always');
      const update = this.#update(all, false);
      if (update === null) return null;
      const { columns, name } = this.#target;
      const values = columns.map(({ cast }, i) => `$${i + 1}::${cast}`).join(', ');
      const sql = `WITH there AS (${update.sql} RETURNING 1) INSERT INTO ${name.sql} (${this.#names()}) OVERRIDING SYSTEM VALUE SELECT ${values} WHERE NOT EXISTS (SELECT 1 FROM there)`;
      return { sql, encodings: update.encodings };
    });
  }

  /** A row that comes, or takes the place of the one of its key: of a target that merges. */
  bindMerge(row: Buffer): BoundRow {
    return this.#bound('merge', [row.subarray(2)], () => {
      const { sql, encodings } = this.#insert();
      const rest = this.#target.columns.map((_, i) => i).filter((i) => !this.#isKey(i));
      const key = this.#byKey((at) => this.#target.key[at]!.column + 1);
      const there = `${this.#target.rows} t WHERE ${key}`;
      return { sql: sql + onConflict(this.#target, rest), encodings, there };
    })!;
  }

  #bound(name: string, values: Buffer[], make: () => RowStatement | null): BoundRow | null {
    let statement = this.#known.get(name);
    if (statement === undefined) this.#known.set(name, (statement = make()));
    return statement === null ? null : { statement, values };
  }

  #insert(): RowStatement {
    const { columns, name } = this.#target;
    const values = columns.map((_, i) => `$${i + 1}`).join(', ');
    return {
      sql: `INSERT INTO ${name.sql} (${this.#names()}) OVERRIDING SYSTEM VALUE VALUES (${values})`,
      encodings: columns.map(({ encoding }) => encoding),
    };
  }

  #delete(): RowStatement {
    return {
      sql: `DELETE FROM ${this.#target.rows} t WHERE ${this.#byKey((at) => at + 1)}`,
      encodings: this.#keyEncodings(),
    };
  }

  /** `used`: the columns whose values are parameters. A move takes the old key behind them. */
  #update(used: readonly number[], moves: boolean): RowStatement | null {
    const { columns, key, rows } = this.#target;
    const sets = used
      .filter((i) => (moves || !this.#isKey(i)) && !columns[i]!.insertOnly)
      .map((i) => `${columns[i]!.name} = $${used.indexOf(i) + 1}`);
    if (sets.length === 0) return null;
    const where = this.#byKey((at) =>
      moves ? used.length + at + 1 : used.indexOf(key[at]!.column) + 1,
    );
    const encodings = used.map((i) => columns[i]!.encoding);
    if (moves) encodings.push(...this.#keyEncodings());
    return { sql: `UPDATE ${rows} t SET ${sets.join(', ')} WHERE ${where}`, encodings };
  }

  /**
   * For a column that takes no value in an UPDATE. What the change leaves as it was is taken from the row that goes;
   * `always`: the row comes also where there was none.
   */
  #replace(used: readonly number[], moves: boolean, always?: 'always'): RowStatement {
    const { columns, key, name, rows } = this.#target;
    const where = this.#byKey((at) =>
      moves ? used.length + at + 1 : used.indexOf(key[at]!.column) + 1,
    );
    const values = columns.map(({ name: column, cast }, i) =>
      used.includes(i) ? `$${used.indexOf(i) + 1}::${cast}` : `gone.${column}`,
    );
    const encodings = used.map((i) => columns[i]!.encoding);
    if (moves) encodings.push(...this.#keyEncodings());
    // Counted, so that it is gone before the row comes.
    const from = always === undefined ? 'gone' : '(SELECT count(*) FROM gone) counted';
    const sql = `WITH gone AS (DELETE FROM ${rows} t WHERE ${where} RETURNING t.*) INSERT INTO ${name.sql} (${this.#names()}) OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM ${from}`;
    return { sql, encodings, replaces: true };
  }

  #byKey(parameter: (at: number) => number): string {
    const { columns, key } = this.#target;
    return key
      .map(({ column, equals }, at) => {
        const { name, type } = columns[column]!;
        return `t.${name} ${equals} $${parameter(at)}::${type}`;
      })
      .join(' AND ');
  }

  #isKey(column: number): boolean {
    return this.#target.key.some((each) => each.column === column);
  }

  #keyEncodings(): WriteColumn['encoding'][] {
    return this.#target.key.map(({ column }) => this.#target.columns[column]!.encoding);
  }

  #names(): string {
    return this.#target.columns.map(({ name }) => name).join(', ');
  }
}
