import type pg from 'pg';
import type { RouteForm } from '../../../../shared/change/relation.ts';
import { keyFormOf } from '../../../../shared/row/key-form/key-form.ts';
import type { LogicalType } from '../../../../shared/schema/logical-type.ts';
import type { TypeDefinition } from './table-definition.ts';
import { type NativeType, toLogical } from '../types/to-logical.ts';
import { typeDefinition, type TypeDetail } from './type-definition.ts';

/** What the catalog says of a type, and of those it is made of. */
export interface TypeRow extends TypeDetail {
  oid: number;
  schema: string;
  name: string;
  /** `pg_type.typtype`: b base, c composite, d domain, e enum, m multirange, p pseudo, r range. */
  kind: string;
  /** Element of an array, else null. */
  element: number | null;
  /** Base of a domain, else null. */
  base: number | null;
  /** Subtype of a range, range of a multirange, else null. */
  subtype: number | null;
  hasSend: boolean;
  extension: string | null;
}

/** A column as its normal form in a key follows from it. */
export interface KeyColumn {
  oid: number;
  typmod?: number;
  /** As `format_type` writes the type. */
  text: string;
  folded: boolean;
}

/** Types by OID, read once for all the columns in question. */
export class TypeCatalog {
  readonly #types: ReadonlyMap<number, TypeRow>;

  constructor(types: readonly TypeRow[]) {
    this.#types = new Map(types.map((type) => [type.oid, type]));
  }

  /**
   * Whether the type's binary form means the same on another server. It does not where an OID of this server is in
   * it (reg* types, arrays and composites of types that the user made), where there is no binary form, or where a value's own
   * is refused.
   */
  isBinarySafe(oid: number): boolean {
    const type = this.#types.get(oid);
    if (type === undefined || !type.hasSend || isNotReceived(type)) return false;
    switch (type.kind) {
      case 'e':
        return true;
      case 'd':
        return type.base !== null && this.isBinarySafe(type.base);
      case 'r':
      case 'm':
        return type.subtype !== null && this.isBinarySafe(type.subtype);
      case 'b':
        if (type.element !== null) {
          const element = this.#types.get(type.element);
          return element !== undefined && isBuiltIn(element) && this.isBinarySafe(element.oid);
        }
        if (!isBuiltIn(type)) return SAFE_EXTENSION_TYPES[type.name] === type.extension;
        return !type.name.startsWith('reg') && !isInternal(type.name);
      default:
        return false;
    }
  }

  /**
   * What values of the type become in a stream of binary ones; null where the whole stream must be text then. Arrays of
   * labels and of `citext` name their element by an OID of this server, and become text one by one; a type without a
   * binary form comes as text anyhow.
   */
  sentForm(oid: number): 'binary' | 'text' | null {
    const type = this.#types.get(oid);
    if (type === undefined) return null;
    if (this.isBinarySafe(oid)) return 'binary';
    if (type.kind === 'd') return type.base === null ? null : this.sentForm(type.base);
    if (!type.hasSend) return 'text';
    if (type.kind !== 'b' || type.element === null) return null;
    const element = this.#types.get(type.element);
    const isLabel =
      element?.kind === 'e' || (element?.name === 'citext' && element.extension === 'citext');
    return isLabel ? 'text' : null;
  }

  /**
   * Whether two values are equal exactly if their bytes are; the collation is for the caller to look at. Of `character`
   * without a length they are not, as blanks at the end count for nothing and are kept.
   */
  isEqualByBytes(oid: number, typmod = -1): boolean {
    const type = this.#types.get(oid);
    if (type === undefined) return false;
    if (type.kind === 'e') return true;
    if (type.kind === 'd') return type.base !== null && this.isEqualByBytes(type.base);
    if (type.kind !== 'b' || !isBuiltIn(type)) return false;
    return type.name === 'bpchar' ? typmod >= 0 : EQUAL_BY_BYTES.has(type.name);
  }

  /**
   * The normal form of values of the type in a key; null where none is as coarse as its equality. `folded`: of a collation
   * under which different texts may be equal.
   */
  keyForm({ oid, typmod = -1, text, folded }: KeyColumn): RouteForm | null {
    const type = this.#types.get(oid);
    if (type === undefined) return null;
    if (type.kind === 'd') {
      if (type.base === null || type.domain === null) return null;
      return this.keyForm({ oid: type.base, text: type.domain.base, folded });
    }
    if (type.extension === 'citext' && type.name === 'citext') return folded ? null : 'caseless';
    if (type.kind === 'b' && isBuiltIn(type)) {
      const own = OWN_FORMS.get(type.name);
      if (own !== undefined) return own;
      // With a length, the blanks that do not count are always as many.
      if (type.name === 'bpchar' && typmod >= 0 && !folded) return 'same';
    }
    return keyFormOf(this.logical(oid, text, folded));
  }

  /** `text`: as `format_type` writes it, with its modifiers; `folded`: see `toLogical`. */
  logical(oid: number, text: string, folded = false): LogicalType {
    const type = this.#native(oid);
    return type === null
      ? { kind: 'other', store: 'postgres', name: text }
      : toLogical(type, text, folded);
  }

  #native(oid: number): NativeType | null {
    const type = this.#types.get(oid);
    if (type === undefined) return null;
    const base = type.base === null ? null : this.#native(type.base);
    return {
      name: type.name,
      kind: type.kind,
      isBuiltIn: isBuiltIn(type),
      extension: type.extension,
      labels: type.labels,
      element: type.element === null ? null : this.#native(type.element),
      base: base === null ? null : { type: base, text: type.domain!.base },
    };
  }

  /** The user's types that `oids` need, each after those it is made of. */
  definitions(oids: Iterable<number>): TypeDefinition[] {
    const seen = new Set<number>();
    const definitions: TypeDefinition[] = [];
    const visit = (oid: number | null): void => {
      if (oid === null || seen.has(oid)) return;
      seen.add(oid);
      const type = this.#types.get(oid);
      if (type === undefined) return;
      for (const part of [type.element, type.base, type.subtype]) visit(part);
      for (const attribute of type.attributes ?? []) visit(attribute.type);
      if (isBuiltIn(type) || type.extension !== null) return;
      const definition = typeDefinition(type);
      if (definition !== null) definitions.push(definition);
    };
    for (const oid of oids) visit(oid);
    return definitions;
  }
}

/** OIDs below this are assigned by hand and the same in every PostgreSQL (`FirstGenbkiObjectId`). */
const FIRST_VARYING_OID = 10_000;

function isBuiltIn(type: TypeRow): boolean {
  return type.schema === 'pg_catalog' && type.oid < FIRST_VARYING_OID;
}

/** What the server sends of an empty one it does not take back. */
const NOT_RECEIVED = ['tsquery', 'int2vector', 'oidvector'];

function isNotReceived(type: TypeRow): boolean {
  return isBuiltIn(type) && NOT_RECEIVED.includes(type.name);
}

/** Catalog-only types whose receive function refuses everything. */
function isInternal(name: string): boolean {
  return name.startsWith('pg_') && name !== 'pg_lsn' && name !== 'pg_snapshot';
}

const SAFE_EXTENSION_TYPES: Readonly<Record<string, string>> = {
  citext: 'citext',
  hstore: 'hstore',
  ltree: 'ltree',
  vector: 'vector',
  geometry: 'postgis',
  geography: 'postgis',
};

const EQUAL_BY_BYTES = new Set(
  (
    'int2 int4 int8 text varchar name char uuid bytea date time timetz timestamp timestamptz bool oid ' +
    'inet cidr macaddr macaddr8'
  ).split(' '),
);

/** Of types that only PostgreSQL has. */
const OWN_FORMS: ReadonlyMap<string, RouteForm> = new Map<string, RouteForm>([
  ['macaddr', 'macaddr'],
  ['macaddr8', 'macaddr'],
  ['inet', 'inet'],
  ['cidr', 'cidr'],
]);

export async function readTypeCatalog(
  client: pg.Client,
  oids: readonly number[],
): Promise<TypeCatalog> {
  const { rows } = await client.query<TypeRow>(TYPES_SQL, [oids]);
  return new TypeCatalog(rows);
}

const RANGES = `SELECT r.*, (to_jsonb(r) ->> 'rngmultitypid')::oid AS multirange FROM pg_catalog.pg_range r`;

const PARTS = `
  SELECT t.oid,
    CASE WHEN t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A' THEN t.typelem END AS element,
    nullif(t.typbasetype, 0) AS base,
    (SELECT CASE t.oid WHEN r.rngtypid THEN r.rngsubtype ELSE r.rngtypid END FROM (${RANGES}) r WHERE t.oid IN (r.rngtypid, r.multirange)) AS subtype
  FROM pg_catalog.pg_type t`;

const TYPES_SQL = `
WITH RECURSIVE wanted(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT part.oid
  FROM wanted
  JOIN (${PARTS}) p ON p.oid = wanted.oid
  JOIN pg_catalog.pg_type t ON t.oid = p.oid
  CROSS JOIN LATERAL (
    VALUES (p.element), (p.base), (p.subtype)
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS part(oid)
  WHERE part.oid IS NOT NULL
)
SELECT t.oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, p.element, p.base, p.subtype,
  t.typsend <> 0 AS "hasSend",
  (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = coalesce(p.element, t.oid)
     AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass LIMIT 1) AS extension,
  (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l
   WHERE l.enumtypid = t.oid) AS labels,
  (SELECT json_agg(l.oid::int8 ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l
   WHERE l.enumtypid = t.oid) AS "labelIds",
  CASE WHEN t.typtype = 'd' THEN json_build_object(
    'base', format_type(t.typbasetype, t.typtypmod),
    'notNull', t.typnotnull,
    'default', pg_get_expr(t.typdefaultbin, 0),
    'collation', (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
      FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
      JOIN pg_catalog.pg_type bt ON bt.oid = t.typbasetype
      WHERE co.oid = t.typcollation AND t.typcollation <> bt.typcollation),
    'checks', (SELECT json_agg(json_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid), 'id', k.oid::int8)
        ORDER BY k.conname)
      FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')
  ) END AS domain,
  (SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8, 'number', a.attnum,
      'sqlType', format_type(a.atttypid, a.atttypmod),
      'collation', (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
        FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
        JOIN pg_catalog.pg_type bt ON bt.oid = a.atttypid
        WHERE co.oid = a.attcollation AND a.attcollation <> bt.typcollation)) ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
   WHERE c.oid = t.typrelid AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped) AS attributes,
  (SELECT json_build_object('subtype', format_type(r.rngsubtype, NULL),
      'opclass', CASE WHEN NOT o.opcdefault THEN quote_ident(onsp.nspname) || '.' || quote_ident(o.opcname) END,
      'collation', (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
        FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
        JOIN pg_catalog.pg_type bt ON bt.oid = r.rngsubtype
        WHERE co.oid = r.rngcollation AND r.rngcollation <> bt.typcollation),
      'canonical', CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::regproc::text END,
      'difference', CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::regproc::text END,
      'multirange', (SELECT quote_ident(mn.nspname) || '.' || quote_ident(m.typname) FROM pg_catalog.pg_type m
        JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace WHERE m.oid = r.multirange))
   FROM (${RANGES}) r JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
   JOIN pg_catalog.pg_namespace onsp ON onsp.oid = o.opcnamespace
   WHERE r.rngtypid = t.oid) AS range
FROM wanted
JOIN pg_catalog.pg_type t ON t.oid = wanted.oid
JOIN (${PARTS}) p ON p.oid = t.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
ORDER BY t.oid`;
