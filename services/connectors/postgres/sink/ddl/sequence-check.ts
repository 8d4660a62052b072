import type pg from 'pg';
import type { RelationPlan } from '../../../../../shared/change/relation.ts';
import type { Finding } from '../../../../../shared/connector/finding.ts';
import { allSequences } from '../../catalog/all-sequences.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { sequenceOptions, sequenceSql, toSequenceStatement } from './sequence-ddl.ts';
import type { StandaloneSequence } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

export function takenSequence(namespace: string): string {
  return `the sequence ${namespace} cannot be made at the target, because something else there has its name; rename that, or the sequence at the source`;
}

export function missingSequence(sequence: StandaloneSequence, name: TargetName): string {
  return `the sequence ${name.namespace} is not at the target; run there: ${toSequenceStatement(sequence, name.sql)}`;
}

/** A sequence at the target, and what it should be like. */
interface Wanted {
  subject: string;
  sql: string;
  sequence: StandaloneSequence;
}

/**
 * What is wrong with sequences before they are made: another thing has the name of one that stands alone, or one is there
 * with another definition, which making it if it is missing would accept.
 */
export async function checkSequences(
  client: pg.Client,
  { names, create }: PlanTarget,
  relations: readonly RelationPlan[],
  standalone: readonly StandaloneSequence[],
): Promise<Finding[]> {
  const alone = standalone.map((sequence) => ({ sequence, name: names.ofTable(sequence) }));
  const used = relations.flatMap((plan) => {
    const { namespace } = names.ofNamespace(plan.relation.namespace);
    return allSequences(definitionOf(plan))
      .filter(({ kind }) => kind !== 'identity')
      .map((sequence): Wanted => ({ subject: namespace, sql: sequenceSql(sequence), sequence }));
  });
  const wanted = new Map<string, Wanted>(used.map((each) => [each.sql, each]));
  for (const { sequence, name } of alone)
    wanted.set(name.sql, { subject: name.namespace, sql: name.sql, sequence });
  const there = await readSequences(client, [...wanted.keys()]);
  const differing = [...wanted.values()].flatMap(({ subject, sql, sequence }): Finding[] => {
    const text = optionsOf(sequence);
    const found = there.get(sql);
    if (found === undefined || found === null || found === text) return [];
    const message = `the sequence ${sql} is at the target with another definition; run there: ALTER SEQUENCE ${sql} ${text}`;
    return [{ level: 'warning', subject, message }];
  });
  const missing = alone.flatMap(({ sequence, name }): Finding[] => {
    const subject = name.namespace;
    const found = there.get(name.sql);
    if (found === null) return [{ level: 'error', subject, message: takenSequence(subject) }];
    if (found !== undefined || create === 'missing') return [];
    return [{ level: 'warning', subject, message: missingSequence(sequence, name) }];
  });
  return [...missing, ...differing];
}

function optionsOf(sequence: StandaloneSequence): string {
  return `AS ${sequence.dataType} ${sequenceOptions(sequence)}`;
}

/** How those that are there are made; null where the name is something else's. */
async function readSequences(
  client: pg.Client,
  names: readonly string[],
): Promise<Map<string, string | null>> {
  const { rows } = await client.query<StandaloneSequence & { sql: string; isSequence: boolean }>(
    `SELECT w.sql, s.seqrelid IS NOT NULL AS "isSequence", format_type(s.seqtypid, NULL) AS "dataType", s.seqstart::text AS start,
       s.seqincrement::text AS increment, s.seqmin::text AS min, s.seqmax::text AS max, s.seqcache::text AS cache, s.seqcycle AS cycle
     FROM unnest($1::text[]) AS w(sql) JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.sql)
     LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid`,
    [names],
  );
  return new Map(rows.map((row) => [row.sql, row.isSequence ? optionsOf(row) : null]));
}
