import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { quoteIdent } from '../../connection/names.ts';
import type { ConstraintDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

/**
 * Indexes and foreign keys name tables in their definitions. Here they are told the target's names, which differ
 * where namespaces are mapped.
 */
const IDENT = '(?:"(?:[^"]|"")*"|[^\\s.("]+)';
const INDEX = new RegExp(
  `^CREATE (UNIQUE )?INDEX ${IDENT} ON (?:ONLY )?${IDENT}\\.${IDENT} (USING [^]*)$`,
);
const REFERENCES = new RegExp(`( REFERENCES )(?:${IDENT}\\.)?${IDENT}\\(`);

export function toIndexStatement(
  index: TableDefinition['indexes'][number],
  target: TargetName,
): string {
  const match = INDEX.exec(index.definition);
  if (match === null)
    throw new WeirError(
      'TARGET_UNFIT',
      `the definition of the index ${quoteIdent(index.name)} of ${target.namespace} is not understood; make it at the target by hand, then start the pipeline again: ${index.definition}`,
    );
  return `CREATE ${match[1] ?? ''}INDEX ${quoteIdent(index.name)} ON ${target.sql} ${match[2]!}`;
}

/** The server quotes a name only where it must; what is made here for tables of other stores quotes every one. */
export function isSameStatement(one: string, other: string): boolean {
  return withoutNeedlessQuotes(one) === withoutNeedlessQuotes(other);
}

const QUOTED = /'(?:[^']|'')*'|"((?:[^"]|"")*)"/g;

function withoutNeedlessQuotes(statement: string): string {
  return statement.replaceAll(QUOTED, (all, name: string | undefined) =>
    name !== undefined && /^[a-z_][a-z0-9_]*$/.test(name) ? name : all,
  );
}

export function toConstraintStatement(
  constraint: ConstraintDefinition,
  target: TargetName,
): string {
  return `ALTER TABLE ${target.sql} ADD CONSTRAINT ${quoteIdent(constraint.name)} ${constraint.definition}`;
}

/**
 * `validate: false` adds it without looking at the rows that are there. `deferrable`: whatever it is at the source, a
 * transaction may ask for it to be checked at its end; for all others that changes nothing.
 */
export function toForeignKeyStatement(
  constraint: ConstraintDefinition,
  target: TargetName,
  references: TargetName,
  { validate, deferrable }: { validate: boolean; deferrable: boolean },
): string {
  const definition = constraint.definition
    .replace(REFERENCES, (_all, word: string) => `${word}${references.sql}(`)
    .replace(/ NOT VALID$/, '');
  const defer = deferrable && !/ DEFERRABLE| NOT ENFORCED/.test(definition) ? ' DEFERRABLE' : '';
  return `ALTER TABLE ${target.sql} ADD CONSTRAINT ${quoteIdent(constraint.name)} ${definition}${defer}${validate ? '' : ' NOT VALID'}`;
}
