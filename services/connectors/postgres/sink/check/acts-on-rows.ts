import type pg from 'pg';
import type { Finding } from '../../../../../shared/connector/finding.ts';
import { quoteIdent } from '../../connection/names.ts';
import { partitionTree } from '../../catalog/partition-tree.ts';
import type { TargetName } from '../target/target-names.ts';
import type { TargetTable } from '../target/target-table.ts';

/** A table at the target that is there already, with its partitions, which what acts on rows may be defined on. */
interface Existing {
  name: TargetName;
  table: TargetTable;
}

/**
 * Rules that act on what is written, as they are enabled: `asReplica` says whether triggers and rules of the ordinary
 * kind are kept from acting. A rule that does something instead loses rows without a word; COPY takes no rules, so that
 * those of the first copy are there. Others end the first change: no rule may act where ON CONFLICT or a WITH writes. What
 * does not act is no matter, but see `TargetTable.merges`.
 */
export async function checkRules(
  client: pg.Client,
  existing: readonly Existing[],
  asReplica: boolean,
): Promise<Finding[]> {
  const { rows } = await client.query<{ table: string; rule: string; instead: boolean }>(
    `SELECT r.ev_class::regclass::text AS table, r.rulename AS rule, r.is_instead AS instead
     FROM pg_catalog.pg_rewrite r
     WHERE r.ev_type <> '1' AND r.ev_enabled = ANY($2::"char"[]) AND r.ev_class IN (${TREES}) ORDER BY 1, 2`,
    [oidsOf(existing), asReplica ? ['A', 'R'] : ['A', 'O']],
  );
  return rows.map(({ table, rule, instead }) => {
    const does = instead
      ? 'does something instead of what is written, so rows would be lost'
      : 'does something for what is written, too, which PostgreSQL refuses for the statements that Weir writes with';
    const run = `run ALTER TABLE ${table} DISABLE RULE ${quoteIdent(rule)} until the target takes over`;
    return { level: 'error', subject: table, message: `the rule ${rule} ${does}; ${run}` };
  });
}

/** Policies that would hide rows of the target from those who write them. */
export async function checkRowSecurity(
  client: pg.Client,
  existing: readonly Existing[],
): Promise<Finding[]> {
  const { rows } = await client.query<{ table: string; role: string }>(
    `SELECT c.oid::regclass::text AS table, current_user AS role FROM pg_catalog.pg_class c
     WHERE c.oid = ANY ($1::oid[]) AND c.relrowsecurity AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))
       AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
     ORDER BY 1`,
    [oidsOf(existing)],
  );
  return rows.map(({ table, role }) => ({
    level: 'error',
    subject: table,
    message: `its row security is about role ${role} too, which could not see and change all rows; run ALTER ROLE ${quoteIdent(role)} BYPASSRLS, or ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY until the target takes over`,
  }));
}

/** SQL: tables with their partitions, `$1` being OIDs. */
export const TREES = `SELECT p.relid FROM unnest($1::oid[]) e(oid) CROSS JOIN LATERAL ${partitionTree('e.oid')} p`;

function oidsOf(existing: readonly Existing[]): number[] {
  return existing.map(({ table }) => table.oid);
}
