import type pg from 'pg';
import type { RelationPlan } from '../../../../../shared/change/relation.ts';
import type { Finding } from '../../../../../shared/connector/finding.ts';
import { checkRules, TREES } from './acts-on-rows.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { quoteIdent } from '../../connection/names.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import type { TargetName } from '../target/target-names.ts';
import type { TargetTable } from '../target/target-table.ts';
import { enforceConstraints, maySet, NOT_ENFORCED } from '../session/writer-session.ts';

export interface ExistingTable {
  name: TargetName;
  table: TargetTable;
}

/**
 * What whole transactions with constraints enforced ask of the target: there triggers fire, and foreign keys are looked
 * at after each statement, of which the source may have made other ones.
 */
export async function checkEnforcement(
  client: pg.Client,
  target: PlanTarget,
  relations: readonly RelationPlan[],
  existing: readonly ExistingTable[],
): Promise<Finding[]> {
  return [
    ...((await maySet(client, enforceConstraints))
      ? []
      : [{ level: 'error' as const, subject: 'constraints', message: NOT_ENFORCED }]),
    ...(await checkTriggers(client, existing)),
    ...(await checkRules(client, existing, false)),
    ...(await checkForeignKeys(client, existing)),
    ...relations.flatMap((plan) => checkReferenced(plan, target, relations)),
  ];
}

async function checkTriggers(
  client: pg.Client,
  existing: readonly ExistingTable[],
): Promise<Finding[]> {
  const { rows } = await client.query<{ table: string; trigger: string; fires: string }>(
    `SELECT t.tgrelid::regclass::text AS table, t.tgname AS trigger, t.tgenabled AS fires
     FROM pg_trigger t WHERE t.tgrelid IN (${TREES}) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
     ORDER BY 1, 2`,
    [existing.map(({ table }) => table.oid)],
  );
  return rows.map(({ table, trigger, fires }) => {
    const disable = `ALTER TABLE ${table} DISABLE TRIGGER ${quoteIdent(trigger)}`;
    return fires === 'O'
      ? {
          level: 'error',
          subject: table,
          message: `the trigger ${trigger} would fire for every row that is written, as it did at the source; run ${disable} until the target takes over`,
        }
      : {
          level: 'warning',
          subject: table,
          message: `the trigger ${trigger} is always enabled and will fire for every row that is written; run ${disable} if it should not`,
        };
  });
}

async function checkForeignKeys(
  client: pg.Client,
  existing: readonly ExistingTable[],
): Promise<Finding[]> {
  const { rows } = await client.query<{ table: string; name: string }>(
    `SELECT conrelid::regclass::text AS table, conname AS name FROM pg_constraint
     WHERE conrelid = ANY($1::oid[]) AND contype = 'f' AND NOT condeferrable AND conparentid = 0 ORDER BY 1, 2`,
    [existing.map(({ table }) => table.oid)],
  );
  return rows.map(({ table, name }) => ({
    level: 'warning',
    subject: table,
    message: `the foreign key ${name} is checked after each statement, and a transaction that writes a row before the one it refers to would be refused; run ALTER TABLE ${table} ALTER CONSTRAINT ${quoteIdent(name)} DEFERRABLE, which changes nothing for others`,
  }));
}

/** Rows that others refer to must stay what they are while they are changed. */
function checkReferenced(
  plan: RelationPlan,
  target: PlanTarget,
  relations: readonly RelationPlan[],
): Finding[] {
  const { relation } = plan;
  const referring = relations
    .flatMap((each) => definitionOf(each).constraints)
    .filter(({ kind, references }) => kind === 'foreign' && references === relation.namespace);
  const subject = target.names.ofNamespace(relation.namespace).namespace;
  if (referring.length > 0 && relation.identity === 'row')
    return [
      {
        level: 'error',
        subject,
        message: `others refer to its rows, which are told apart by all their values, so that a change replaces them; give ${relation.namespace} a primary key`,
      },
    ];
  const acting = referring.filter((each) => /ON DELETE (CASCADE|SET )/.test(each.definition));
  if (acting.length > 0 && definitionOf(plan).partitionBy !== null)
    return [
      {
        level: 'warning',
        subject,
        message: `a row that moves to another partition comes as a delete and an insert, and the delete acts on the rows that refer to it by ${acting.map(({ name }) => name).join(', ')}; do not move rows that others refer to`,
      },
    ];
  return [];
}
