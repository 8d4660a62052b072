import type { ClientBase } from 'pg';
import type { ConstraintDefinition, TableDefinition } from './table-definition.ts';
import type { TargetName } from './target-names.ts';

/** An index or a constraint that has another name at the target than at the source. */
export interface RenamedIndex {
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
 * What the table has there already keeps its name. `claimed` are names of the schema that others will have.
 */
export async function nameIndexes(
  client: ClientBase,
  definition: TableDefinition,
  target: TargetName,
  claimed: ReadonlySet<string> = new Set(),
): Promise<NamedDefinition> {
  const { rows } = await client.query<{ own: string[]; taken: string[] }>(
    `SELECT ARRAY(SELECT x.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = to_regclass($1)) AS own,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2) AS taken`,
    [target.sql, target.schema],
  );
  const own = new Set(rows[0]!.own);
  const taken = new Set([...rows[0]!.taken, ...claimed, target.name]);
  return chooseNames(definition, target, own, taken);
}

/** `own`: indexes that the table has; `taken`: all names of the schema. */
export function chooseNames(
  definition: TableDefinition,
  target: TargetName,
  own: ReadonlySet<string>,
  taken: ReadonlySet<string>,
): NamedDefinition {
  const used = new Set(taken);
  const renamed: RenamedIndex[] = [];
  const choose = (name: string): string => {
    const wanted = afterTable(name, definition.name, target.name);
    const there = [name, wanted].find((each) => own.has(each)) ?? alternativeAmong(own, wanted);
    const made = there ?? freeName(wanted, used);
    used.add(made);
    if (made !== name) renamed.push({ name, made, taken: made !== wanted });
    return made;
  };
  const constraints = definition.constraints.map((each) =>
    hasIndex(each) ? { ...each, name: choose(each.name) } : each,
  );
  const indexes = definition.indexes.map((each) => ({ ...each, name: choose(each.name) }));
  return { definition: { ...definition, constraints, indexes }, renamed };
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
