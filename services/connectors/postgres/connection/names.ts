import { createHash } from 'node:crypto';
import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** A table's name in its two parts, as the catalog has them. */
export interface TableName {
  schema: string;
  table: string;
}

export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/**
 * A namespace is `schema.table` as the catalog has the names, with a part in double quotes only where a dot or a
 * double quote in it would make the whole ambiguous.
 */
export function formatNamespace(schema: string, table: string): string {
  return `${formatPart(schema)}.${formatPart(table)}`;
}

function formatPart(part: string): string {
  return /[."]/.test(part) ? quoteIdent(part) : part;
}

const TABLE = /^("(?:[^"]|"")*"|[^."]+)\.("(?:[^"]|"")*"|[^."]+)$/;

export function isTableName(namespace: string): boolean {
  return TABLE.test(namespace);
}

export function parseNamespace(namespace: string): TableName {
  const match = TABLE.exec(namespace);
  if (!match)
    throw new WeirError(
      'CONFIG_INVALID',
      `"${namespace}" is not the name of a table: write it as schema.table, or, where another store calls it so, say where it goes with map: { "${namespace}": "schema.table" }.`,
    );
  return { schema: parsePart(match[1]!), table: parsePart(match[2]!) };
}

function parsePart(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}

/** The quoted and qualified name to put into SQL. */
export function toSqlName(namespace: string): string {
  const { schema, table } = parseNamespace(namespace);
  return qualifiedName(schema, table);
}

export function qualifiedName(schema: string, name: string): string {
  return `${quoteIdent(schema)}.${quoteIdent(name)}`;
}

/** Room left within PostgreSQL's 63 bytes for what is appended to an object's name. */
const MAX_OBJECT_NAME = 48;

/** What a pipeline's slot and publication are called; slots allow only a-z, 0-9 and underscore. */
export function pipelineObjectName(pipeline: string): string {
  const name = `weir_${pipeline.replaceAll('-', '_')}`;
  if (!/^[a-z0-9_]+$/.test(name))
    throw new WeirError(
      'CONFIG_INVALID',
      `The pipeline name "${pipeline}" may hold only a-z, 0-9 and "-": give it another name.`,
    );
  if (name.length <= MAX_OBJECT_NAME) return name;
  const digest = createHash('sha256').update(pipeline).digest('hex').slice(0, 8);
  return `${name.slice(0, MAX_OBJECT_NAME - 9)}_${digest}`;
}
