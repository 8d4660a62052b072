import type pg from 'pg';
import type { RelationPlan } from '../../../../../shared/change/relation.ts';
import type { Finding } from '../../../../../shared/connector/finding.ts';
import type { RelationBarrier } from '../../../../../shared/change/barrier.ts';
import { findingsOf } from '../../../../../shared/connector/to-finding.ts';
import { checkRowSecurity, checkRules, TREES } from './acts-on-rows.ts';
import { checkEnforcement } from './enforcement-check.ts';
import { requireAlignable } from '../ddl/align-relation.ts';
import { compareTable } from '../target/compare-table.ts';
import { otherInheritance } from '../ddl/create-inheritance.ts';
import { rehearseTable } from '../ddl/create-table.ts';
import { differingIndexes } from '../ddl/differing-indexes.ts';
import { nameIndexes, type NamedDefinition } from '../ddl/index-names.ts';
import { quoteIdent } from '../../connection/names.ts';
import { dropKey, readOutsideKeys } from './outside-keys.ts';
import { otherTypes } from '../ddl/other-types.ts';
import { checkSequences } from '../ddl/sequence-check.ts';
import type { StandaloneSequence, TableDefinition } from '../../catalog/table-definition.ts';
import { otherTables } from '../target/recorded-table.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { missingStateRight, takenStateNames, hasStateTables } from '../state/state-tables.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { leftBehind } from '../../catalog/made-definition.ts';
import { createExtension } from '../../catalog/needed-extensions.ts';
import { readMissing } from '../ddl/table-dependencies.ts';
import { rowsOf } from '../../catalog/table-rows.ts';
import { holdsRows, readTargetTable, type TargetTable } from '../target/target-table.ts';
import type { TargetName } from '../target/target-names.ts';
import { bypassTriggers, maySet } from '../session/writer-session.ts';

interface Server {
  version: number;
  release: string;
  encoding: string;
  role: string;
  database: string;
  temporary: boolean;
  create: boolean;
  standby: boolean;
}

/** Everything that could stop the pipeline at the target, found before anything is written. */
export async function checkTarget(
  client: pg.Client,
  target: PlanTarget,
  relations: readonly RelationPlan[],
  standalone: readonly StandaloneSequence[] = [],
  changes: readonly RelationBarrier[] = [],
): Promise<Finding[]> {
  const server = await readServer(client);
  const findings = checkServer(server);
  const grant = await missingStateRight(client);
  if (grant !== null)
    findings.push(
      error(
        'rights',
        `the role may not keep the pipeline's progress in the schema "weir"; run ${grant}`,
      ),
    );
  const taken = await takenStateNames(client);
  if (taken !== null) return [...findings, error('schema', taken)];
  const known = await readKnown(client, target.pipeline);
  if (known.size > 0)
    for (const problem of await otherTables(client, target.pipeline, target.names))
      findings.push({ ...error('tables', problem), code: 'TARGET_UNFIT', differs: true });
  for (const change of changes)
    findings.push(
      ...(await findingsOf(
        target.names.ofNamespace(change.after.relation.namespace).namespace,
        () => requireAlignable(client, target, change),
      )),
    );
  const existing: { name: TargetName; table: TargetTable }[] = [];
  const claimed = new Map<string, Set<string>>();
  /** The statements that make what is missing, in order. */
  const extensions = new Map<string, string>();
  for (const plan of relations) {
    const name = target.names.ofNamespace(plan.relation.namespace);
    findings.push(...checkWidth(plan, name), ...checkSchema(plan, name));
    const table = await readTargetTable(client, name);
    if (table === null) {
      const missing = await checkMissing(client, target, server, plan, name, extensions);
      findings.push(...missing);
      if (!server.standby && missing.every(({ level }) => level !== 'error'))
        findings.push(...(await rehearse(client, target, plan, name, claimed)));
    } else {
      existing.push({ name, table });
      findings.push(...(await checkExisting(client, target, plan, name, table, known)));
      if (target.create === 'missing' && !known.has(plan.relation.namespace)) {
        const named = await nameIndexes(client, definitionOf(plan), name);
        findings.push(...renamedFindings(named, name));
        for (const each of await differingIndexes(client, named.definition, name))
          findings.push(warning(name.namespace, each));
      }
    }
  }
  findings.push(
    ...(target.order === 'transaction'
      ? await checkEnforcement(client, target, relations, existing)
      : await checkTriggers(client, server, relations, existing)),
  );
  findings.push(...(await checkOutsideKeys(client, existing)));
  findings.push(...(await checkSequences(client, target, relations, standalone)));
  for (const { subject, message } of await otherInheritance(client, target.names, relations))
    findings.push(warning(subject, message));
  if (extensions.size > 0)
    findings.push(
      warning(
        'extensions',
        `these are missing and will be made, in this order, which the role must be allowed to do: ${[...extensions.values()].join('; ')}`,
      ),
    );
  if (findings.every(({ level }) => level === 'ok'))
    findings.push({
      level: 'ok',
      subject: 'tables',
      message: `${relations.length} fit or can be created`,
    });
  return findings;
}

async function readServer(client: pg.Client): Promise<Server> {
  const { rows } = await client.query<Server>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS release,
       current_setting('server_encoding') AS encoding, current_user AS role, current_database() AS database,
       has_database_privilege(current_database(), 'TEMPORARY') AS temporary,
       has_database_privilege(current_database(), 'CREATE') AS create, pg_is_in_recovery() AS standby`,
  );
  return rows[0]!;
}

function checkServer(server: Server): Finding[] {
  const findings: Finding[] = [];
  const database = quoteIdent(server.database);
  if (server.version < 130000)
    findings.push(error('version', `PostgreSQL ${server.release} is too old; use 13 or newer`));
  else
    findings.push({
      level: 'ok',
      subject: 'server',
      message: `PostgreSQL ${server.release} answers as role ${server.role}`,
    });
  if (server.standby)
    findings.push(error('server', 'it is a standby and takes no writes; name the primary'));
  if (server.encoding !== 'UTF8')
    findings.push(
      error('encoding', `the database is in ${server.encoding}; make one with ENCODING 'UTF8'`),
    );
  if (!server.temporary)
    findings.push(
      error(
        'rights',
        `the role may make no temporary tables; run GRANT TEMPORARY ON DATABASE ${database} TO ${quoteIdent(server.role)}`,
      ),
    );
  return findings;
}

async function readKnown(client: pg.Client, pipeline: string): Promise<Set<string>> {
  if (!(await hasStateTables(client))) return new Set();
  const { rows } = await client.query<{ namespace: string }>(
    'SELECT namespace FROM weir.namespace WHERE pipeline = $1',
    [pipeline],
  );
  return new Set(rows.map((row) => row.namespace));
}

async function checkMissing(
  client: pg.Client,
  target: PlanTarget,
  server: Server,
  plan: RelationPlan,
  name: TargetName,
  extensions: Map<string, string>,
): Promise<Finding[]> {
  if (target.create === 'never')
    return [
      error(
        name.namespace,
        'the table does not exist; create it, or allow it with "create: missing"',
      ),
    ];
  const missing = await readMissing(client, definitionOf(plan), name);
  const findings = missing.foreign.map((type) =>
    error(
      name.namespace,
      `the type ${type} does not exist at the target, and nothing here says how to make it; make it there first, or, where the target is of an older version that has none, upgrade it or leave the table out with source.namespaces`,
    ),
  );
  for (const extension of missing.unavailable)
    findings.push(
      error(
        name.namespace,
        `it needs the extension ${quoteIdent(extension)}, which the server does not have; install its package there`,
      ),
    );
  for (const { extension, schema } of missing.elsewhere)
    findings.push(
      error(
        name.namespace,
        `it needs the extension ${quoteIdent(extension.name)} in the schema ${extension.schema}, and the target has it in ${schema}; run there ALTER EXTENSION ${quoteIdent(extension.name)} SET SCHEMA ${quoteIdent(extension.schema)}, and CREATE SCHEMA before it where that is missing`,
      ),
    );
  if (missing.unavailable.length === 0)
    for (const extension of missing.extensions)
      if (!extensions.has(extension.name))
        extensions.set(extension.name, createExtension(extension));
  const role = quoteIdent(server.role);
  if (missing.schemas.length > 0 && !server.create)
    findings.push(
      error(
        name.namespace,
        `the schema ${missing.schemas.join(', ')} is missing and the role may not create it; run GRANT CREATE ON DATABASE ${quoteIdent(server.database)} TO ${role}`,
      ),
    );
  if (!missing.schemas.includes(name.schema)) {
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT has_schema_privilege($1, 'CREATE, USAGE') AS may`,
      [name.schema],
    );
    if (rows[0]?.may !== true)
      findings.push(
        error(
          name.namespace,
          `the role may not create tables there; run GRANT CREATE, USAGE ON SCHEMA ${quoteIdent(name.schema)} TO ${role}`,
        ),
      );
  }
  return findings;
}

async function rehearse(
  client: pg.Client,
  target: PlanTarget,
  plan: RelationPlan,
  name: TargetName,
  claimed: Map<string, Set<string>>,
): Promise<Finding[]> {
  const ofSchema = claimed.get(name.schema) ?? new Set();
  claimed.set(name.schema, ofSchema);
  const wanted = { relation: plan.relation, definition: definitionOf(plan) };
  const made = await rehearseTable(client, target.names, wanted, ofSchema);
  if (typeof made === 'string') return [error(name.namespace, made)];
  const { constraints, indexes } = made.definition;
  for (const each of [name, ...constraints, ...indexes]) ofSchema.add(each.name);
  return renamedFindings(made, name);
}

function renamedFindings({ renamed }: NamedDefinition, name: TargetName): Finding[] {
  return renamed
    .filter(({ taken }) => taken)
    .map((each) =>
      warning(
        name.namespace,
        `its ${each.what} ${quoteIdent(each.name)} will be called ${quoteIdent(each.made)}, because something else in the schema ${name.schema} has that name`,
      ),
    );
}

async function checkExisting(
  client: pg.Client,
  { copies }: PlanTarget,
  { relation, definition }: RelationPlan,
  name: TargetName,
  table: TargetTable,
  known: ReadonlySet<string>,
): Promise<Finding[]> {
  const { rows } = await client.query<{ missing: string[] }>(
    `SELECT ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
       WHERE NOT has_table_privilege($1::oid, p)) AS missing`,
    [table.oid],
  );
  const rights = rows[0]!.missing;
  const hidden = await checkRowSecurity(client, [{ name, table }]);
  if (rights.length === 0 && hidden.length > 0) return hidden;
  if (rights.length > 0)
    return [
      error(
        name.namespace,
        `the role lacks rights; run GRANT ${rights.join(', ')} ON ${name.sql} TO CURRENT_USER as its owner, naming the role`,
      ),
    ];
  const isKnown = known.has(relation.namespace);
  const described = (definition ?? null) as TableDefinition | null;
  const findings = compareTable(relation, name, table, described).map((problem): Finding =>
    isKnown
      ? { ...warning(name.namespace, problem), differs: true }
      : error(name.namespace, problem),
  );
  if (!isKnown && described !== null)
    for (const problem of await otherTypes(client, described.types, table.oid))
      findings.push(error(name.namespace, problem));
  // What stands in the table's place is named above, and may not even be read: a foreign table, say.
  const isTable = table.kind === 'r' || table.kind === 'p';
  if (copies && !isKnown && isTable && (await holdsRows(client, name)))
    findings.push(
      error(
        name.namespace,
        `the table holds rows already; empty it with TRUNCATE ${rowsOf(name.sql, table.kind)}, or copy into another with "map"`,
      ),
    );
  return findings;
}

/** Whether the role may keep triggers and foreign keys from firing, and what would fire if it may not. */
async function checkTriggers(
  client: pg.Client,
  server: Server,
  relations: readonly RelationPlan[],
  existing: readonly { name: TargetName; table: TargetTable }[],
): Promise<Finding[]> {
  const oids = existing.map(({ table }) => table.oid);
  const { rows } = await client.query<{ table: string; trigger: string; fires: string }>(
    `SELECT t.tgrelid::regclass::text AS table, COALESCE(c.conname, t.tgname) AS trigger, t.tgenabled AS fires
     FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint AND c.contype = 'f'
     WHERE t.tgrelid IN (${TREES}) AND t.tgenabled <> 'D' AND (NOT t.tgisinternal OR c.oid IS NOT NULL)
     GROUP BY 1, 2, 3 ORDER BY 1, 2`,
    [oids],
  );
  const may = await maySet(client, bypassTriggers);
  // A: always; R: only in a session with the role of a replica, O: only in one without.
  const firing = rows.filter(({ fires }) => fires === 'A' || fires === (may ? 'R' : 'O'));
  const findings = firing.map(({ table, trigger }) =>
    may
      ? warning(
          table,
          `the trigger ${trigger} is enabled for replicas and will fire for every row that is written; run ALTER TABLE ${table} ENABLE TRIGGER ${quoteIdent(trigger)} if it should not`,
        )
      : error(
          table,
          `${trigger} would fire for every row that is written; ${grantTo(server)}, or drop it`,
        ),
  );
  if (may) findings.push(...existing.flatMap(unchecked));
  const links = relations.some((plan) =>
    definitionOf(plan).constraints.some(({ kind }) => kind === 'foreign'),
  );
  if (!may && links && findings.length === 0)
    findings.push(
      warning(
        'foreign keys',
        `they will not be created, because they would fire while changes are applied; ${grantTo(server)} to have them`,
      ),
    );
  findings.push(...(await checkRules(client, existing, may)));
  return findings;
}

/** Deferrable uniqueness is the work of triggers, which do not fire for replicas. */
function unchecked({ name, table }: { name: TargetName; table: TargetTable }): Finding[] {
  return table.indexes
    .filter(({ immediate }) => !immediate)
    .map((index) =>
      warning(
        name.namespace,
        `the deferrable constraint ${index.name} is not checked while changes are applied: unless the source has it too, recreate it as NOT DEFERRABLE`,
      ),
    );
}

function checkSchema(
  { definition, tableSchema: schema }: RelationPlan,
  { namespace }: TargetName,
): Finding[] {
  const left = (definition ?? null) === null && schema !== undefined ? leftBehind(schema) : [];
  if (left.length === 0) return [];
  return [
    warning(
      namespace,
      `the table will lack ${left.join(', ')}; add by hand what is needed of it when the copy is done`,
    ),
  ];
}

/** Changes are staged in tables beside the target's: what they hold must fit into one there, too. */
function checkWidth({ relation }: RelationPlan, { namespace }: TargetName): Finding[] {
  const { length } = relation.columns;
  if (length > MOST_COLUMNS)
    return [
      error(
        namespace,
        `it has ${length} columns, and applying changes to it takes one more than the ${MOST_COLUMNS + 1} that a table can have; drop a column at the source, or leave the table out`,
      ),
    ];
  const isText = relation.columns.some(({ encoding }) => encoding === 'text');
  if (!isText || length <= MANY_COLUMNS) return [];
  return [
    warning(
      namespace,
      `its ${length} columns travel as text, because a type of the pipeline's tables needs that: a row whose values take more than 8 kB as text, those over 2 kB not counted, is refused by name; leave the tables with such types (arrays of enums, composites, reg types, tsquery) to a pipeline of their own`,
    ),
  ];
}

/** Beside the mask that says which columns of a row are unchanged. */
const MOST_COLUMNS = 1_599;
const MANY_COLUMNS = 400;

/** Tables that the pipeline does not write may refer to those that it writes. */
async function checkOutsideKeys(
  client: pg.Client,
  existing: readonly { name: TargetName }[],
): Promise<Finding[]> {
  const keys = await readOutsideKeys(
    client,
    existing.map(({ name }) => name.sql),
  );
  return keys.map((key) =>
    warning(
      key.references,
      `the table ${key.table}, which is not the pipeline's, refers to it by the foreign key ${key.name}: a TRUNCATE at the source would stop the pipeline until ${dropKey(key)} was run`,
    ),
  );
}

function grantTo({ version, role }: Server): string {
  return version >= 150000
    ? `run GRANT SET ON PARAMETER session_replication_role TO ${quoteIdent(role)}`
    : 'connect as a superuser';
}

function error(subject: string, message: string): Finding {
  return { level: 'error', subject, message };
}

function warning(subject: string, message: string): Finding {
  return { level: 'warning', subject, message };
}
