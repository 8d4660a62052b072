import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { Finding } from '../../../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceCheck, SourceScope } from '../../../../shared/connector/source.ts';
import { allSequences } from '../catalog/all-sequences.ts';
import { readCatalog, relationPlanOf, type SourceTable } from '../catalog/catalog.ts';
import { probeConnection } from '../connection/connection.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { checkKnown } from './known-check.ts';
import { formatNamespace, pipelineObjectName, quoteIdent } from '../connection/names.ts';
import { readNotCarried } from './not-carried.ts';
import { readSlot } from './replication-slot.ts';
import { maySequence } from '../catalog/sequence-rights.ts';
import { readServerFacts, type ServerFacts } from '../connection/server-facts.ts';
import { readStandaloneSequences, type FoundSequence } from '../catalog/standalone-sequences.ts';

const OLDEST_VERSION = 130_000;
const NEWEST_MAJOR = 18;

/** Everything that stands in the way at the source, at once, each with what to do. */
export async function checkSource(
  control: ControlConnection,
  { pipeline, url, owner }: Pick<EndOptions, 'pipeline' | 'url'> & { owner?: string },
  scope: SourceScope,
  known?: PipelinePlan | null,
): Promise<SourceCheck> {
  const facts = await readServerFacts(control);
  const follows = scope.mode !== 'snapshot';
  const applicationName = `weir ${pipeline} check`;
  await probeConnection(url, { applicationName });
  if (follows && facts.canReplicate && facts.freeWalSenders > 0)
    await probeConnection(url, { applicationName, replication: true });
  const findings: Finding[] = serverFindings(facts, control.where);
  if (follows) {
    const slot = await readSlot(control, pipelineObjectName(pipeline));
    findings.push(...followingFindings(facts, control.where, slot !== null));
  }
  const catalog = await control.run('reading the catalog', (client) =>
    readCatalog(client, scope.namespaces),
  );
  findings.push(...catalog.findings);
  if (catalog.tables.length === 0)
    findings.push({ level: 'error', subject: control.where, message: noTable(control.where) });
  for (const table of catalog.tables) findings.push(...tableFindings(table, facts, follows));
  const { tables } = catalog;
  const canFollow = !follows || followingProblems(facts).length === 0;
  const { findings: ofKnown, changes } =
    known === undefined || !canFollow
      ? { findings: [], changes: [] }
      : await checkKnown({ url, control, pipeline, owner, scope, known, facts, tables });
  findings.push(...ofKnown);
  const standalone = await control.run('reading sequences', (client) =>
    readStandaloneSequences(client, scope.namespaces),
  );
  findings.push(...(await sequenceFindings(control, catalog.tables, standalone.named, facts.role)));
  const notCarried = await control.run('looking for what is not carried', (client) =>
    readNotCarried(client, catalog.tables, scope.namespaces === undefined),
  );
  if (!findings.some((finding) => finding.level === 'error'))
    findings.unshift({
      level: 'ok',
      subject: control.where,
      message: `PostgreSQL ${facts.versionText}, ${countedTables(catalog.tables.length)} can be carried.`,
    });
  const others = withoutUsed(standalone.others, catalog.tables);
  if (others.length > 0)
    notCarried.push({
      kind: 'sequences that no column uses and no namespace names',
      count: others.length,
      names: others.slice(0, 3),
      bring: 'name them under source.namespaces, as tables are',
    });
  const besides = standalone.named.map(({ definition }) => definition);
  const relations = catalog.tables.map(relationPlanOf);
  return { findings, relations, changes, besides, notCarried };
}

function countedTables(count: number): string {
  return `${count} table${count === 1 ? '' : 's'}`;
}

/** Of a source that leaves nothing to do. */
export function noTable(where: string): string {
  return `No table of ${where} can be carried; create one, or correct the patterns.`;
}

/** Why changes cannot be followed at all; empty where they can. */
export function followingProblems(facts: ServerFacts): string[] {
  const problems: string[] = [];
  if (facts.isStandby)
    problems.push(
      'The source is a standby, where changes cannot be followed; name the primary server instead.',
    );
  if (facts.walLevel !== 'logical')
    problems.push(
      `wal_level of the source is ${facts.walLevel}; run ALTER SYSTEM SET wal_level = logical and restart the server.`,
    );
  if (!facts.canReplicate)
    problems.push(
      `Role ${facts.role} may not replicate; run ALTER ROLE ${quoteIdent(facts.role)} REPLICATION.`,
    );
  return problems;
}

function serverFindings(facts: ServerFacts, subject: string): Finding[] {
  const findings: Finding[] = [];
  if (facts.version < OLDEST_VERSION)
    findings.push({
      level: 'error',
      subject,
      message: `PostgreSQL ${facts.versionText} is too old; upgrade the source to 13 or later.`,
    });
  if (facts.version >= (NEWEST_MAJOR + 1) * 10_000)
    findings.push({
      level: 'warning',
      subject,
      message: `PostgreSQL ${facts.versionText} is newer than this version of Weir was tried with (${NEWEST_MAJOR}); verify the result with \`weir verify\`.`,
    });
  if (facts.encoding === 'SQL_ASCII')
    findings.push({
      level: 'error',
      subject,
      message:
        'The encoding of the database is SQL_ASCII, so it is unknown what its text means; load it into a database with encoding UTF8 first.',
    });
  else if (facts.encoding !== 'UTF8')
    findings.push({
      level: 'warning',
      subject,
      message: `The encoding of the database is ${facts.encoding}: its text travels as UTF-8, and \`weir verify\` cannot compare it.`,
    });
  return findings;
}

function followingFindings(facts: ServerFacts, subject: string, hasSlot: boolean): Finding[] {
  const findings: Finding[] = [];
  const error = (message: string): void => void findings.push({ level: 'error', subject, message });
  for (const problem of followingProblems(facts)) error(problem);
  if (!hasSlot && facts.freeSlots < 1)
    error(
      'No replication slot is free at the source; raise max_replication_slots and restart the server, or drop one that nobody uses.',
    );
  // One to follow, one more while a copy's snapshot is held.
  if (facts.freeWalSenders < 2)
    error(
      `The source has ${Math.max(0, facts.freeWalSenders)} free WAL senders and 2 are needed; raise max_wal_senders and restart the server.`,
    );
  if (!facts.canCreateInDatabase)
    error(
      `Role ${facts.role} may not create publications; run GRANT CREATE ON DATABASE ${quoteIdent(facts.database)} TO ${quoteIdent(facts.role)}.`,
    );
  return findings;
}

function tableFindings(table: SourceTable, facts: ServerFacts, follows: boolean): Finding[] {
  const findings: Finding[] = [];
  const subject = table.namespace;
  const role = quoteIdent(facts.role);
  const add = (level: Finding['level'], message: string): void =>
    void findings.push({ level, subject, message });
  if (table.denied.length > 0)
    add(
      'error',
      `Role ${facts.role} may not read ${subject}; run GRANT USAGE ON SCHEMA ${quoteIdent(table.schema)} TO ${role} and GRANT SELECT ON ${table.denied.join(', ')} TO ${role}.`,
    );
  if (table.hiding.length > 0)
    add(
      'error',
      `Row security of ${table.hiding.join(', ')} hides rows from role ${facts.role}; run ALTER ROLE ${role} BYPASSRLS.`,
    );
  if (!follows) return findings;
  if (!table.isOwned)
    add(
      'error',
      `Role ${facts.role} may not publish ${subject}, which only its owner may; make the role a member of the owner's role.`,
    );
  if (table.identityProblem !== null)
    add(
      'warning',
      `Updates and deletes of ${subject} are not followed, only inserts: ${table.identityProblem}.`,
    );
  if (table.relation.identity === 'row')
    add(
      'warning',
      `Rows of ${subject} are told apart by all their values, which is slow for updates and deletes; add a primary key.`,
    );
  const { identity, key, columns, route } = table.relation;
  if (identity === 'key' && route?.length === 0)
    add(
      'warning',
      `Changes of ${subject} all take one lane, so that one writer applies them: only the server knows which values of its key (${key.map((i) => `${columns[i]!.name} ${columns[i]!.type}`).join(', ')}) are equal, by their type or collation; where that is too slow, add a column of another type to the key.`,
    );
  if (table.textColumns.length > 0 && facts.version >= 140_000)
    add(
      'ok',
      `Only this server reads the binary form of ${table.textColumns.join(', ')}: ${subject} is copied as text, other tables in binary; and the changes of all tables come as text, as the log has one form for all.`,
    );
  if (table.kind === 'p')
    add(
      'warning',
      `TRUNCATE, DETACH, DROP and ATTACH of single partitions of ${subject} are not in the log and not followed: attaching one with rows stops the pipeline, detaching or dropping one is reported, truncating one is not noticed; delete or insert the rows instead.`,
    );
  return findings;
}

function withoutUsed(
  sequences: readonly FoundSequence[],
  tables: readonly SourceTable[],
): string[] {
  const used = tables.flatMap(({ definition }) => allSequences(definition));
  return sequences
    .filter(
      ({ schema, name }) => !used.some((each) => each.schema === schema && each.name === name),
    )
    .map(({ schema, name }) => formatNamespace(schema, name));
}

async function sequenceFindings(
  control: ControlConnection,
  tables: readonly SourceTable[],
  standalone: readonly FoundSequence[],
  role: string,
): Promise<Finding[]> {
  const sequences = [
    ...tables.flatMap(({ definition }) => allSequences(definition)),
    ...standalone,
  ];
  const rows = await control.query<{ schema: string; name: string }>(
    'reading the rights on sequences',
    `SELECT DISTINCT n.nspname AS schema, c.relname AS name
     FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE NOT ${maySequence('c.oid', 'SELECT')}`,
    [sequences.map((sequence) => sequence.schema), sequences.map((sequence) => sequence.name)],
  );
  return rows.map(({ schema, name }) => ({
    level: 'warning',
    subject: `${schema}.${name}`,
    message: `Role ${role} may not read the sequence ${schema}.${name}, so the target's will not follow it; run GRANT SELECT ON SEQUENCE ${quoteIdent(schema)}.${quoteIdent(name)} TO ${quoteIdent(role)}.`,
  }));
}
