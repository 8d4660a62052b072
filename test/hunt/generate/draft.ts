import type { PipelineOptions, Statement, Step } from '../hunt-case.ts';
import type { Dice } from './dice.ts';
import { Names, quoteIdent } from './names.ts';
import type { ValueType } from './value-type.ts';

export interface ColumnDraft {
  name: string;
  type: ValueType;
  /** All behind the type, such as a default. */
  more: string;
  /** How an INSERT has to treat it: `given` needs a value, `may` can do without, `never` takes none. */
  insert: 'given' | 'may' | 'never';
  nullable: boolean;
  feature?: string;
}

/** A table in the making: what later statements about it need to know. */
export interface TableDraft {
  schema: string;
  name: string;
  sql: string;
  columns: ColumnDraft[];
  /** In the order of the key; empty where there is none. */
  key: ColumnDraft[];
  constraints: Statement[];
  /** `CREATE TABLE`, or UNLOGGED and the like. */
  verb: string;
  tail: string;
  /** Right after the table, before its rows: partitions. */
  after: Statement[];
  /** After everything else is there: indexes, foreign keys. */
  late: Statement[];
  feature?: string;
  isPartitioned: boolean;
  /** Its rows cannot be told apart, so that nothing else is followed. */
  insertsOnly: boolean;
  /** Columns whose values decide the partition. */
  partitionKey: ColumnDraft[];
  rows: number;
  /** Keys given so far. */
  keys: number;
}

/** Everything of a case while features are added to it. */
export class Draft {
  readonly dice: Dice;
  /** Of the source. */
  readonly version: number;
  readonly #targetVersion: number;
  /** Something in it is of a later version than the target. */
  isNewer = false;
  readonly extensions: ReadonlySet<string>;
  readonly names: Names;
  readonly schemas: string[] = ['public'];
  readonly types: ValueType[] = [];
  readonly settings: Statement[] = [];
  readonly prelude: Statement[] = [];
  readonly tables: TableDraft[] = [];
  readonly last: Statement[] = [];
  readonly target: Statement[] = [];
  readonly roles = { source: false, target: false };
  readonly pipeline: PipelineOptions = {};
  /** Structure changes and the like that a feature wants to happen. */
  readonly events: Statement[] = [];
  readonly steps: Step[] = [];
  rareTypes: number;

  constructor(
    dice: Dice,
    server: { version: number; targetVersion: number; extensions: ReadonlySet<string> },
    odd: { names: number; types: number },
  ) {
    this.dice = dice;
    this.version = server.version;
    this.#targetVersion = server.targetVersion;
    this.extensions = server.extensions;
    this.names = new Names(dice, odd.names);
    this.rareTypes = odd.types;
  }

  /** Types and features say since when there are such. */
  uses({ since = 0 }: { since?: number | undefined }): void {
    if (since > this.#targetVersion) this.isNewer = true;
  }

  schema(): string {
    return this.dice.chance(0.7) ? this.schemas[0]! : this.dice.pick(this.schemas);
  }

  /** The SQL of a new name in some schema. */
  objectName(): string {
    return `${quoteIdent(this.schema())}.${quoteIdent(this.names.object())}`;
  }

  /** Some table; undefined where no table is of that kind. */
  someTable(of: (table: TableDraft) => boolean = () => true): TableDraft | undefined {
    const fitting = this.tables.filter(of);
    return fitting.length === 0 ? undefined : this.dice.pick(fitting);
  }
}

export function toCreate(table: TableDraft): Statement {
  return {
    sql: `${table.verb} ${table.sql}`,
    parts: [
      ...table.columns.map(({ name, type, more, feature }) => ({
        sql: `${quoteIdent(name)} ${type.sql}${more}`,
        ...featured(feature ?? type.feature),
      })),
      ...table.constraints.map(({ sql, feature }) => ({ sql, ...featured(feature) })),
    ],
    tail: table.tail,
    ...featured(table.feature),
  };
}

export function featured(feature: string | undefined): { feature?: string } {
  return feature === undefined ? {} : { feature };
}
