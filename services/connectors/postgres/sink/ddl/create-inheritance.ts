import type pg from 'pg';
import type { RelationPlan } from '../../../../../shared/change/relation.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { formatNamespace } from '../../connection/names.ts';
import { runDdl } from '../target/target-ddl.ts';
import type { TargetName, TargetNames } from '../target/target-names.ts';

interface Inheritance {
  child: string;
  parent: string;
  below: TargetName;
  above: TargetName;
}

/** Who inherits from whom, of tables that are carried as they are. */
function inheritances(plans: readonly RelationPlan[], names: TargetNames): Inheritance[] {
  const asTheyAre = plans.filter(({ relation }) => relation.origin === undefined);
  const carried = new Set(asTheyAre.map(({ relation }) => relation.namespace));
  return asTheyAre.flatMap((plan) => {
    const child = plan.relation.namespace;
    return (definitionOf(plan).parents ?? [])
      .map(({ schema, name }) => formatNamespace(schema, name))
      .filter((parent) => carried.has(parent))
      .map((parent) => ({ child, parent, below: names.ofNamespace(child), above: names.ofNamespace(parent) })); // prettier-ignore
  });
}

function inheritStatement({ below, above }: Inheritance): string {
  return `ALTER TABLE ${below.sql} INHERIT ${above.sql}`;
}

/**
 * Lets tables that were made inherit from those that they inherit from at the source. Each was made with all its columns,
 * so the order does not matter; that they came from a parent is forgotten. `known` tables lose a parent or a child that is
 * made anew, and get it back then; unless they differ as long as both are not of the source's new shape, which check tells.
 */
export async function createInheritance(
  client: pg.Client,
  names: TargetNames,
  plans: readonly RelationPlan[],
  { made, known }: { made: ReadonlySet<string>; known: ReadonlySet<string> },
): Promise<void> {
  for (const each of inheritances(plans, names)) {
    const { child, parent, below, above } = each;
    const what = `making ${below.namespace} inherit from ${above.namespace}`;
    const isNew = made.has(child) && made.has(parent);
    const isAgain = made.has(child) || (known.has(child) && made.has(parent));
    if (isNew) await runDdl(client, inheritStatement(each), what);
    else if (isAgain) await tryDdl(client, inheritStatement(each));
  }
}

async function tryDdl(client: pg.Client, sql: string): Promise<void> {
  await client.query('SAVEPOINT tried');
  try {
    await client.query(sql);
  } catch {
    // If the connection is gone, this fails, too.
    await client.query('ROLLBACK TO SAVEPOINT tried');
  }
}

/** Tables of the target that inherit otherwise than at the source: a sentence each, with the statement. */
export async function otherInheritance(
  client: pg.Client,
  names: TargetNames,
  plans: readonly RelationPlan[],
): Promise<{ subject: string; message: string }[]> {
  const wanted = inheritances(plans, names);
  const all = plans.map(({ relation }) => names.ofNamespace(relation.namespace));
  const { rows } = await client.query<{ missing: number | null; below: number; above: number }>(
    `WITH wanted AS (
       SELECT w.nth, to_regclass(w.below) AS below, to_regclass(w.above) AS above
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(below, above, nth)
     ), carried AS (SELECT t.nth, to_regclass(t.sql) AS oid FROM unnest($3::text[]) WITH ORDINALITY AS t(sql, nth))
     SELECT w.nth::int AS missing, 0 AS below, 0 AS above FROM wanted w WHERE w.below IS NOT NULL AND w.above IS NOT NULL
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = w.below AND i.inhparent = w.above)
     UNION ALL
     SELECT NULL, b.nth::int, a.nth::int FROM pg_catalog.pg_inherits i
     JOIN carried b ON b.oid = i.inhrelid JOIN carried a ON a.oid = i.inhparent
     WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.below = b.oid AND w.above = a.oid)`,
    [
      wanted.map(({ below }) => below.sql),
      wanted.map(({ above }) => above.sql),
      all.map(({ sql }) => sql),
    ],
  );
  return rows.map(({ missing, below, above }) => {
    if (missing !== null) return toMissing(wanted[missing - 1]!);
    const [child, parent] = [all[below - 1]!, all[above - 1]!];
    return {
      subject: child.namespace,
      message: `it inherits from ${parent.namespace} at the target and not at the source, so that a query of that finds its rows; run at the target: ALTER TABLE ${child.sql} NO INHERIT ${parent.sql}`,
    };
  });
}

function toMissing(each: Inheritance): { subject: string; message: string } {
  return {
    subject: each.below.namespace,
    message: `it does not inherit from ${each.above.namespace} as it does at the source, so that a query of that does not find its rows; run at the target: ${inheritStatement(each)}`,
  };
}
