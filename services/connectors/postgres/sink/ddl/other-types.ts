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
    return [`the type ${names[i]} at the target is another one than the source's: there it is ${what}, here ${type.create}; alter it, or rename it there`]; // prettier-ignore
  });
}

function isAlike(found: TypeDefinition, wanted: TypeDefinition): boolean {
  if (found.kind !== wanted.kind) return false;
  if (found.kind === 'composite') return found.create === wanted.create;
  if (found.kind !== 'enum') return true;
  const has = labelsOf(found.create);
  const kept = has.filter((label) => labelsOf(wanted.create).includes(label));
  return kept.join() === labelsOf(wanted.create).join();
}

/** As `typeDefinition` writes them. */
function labelsOf(create: string): string[] {
  return create.slice(create.indexOf('ENUM (')).match(/'(?:[^']|'')*'/g) ?? [];
}
