import type { ClientBase } from 'pg';
import type { ConstraintDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

/** An index, a constraint or an identity's sequence that has another name at the target than at the source. */
export interface RenamedIndex {
  what: 'index' | 'sequence';
  name: string;
  made: string;
  /** Because something else there has the name; else because the table has another name, too. */
  taken: boolean;
}

export interface NamedDefinition {
  definition: TableDefinition;
  renamed: RenamedIndex[];
}

/** PostgreSQL cuts names at so many bytes. */
const MAX_NAME_BYTES = 63;
const SUFFIX = '_weir';

/**
 * The definition with the names that its indexes get in the target's schema, where they share names with tables, views and
 * sequences: those of a table with another name there are called after it, and one whose name is taken gets another.
 * What the table has there already keeps its name. `claimed` are names of the schema that others will have. A sequence that
 * defaults name keeps its own: it may be there for another column.
 */
export async function nameIndexes(
  client: ClientBase,
  definition: TableDefinition,
  target: TargetName,
  claimed: ReadonlySet<string> = new Set(),
): Promise<NamedDefinition> {
  const { rows } = await client.query<{ isThere: boolean; own: string[]; taken: string[] }>(
    `SELECT to_regclass($1) IS NOT NULL AS "isThere", ARRAY(SELECT x.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = to_regclass($1)) AS own,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2) AS taken`,
    [target.sql, target.schema],
  );
  const { isThere, own, taken } = rows[0]!;
  const used = new Set([...taken, ...claimed, target.name]);
  return chooseNames(definition, target, new Set(own), used, isThere);
}

/** `own`: indexes that the table has; `taken`: all names of the schema; `isThere`: it has its columns already. */
function chooseNames(
  definition: TableDefinition,
  target: TargetName,
  own: ReadonlySet<string>,
  taken: ReadonlySet<string>,
  isThere: boolean,
): NamedDefinition {
  const used = new Set(taken);
  const renamed: RenamedIndex[] = [];
  const choose = (name: string): string => {
    const wanted = afterTable(name, definition.name, target.name);
    const there = [name, wanted].find((each) => own.has(each)) ?? alternativeAmong(own, wanted);
    const made = there ?? freeName(wanted, used);
    used.add(made);
    if (made !== name) renamed.push({ what: 'index', name, made, taken: made !== wanted });
    return made;
  };
  // PostgreSQL names those of a table with another name by itself, and finds one that is free.
  const isMoved = definition.schema !== target.schema || definition.name !== target.name;
  const sequences = definition.sequences.map((each) => {
    if (each.kind !== 'identity' || isThere || isMoved || !used.has(each.name)) return each;
    const made = freeName(each.name, used);
    used.add(made);
    renamed.push({ what: 'sequence', name: each.name, made, taken: true });
    return { ...each, name: made };
  });
  const constraints = definition.constraints.map((each) =>
    hasIndex(each) ? { ...each, name: choose(each.name) } : each,
  );
  const indexes = definition.indexes.map((each) => ({ ...each, name: choose(each.name) }));
  return { definition: { ...definition, constraints, indexes, sequences }, renamed };
}

function hasIndex({ kind }: ConstraintDefinition): boolean {
  return kind === 'primary' || kind === 'unique' || kind === 'exclusion';
}

/** `orders_pkey` of orders is `bills_pkey` of bills. */
function afterTable(name: string, source: string, target: string): string {
  if (source === target || !name.startsWith(`${source}_`)) return name;
  return cut(target, name.slice(source.length));
}

function alternativeAmong(own: ReadonlySet<string>, wanted: string): string | undefined {
  return alternatives(wanted).find((each) => own.has(each));
}

function freeName(wanted: string, used: ReadonlySet<string>): string {
  return [wanted, ...alternatives(wanted)].find((each) => !used.has(each)) ?? wanted;
}

function alternatives(wanted: string): string[] {
  return ['', 2, 3, 4, 5, 6, 7, 8, 9].map((nth) => cut(wanted, `${SUFFIX}${nth}`));
}

/** Both together, the first shortened as far as need be. */
function cut(name: string, rest: string): string {
  let kept = name;
  while (Buffer.byteLength(kept + rest) > MAX_NAME_BYTES && kept !== '') kept = [...kept].slice(0, -1).join(''); // prettier-ignore
  return kept + rest;
}
