import type { ClientBase } from 'pg';
import { allSequences } from '../../catalog/all-sequences.ts';
import { qualifiedName, quoteIdent } from '../../connection/names.ts';
import { createExtension } from '../../catalog/needed-extensions.ts';
import { runDdl } from '../target/target-ddl.ts';
import type { ExtensionDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

/** What a table needs to exist before it: schemas, types, and the extensions that types come from. */
interface Missing {
  schemas: string[];
  types: { label: string; create: string }[];
  extensions: ExtensionDefinition[];
  /** Of those, the ones that the server has no files of. */
  unavailable: string[];
  /** Those that are there, in another schema than at the source: each with it. */
  elsewhere: { extension: ExtensionDefinition; schema: string }[];
  /** Types that nobody here can make. */
  foreign: string[];
}

/** Of a range type, in its definition by a server that has multiranges. */
const MULTIRANGE_NAME = /, MULTIRANGE_TYPE_NAME = (.*)(?=\)$)/;

export async function readMissing(
  client: ClientBase,
  definition: TableDefinition,
  target: TargetName,
): Promise<Missing> {
  const wanted = definition.extensions ?? [];
  const schemas = [
    target.schema,
    ...wanted.map(({ schema }) => schema),
    ...definition.types.map((type) => type.schema),
    ...allSequences(definition).map((sequence) => sequence.schema),
    ...definition.partitions
      .map((partition) => partition.schema)
      .filter((schema) => schema !== definition.schema),
  ];
  const types = definition.types.map(
    (type) => `${quoteIdent(type.schema)}.${quoteIdent(type.name)}`,
  );
  // Without length and scale, which an older server may refuse: not for being missing.
  const columns = [...new Set(definition.columns.map(({ type }) => withoutTypmod(type)))];
  const { rows } = await client.query<{
    schemas: string[];
    types: string[];
    columns: string[];
    multiranges: boolean;
    present: { name: string; schema: string }[];
    available: string[];
  }>(
    `SELECT current_setting('server_version_num')::int >= 140000 AS multiranges,
             ARRAY(SELECT DISTINCT s FROM unnest($1::text[]) s WHERE to_regnamespace(quote_ident(s)) IS NULL) AS schemas,
            ARRAY(SELECT t FROM unnest($2::text[]) t WHERE to_regtype(t) IS NULL) AS types,
            ARRAY(SELECT t FROM unnest($3::text[]) t WHERE to_regtype(t) IS NULL) AS columns,
            (SELECT coalesce(json_agg(json_build_object('name', e.extname, 'schema', n.nspname)), '[]') FROM pg_catalog.pg_extension e
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = ANY ($4::text[])) AS present,
            ARRAY(SELECT name::text FROM pg_catalog.pg_available_extensions WHERE name = ANY ($4::text[])) AS available`,
    [schemas, types, columns, wanted.map(({ name }) => name)],
  );
  const row = rows[0]!;
  const own = new Set(
    definition.types.flatMap(({ schema, name, create }) => {
      const multirange = row.multiranges ? MULTIRANGE_NAME.exec(create)?.[1] : undefined;
      return [qualifiedName(schema, name), ...(multirange === undefined ? [] : [multirange])].map(
        bareName,
      );
    }),
  );
  const present = new Map(row.present.map(({ name, schema }) => [name, schema]));
  const extensions = wanted.filter(({ name }) => !present.has(name));
  return {
    schemas: row.schemas,
    types: definition.types
      .filter((_, i) => row.types.includes(types[i]!))
      .map(({ schema, name, create }) => ({
        label: `${schema}.${name}`,
        create: row.multiranges ? create : create.replace(MULTIRANGE_NAME, ''),
      })),
    extensions,
    unavailable: extensions.map(({ name }) => name).filter((name) => !row.available.includes(name)),
    elsewhere: wanted.flatMap((extension) => {
      const schema = present.get(extension.name);
      return schema === undefined || schema === extension.schema ? [] : [{ extension, schema }];
    }),
    // What an extension brings is there once it is made.
    foreign: extensions.length > 0 ? [] : row.columns.filter((type) => !own.has(bareName(type))),
  };
}

/** Makes what is missing; a type that nobody can make is left for the table's own statement to complain of. */
export async function createMissing(client: ClientBase, missing: Missing): Promise<void> {
  for (const schema of missing.schemas)
    await runDdl(client, `CREATE SCHEMA ${quoteIdent(schema)}`, `creating the schema ${schema}`);
  for (const extension of missing.extensions)
    await runDdl(client, createExtension(extension), `creating the extension ${extension.name}`);
  for (const type of missing.types)
    await runDdl(client, type.create, `creating the type ${type.label}`);
}

/** A type as `format_type` writes it, without length and scale; names in quotes may hold what looks like them. */
function withoutTypmod(type: string): string {
  return type.replaceAll(/("(?:[^"]|"")*")|\([-\d,]+\)/g, (_, quoted?: string) => quoted ?? '');
}

/** The type's own name, without schema, quotes, length and array brackets. */
function bareName(type: string): string {
  const name = /^(?:(?:"(?:[^"]|"")*"|[^".\s(]+)\.)?("(?:[^"]|"")*"|[^"([]*)/.exec(type)![1]!;
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
