import type { ClientBase } from 'pg';
import { logicalOf } from '../../../../../shared/change/column-type.ts';
import type { Column, Relation, RelationPlan } from '../../../../../shared/change/relation.ts';
import type { Finding } from '../../../../../shared/connector/finding.ts';
import type { TypeOverrides } from '../../../../../shared/connector/type-overrides.ts';
import { isDocumentRelation } from '../../../../../shared/document/document-relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { showType } from '../../../../../shared/schema/show-type.ts';
import type { TypeMapping } from '../../../../../shared/schema/type-mapping.ts';
import { typeSql, isSameType } from '../../types/type-name.ts';
import type { TargetTable } from './target-table.ts';
import { mapType, type ServerTypes } from '../../types/to-native.ts';

/** A column's type at the target, and whether the pipeline file says it. */
interface ColumnMapping extends TypeMapping {
  isAgreed: boolean;
}

/**
 * What the columns of a relation are at the target, which follows from what they hold. A name that PostgreSQL itself
 * could have given is the type of that name; so relations of another PostgreSQL stay as they are, and what comes from
 * elsewhere stands in no statement but as a name.
 */
export class NativeTypes {
  readonly #overrides: TypeOverrides;
  readonly #server: ServerTypes;

  constructor(overrides: TypeOverrides, server: ServerTypes = {}) {
    this.#overrides = overrides;
    this.#server = server;
  }

  /** With what the server has. */
  async at(client: ClientBase): Promise<NativeTypes> {
    return new NativeTypes(this.#overrides, await readServerTypes(client));
  }

  /** As it would be made. A table that PostgreSQL describes, and documents, are made by what they say themselves. */
  plan<T extends RelationPlan>(plan: T): T {
    const { relation, definition } = plan;
    if (!isMade(relation, definition)) return plan;
    const type = (column: Column): string => this.#map(relation.namespace, column).native;
    return { ...plan, relation: withTypes(relation, type) };
  }

  /** As the table has it, wherever that is what the column can be; else as it would be made. */
  relationAt(relation: Relation, table: TargetTable | null): Relation {
    if (isDocumentRelation(relation)) return relation;
    return withTypes(relation, (column) => {
      const there = table?.columns.find(({ name }) => name === column.name)?.type;
      const wanted = this.#map(relation.namespace, column).native;
      if (there === undefined) return wanted;
      // It may have been made before the server had what it has now.
      const fitting = [column.type, mapType(logicalOf(column)).native];
      return fitting.find((type) => isSameType(type, there)) ?? wanted;
    });
  }

  /** What is not exactly as at the source, a finding each. */
  findings(plans: readonly RelationPlan[]): Finding[] {
    const findings: Finding[] = plans.flatMap(({ relation, definition }) =>
      isMade(relation, definition) ? this.#differences(relation) : [],
    );
    const problem = this.#misfit(plans);
    if (problem !== null) findings.push({ level: 'error', subject: 'types', message: problem });
    return findings;
  }

  /** Throws where the file names what none of the pipeline's tables has. */
  requireMatched(plans: readonly RelationPlan[]): void {
    const problem = this.#misfit(plans);
    if (problem !== null) throw new WeirError('CONFIG_INVALID', `types ${problem}`);
  }

  /** Throws where a mapping loses something that nobody agreed to. */
  requireAgreed(plans: readonly RelationPlan[]): void {
    const lossy = plans
      .filter(({ relation, definition }) => isMade(relation, definition))
      .flatMap(({ relation }) => this.#differences(relation))
      .filter(({ level }) => level === 'error');
    if (lossy.length === 0) return;
    const said = lossy.map(({ subject, message }) => `${subject}: ${message}`);
    throw new WeirError('TYPE_LOSSY', said.join('; '));
  }

  #misfit(plans: readonly RelationPlan[]): string | null {
    if (this.#overrides.isEmpty || plans.length === 0) return null;
    const made = plans.filter(({ relation, definition }) => isMade(relation, definition));
    const unmatched = this.#overrides.unmatched(made.map(({ relation }) => relation));
    if (unmatched.length === 0) return null;
    const own = this.#overrides.unmatched(plans.map(({ relation }) => relation));
    if (own.length === unmatched.length)
      return `has ${unmatched.join(', ')}, which is no column and no type of this pipeline's tables; correct or remove it`;
    return `has ${unmatched.join(', ')}, whose tables come with their own types from another PostgreSQL; remove it, or cast them in transforms`;
  }

  #differences({ namespace, columns }: Relation): Finding[] {
    return columns.flatMap((column): Finding[] => {
      const { native, fit, note, isAgreed } = this.#map(namespace, column);
      const subject = `${namespace}.${column.name}`;
      const says = `${showType(logicalOf(column))} becomes ${native}`;
      if (isAgreed) return [{ level: 'ok', subject, message: `${says}, as types says` }];
      switch (fit) {
        case 'exact':
          return [];
        case 'wider':
          return [{ level: 'ok', subject, message: `${says}: ${note}` }];
        case 'lossy':
          return [
            {
              level: 'error',
              subject,
              message: `${says}: ${note}; agree to it with the line ${JSON.stringify(subject)}: ${JSON.stringify(native)} under types: in the pipeline file, or name another type there, such as text`,
            },
          ];
      }
    });
  }

  #map(namespace: string, column: Column): ColumnMapping {
    const agreed = this.#overrides.of(namespace, column);
    if (agreed !== undefined)
      return { native: typeSql(agreed), fit: 'exact', note: null, isAgreed: true };
    const mapped = mapType(logicalOf(column), this.#server);
    const isNamed = column.logical === undefined && mapped.fit === 'exact';
    return { ...mapped, ...(isNamed && { native: typeSql(column.type) }), isAgreed: false };
  }
}

/** What only other stores understand of a column is left behind. */
function withTypes(relation: Relation, typeOf: (column: Column) => string): Relation {
  const columns = relation.columns.map((column) => {
    const { name, encoding } = column;
    return { name, type: typeOf(column), encoding };
  });
  return { ...relation, columns };
}

/** Documents become rows by rules of their own, and a table that PostgreSQL describes is made as that says. */
function isMade(relation: Relation, definition: unknown): boolean {
  return (definition ?? null) === null && !isDocumentRelation(relation);
}

async function readServerTypes(client: ClientBase): Promise<ServerTypes> {
  const { rows } = await client.query<{ version: number; schemas: Record<string, string> }>(
    `SELECT current_setting('server_version_num')::int AS version,
       coalesce((SELECT json_object_agg(e.extname, n.nspname) FROM pg_catalog.pg_extension e
         JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname IN ('postgis', 'vector')), '{}') AS schemas`,
  );
  const { version, schemas } = rows[0]!;
  return { version, ...schemas };
}
