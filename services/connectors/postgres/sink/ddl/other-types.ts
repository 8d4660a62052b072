import type pg from 'pg';
import { qualifiedName } from '../../connection/names.ts';
import { readTypeCatalog } from '../../catalog/type-catalog.ts';
import type { TypeDefinition } from '../../catalog/table-definition.ts';

/**
 * Types of these names that the target has and that are others: of another kind, an enum without a label or with them in
 * another order, a composite with other attributes. A sentence each.
 */
export async function otherTypes(
  client: pg.Client,
  wanted: readonly TypeDefinition[],
): Promise<string[]> {
  if (wanted.length === 0) return [];
  const names = wanted.map(({ schema, name }) => qualifiedName(schema, name));
  const { rows } = await client.query<{ oid: number | null }>(
    'SELECT to_regtype(w.sql)::oid AS oid FROM unnest($1::text[]) WITH ORDINALITY AS w(sql, at) ORDER BY w.at',
    [names],
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
      return true;
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

/** As `typeDefinition` writes them. */
function labelsOf({ create }: TypeDefinition): string[] {
  return create.slice(create.indexOf('ENUM (')).match(/'(?:[^']|'')*'/g) ?? [];
}
