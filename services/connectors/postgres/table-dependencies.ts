import type { ClientBase } from 'pg';
import { quoteIdent } from './names.ts';
import { runDdl } from './target-ddl.ts';
import type { TableDefinition } from './table-definition.ts';
import type { TargetName } from './target-names.ts';

/** What a table needs to exist before it: schemas, types, and the extensions that types come from. */
interface Missing {
  schemas: string[];
  types: { label: string; create: string }[];
  /** Types that nobody here can make, with the extension that brings them if one is known. */
  foreign: { type: string; extension: string | null }[];
}

/** Extensions whose types have other names than they. */
const EXTENSION_OF: Readonly<Record<string, string>> = {
  geometry: 'postgis',
  geography: 'postgis',
  raster: 'postgis_raster',
  halfvec: 'vector',
  sparsevec: 'vector',
  lquery: 'ltree',
  ltxtquery: 'ltree',
};

/** Of a range type, in its definition by a server that has multiranges. */
const MULTIRANGE_NAME = /, MULTIRANGE_TYPE_NAME = (.*)(?=\)$)/;

export async function readMissing(
  client: ClientBase,
  definition: TableDefinition,
  target: TargetName,
): Promise<Missing> {
  const schemas = [
    target.schema,
    ...definition.types.map((type) => type.schema),
    ...definition.sequences.map((sequence) => sequence.schema),
    ...definition.partitions
      .map((partition) => partition.schema)
      .filter((schema) => schema !== definition.schema),
  ];
  const types = definition.types.map(
    (type) => `${quoteIdent(type.schema)}.${quoteIdent(type.name)}`,
  );
  // Without length and scale, which an older server may refuse: not for being missing.
  const columns = [
    ...new Set(definition.columns.map(({ type }) => type.replace(/\([-\d,]+\)/, ''))),
  ];
  const { rows } = await client.query<{
    schemas: string[];
    types: string[];
    columns: string[];
    multiranges: boolean;
  }>(
    `SELECT current_setting('server_version_num')::int >= 140000 AS multiranges,
             ARRAY(SELECT DISTINCT s FROM unnest($1::text[]) s WHERE to_regnamespace(quote_ident(s)) IS NULL) AS schemas,
            ARRAY(SELECT t FROM unnest($2::text[]) t WHERE to_regtype(t) IS NULL) AS types,
            ARRAY(SELECT t FROM unnest($3::text[]) t WHERE to_regtype(t) IS NULL) AS columns`,
    [schemas, types, columns],
  );
  const row = rows[0]!;
  const own = new Set(
    definition.types.flatMap(({ schema, name, create }) => {
      const multirange = row.multiranges ? MULTIRANGE_NAME.exec(create)?.[1] : undefined;
      return [`${schema}.${name}`, ...(multirange === undefined ? [] : [multirange])].map(bareName);
    }),
  );
  const foreign = row.columns.filter((type) => !own.has(bareName(type)));
  return {
    schemas: row.schemas,
    types: definition.types
      .filter((_, i) => row.types.includes(types[i]!))
      .map(({ schema, name, create }) => ({
        label: `${schema}.${name}`,
        create: row.multiranges ? create : create.replace(MULTIRANGE_NAME, ''),
      })),
    foreign: await Promise.all(
      foreign.map(async (type) => ({ type, extension: await findExtension(client, type) })),
    ),
  };
}

/** Makes what is missing; a type without a known extension is left for the table's own statement to complain of. */
export async function createMissing(client: ClientBase, missing: Missing): Promise<void> {
  for (const schema of missing.schemas)
    await runDdl(client, `CREATE SCHEMA ${quoteIdent(schema)}`, `creating the schema ${schema}`);
  for (const { type, extension } of missing.foreign) {
    if (extension === null) continue;
    const sql = createExtension(type, extension);
    await runDdl(client, sql, `creating the extension ${extension} for the type ${type}`);
  }
  for (const type of missing.types)
    await runDdl(client, type.create, `creating the type ${type.label}`);
}

export function createExtension(type: string, extension: string): string {
  const schema = /^("(?:[^"]|"")*"|[^".\s(]+)\./.exec(type)?.[1];
  return `CREATE EXTENSION IF NOT EXISTS ${quoteIdent(extension)}${schema === undefined ? '' : ` SCHEMA ${schema}`}`;
}

async function findExtension(client: ClientBase, type: string): Promise<string | null> {
  const name = bareName(type);
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions WHERE name = $1',
    [EXTENSION_OF[name] ?? name],
  );
  return rows[0]?.name ?? null;
}

/** Without schema, quotes, length and array brackets. */
function bareName(type: string): string {
  return type
    .replace(/^("(?:[^"]|"")*"|[^".\s(]+)\./, '')
    .replace(/(\(.*\))?(\[\])*$/, '')
    .replaceAll('"', '');
}
