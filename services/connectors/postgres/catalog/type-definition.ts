import { qualifiedName, quoteIdent, quoteLiteral } from '../connection/names.ts';
import type { TypeDefinition } from './table-definition.ts';

/** What is needed to write a type's CREATE statement; each part is null for the other kinds of type. */
export interface TypeDetail {
  labels: string[] | null;
  /** Their OIDs, in the same order: a label that is renamed keeps its own. */
  labelIds?: number[] | null;
  domain: {
    base: string;
    notNull: boolean;
    default: string | null;
    collation: string | null;
    checks: { name: string; definition: string; id?: number }[] | null;
  } | null;
  attributes:
    | {
        name: string;
        type: number;
        sqlType: string;
        collation: string | null;
        number?: number;
      }[]
    | null;
  range: {
    subtype: string;
    opclass: string | null;
    collation: string | null;
    canonical: string | null;
    difference: string | null;
    multirange: string | null;
  } | null;
}

/**
 * The statement that makes the type elsewhere; null where there is none of its own: arrays and multiranges come
 * with their element, row types with their table, and a range with a canonical function needs code first.
 */
export function typeDefinition(
  type: TypeDetail & { schema: string; name: string },
): TypeDefinition | null {
  const { schema, name } = type;
  const sqlName = qualifiedName(schema, name);
  if (type.labels !== null) {
    const labels = type.labels.map((label) => quoteLiteral(label).trim()).join(', ');
    const parts = type.labels.map((text, i) => ({ id: type.labelIds?.[i] ?? 0, text }));
    const create = `CREATE TYPE ${sqlName} AS ENUM (${labels})`;
    return { schema, name, kind: 'enum', create, parts };
  }
  if (type.domain !== null)
    return {
      schema,
      name,
      kind: 'domain',
      create: createDomain(sqlName, type.domain),
      parts: (type.domain.checks ?? []).map(({ id, name: text, definition: sql }) => ({
        id: id ?? 0,
        text,
        sql,
      })),
    };
  if (type.attributes !== null) {
    const attributes = type.attributes.map(
      (a) => `${quoteIdent(a.name)} ${a.sqlType}${a.collation ? ` COLLATE ${a.collation}` : ''}`,
    );
    const create = `CREATE TYPE ${sqlName} AS (${attributes.join(', ')})`;
    const parts = type.attributes.map(({ number, name: text }, i) => ({
      id: number ?? 0,
      text,
      sql: attributes[i]!,
    }));
    return { schema, name, kind: 'composite', create, parts };
  }
  if (type.range !== null && type.range.canonical === null)
    return { schema, name, kind: 'range', create: createRange(sqlName, type.range) };
  return null;
}

function createDomain(sqlName: string, domain: NonNullable<TypeDetail['domain']>): string {
  const parts = [`CREATE DOMAIN ${sqlName} AS ${domain.base}`];
  if (domain.collation !== null) parts.push(`COLLATE ${domain.collation}`);
  if (domain.default !== null) parts.push(`DEFAULT ${domain.default}`);
  if (domain.notNull) parts.push('NOT NULL');
  for (const check of domain.checks ?? [])
    parts.push(
      `CONSTRAINT ${quoteIdent(check.name)} ${check.definition.replace(/ NOT VALID$/, '')}`,
    );
  return parts.join(' ');
}

function createRange(sqlName: string, range: NonNullable<TypeDetail['range']>): string {
  const options = [`SUBTYPE = ${range.subtype}`];
  if (range.opclass !== null) options.push(`SUBTYPE_OPCLASS = ${range.opclass}`);
  if (range.collation !== null) options.push(`COLLATION = ${range.collation}`);
  if (range.difference !== null) options.push(`SUBTYPE_DIFF = ${range.difference}`);
  if (range.multirange !== null) options.push(`MULTIRANGE_TYPE_NAME = ${range.multirange}`);
  return `CREATE TYPE ${sqlName} AS RANGE (${options.join(', ')})`;
}
