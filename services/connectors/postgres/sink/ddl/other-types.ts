import type pg from 'pg';
import { qualifiedName } from '../../connection/names.ts';
import { readTypeCatalog } from '../../catalog/type-catalog.ts';
import type { TypeDefinition } from '../../catalog/table-definition.ts';

/**
 * Types of these names that the target has and that are others: of another kind, an enum without a label or with them in
 * another order, a composite with other attributes, a domain or range of another type. A sentence each. `table`: only types
 * that this table of the target is made of; a column may hold as text what another type of that name holds.
 */
export async function otherTypes(
  client: pg.Client,
  wanted: readonly TypeDefinition[],
  table?: number,
): Promise<string[]> {
  if (wanted.length === 0) return [];
  const names = wanted.map(({ schema, name }) => qualifiedName(schema, name));
  const { rows } = await client.query<{ oid: number | null }>(
    `${USED} SELECT CASE WHEN $2::oid IS NULL OR to_regtype(w.sql)::oid IN (SELECT oid FROM used) THEN to_regtype(w.sql)::oid END AS oid
     FROM unnest($1::text[]) WITH ORDINALITY AS w(sql, at) ORDER BY w.at`,
    [names, table ?? null],
  );
  const oids = rows.flatMap(({ oid }) => (oid === null ? [] : [oid]));
  const there = (await readTypeCatalog(client, oids)).definitions(oids);
  return wanted.flatMap((type, i) => {
    if (rows[i]!.oid === null) return [];
    const found = there.find(({ schema, name }) => schema === type.schema && name === type.name);
    if (found !== undefined && isAlike(found, type)) return [];
    const what = found === undefined ? 'something else' : found.create;
    const run = found === undefined ? [] : alike(found, type);
    const way = run.length === 0 ? 'alter it, or rename it there' : `run there ${run.join('; ')}`;
    return [`the type ${names[i]} at the target is another one than the source's: there it is ${what}, here ${type.create}; ${way}`]; // prettier-ignore
  });
}

/** SQL: the types that the columns of table `$2` are made of, down to the last. */
const USED = `WITH RECURSIVE used(oid) AS (
  SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = $2::oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION SELECT n.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid CROSS JOIN LATERAL (
    SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) n(oid) WHERE n.oid <> 0)`;

function isAlike(found: TypeDefinition, wanted: TypeDefinition): boolean {
  if (found.kind !== wanted.kind) return false;
  switch (found.kind) {
    case 'composite':
      return found.create === wanted.create;
    case 'enum': {
      const has = labelsOf(found).filter((label) => labelsOf(wanted).includes(label));
      return has.join() === labelsOf(wanted).join();
    }
    // Whatever else a domain asks of values, it says so when it refuses one.
    case 'domain':
      return baseOf(found) === baseOf(wanted);
    case 'range':
      return valuesOf(found) === valuesOf(wanted);
  }
}

/** What makes the target's enum hold the source's labels, in their order; empty where nothing short does. */
function alike(found: TypeDefinition, wanted: TypeDefinition): string[] {
  if (found.kind !== 'enum' || wanted.kind !== 'enum') return [];
  const [there, here] = [labelsOf(found), labelsOf(wanted)];
  const alter = `ALTER TYPE ${qualifiedName(wanted.schema, wanted.name)}`;
  const missing = here.filter((label) => !there.includes(label));
  const isRenamed = there.every(
    (label, at) => label === here[at] || (!here.includes(label) && !there.includes(here[at]!)),
  );
  if (there.length === here.length && isRenamed)
    return here.flatMap((label, at) =>
      there[at] === label ? [] : [`${alter} RENAME VALUE ${there[at]} TO ${label}`],
    );
  const common = there.filter((label) => here.includes(label));
  if (common.join() !== here.filter((label) => there.includes(label)).join()) return [];
  return missing.map((label) => {
    const before = here[here.indexOf(label) - 1];
    return `${alter} ADD VALUE ${label}${before === undefined ? ` BEFORE ${there[0]}` : ` AFTER ${before}`}`;
  });
}

/** Of a domain, without what it asks of values. */
function baseOf({ create }: TypeDefinition): string {
  return create.replace(/ (?:COLLATE|DEFAULT|NOT NULL|CONSTRAINT) .*$/s, '');
}

/** Of a range, without what changes no value; before 14 there are no multiranges. */
function valuesOf({ create }: TypeDefinition): string {
  return create.replace(/, (?:SUBTYPE_DIFF|MULTIRANGE_TYPE_NAME) = [^,)]*/g, '');
}

/** As `typeDefinition` writes them. */
function labelsOf({ create }: TypeDefinition): string[] {
  return create.slice(create.indexOf('ENUM (')).match(/'(?:[^']|'')*'/g) ?? [];
}
