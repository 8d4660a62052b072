import { qualifiedName, quoteIdent } from '../../connection/names.ts';
import type { SequenceDefinition, StandaloneSequence } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

export function sequenceSql({ schema, name }: Pick<SequenceDefinition, 'schema' | 'name'>): string {
  return qualifiedName(schema, name);
}

export function toSequenceStatement(sequence: StandaloneSequence, sql: string): string {
  return `CREATE SEQUENCE IF NOT EXISTS ${sql} AS ${sequence.dataType} ${sequenceOptions(sequence)}`;
}

export function sequenceOptions(sequence: StandaloneSequence): string {
  return `INCREMENT BY ${sequence.increment} MINVALUE ${sequence.min} MAXVALUE ${sequence.max} START WITH ${sequence.start} CACHE ${sequence.cache} ${sequence.cycle ? 'CYCLE' : 'NO CYCLE'}`;
}

/** What has to be there before the table: a sequence of another column comes with that column's table. */
export function toSequenceStatements(sequences: readonly SequenceDefinition[]): string[] {
  return sequences
    .filter(({ kind }) => kind === 'serial' || kind === 'standalone')
    .map((sequence) => toSequenceStatement(sequence, sequenceSql(sequence)));
}

/** A sequence can only be owned by a table of its schema. */
export function toOwnedByStatements(
  sequences: readonly SequenceDefinition[],
  table: TargetName,
): string[] {
  return sequences
    .filter(({ kind, schema }) => kind === 'serial' && schema === table.schema)
    .map(
      (sequence) =>
        `ALTER SEQUENCE ${sequenceSql(sequence)} OWNED BY ${table.sql}.${quoteIdent(sequence.column)}`,
    );
}
