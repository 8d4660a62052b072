import { FIRST_POSITION } from '../../../../shared/change/position.ts';
import type { Finding } from '../../../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../shared/connector/source.ts';
import type { RelationBarrier } from '../../../../shared/change/barrier.ts';
import { findingsOf } from '../../../../shared/connector/to-finding.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { connect, disconnect } from '../connection/connection.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { continuedPlan, ownerOf } from './snapshot/copy-plan.ts';
import { pipelineObjectName } from '../connection/names.ts';
import { type Followed, requireLog, requireOwnSlot } from './own-slot.ts';
import { readSlot } from './replication-slot.ts';
import { readLogEnd, type ServerFacts } from '../connection/server-facts.ts';
import { readDataIdentity, requireIdentity } from '../catalog/source-identity.ts';
import { StreamRelations } from './log/stream-relations.ts';
import { placedTables, requireInPlace, requireKeyed } from './table-places.ts';

export interface KnownCheck {
  url: string;
  control: ControlConnection;
  pipeline: string;
  /** See `createPostgresSource`. */
  owner: string | undefined;
  scope: SourceScope;
  /** What the target has; null where it has nothing. */
  known: PipelinePlan | null;
  facts: ServerFacts;
  tables: readonly SourceTable[];
}

/** What a start would stop at because of what the target has of the pipeline, by the same steps, each on its own. */
export async function checkKnown(
  check: KnownCheck,
): Promise<{ findings: Finding[]; changes: RelationBarrier[] }> {
  const { control, pipeline, known, scope, facts, tables } = check;
  const findings = await findingsOf('source', () =>
    scope.mode === 'snapshot' ? requireSameData(check) : requireFollowed(check),
  );
  if (known === null) return { findings, changes: [] };
  const ofTables = [
    ...(await findingsOf('tables', () =>
      control.run('looking for the tables of the plan', (client) =>
        requireInPlace(client, pipeline, placedTables(known, scope.namespaces)),
      ),
    )),
    ...(await findingsOf('tables', () => requireKeyed(known, tables))),
    ...(await findingsOf('tables', () =>
      continuedPlan({
        ...{ known, tables, scope, start: FIRST_POSITION, encoding: 'text' },
        serverVersion: facts.version,
      }),
    )),
  ];
  findings.push(...ofTables);
  // Of tables that are others by now, the difference says nothing more.
  if (scope.mode === 'snapshot' || ofTables.length > 0) return { findings, changes: [] };
  return { findings, changes: await readChanges(control, known, tables) };
}

async function requireSameData({ control, known }: KnownCheck): Promise<void> {
  if (known === null) return;
  const identity = await control.run('reading the identity of the server', readDataIdentity);
  requireIdentity(known.identity, identity);
}

async function requireFollowed({ url, owner, ...rest }: KnownCheck): Promise<void> {
  const { control, pipeline, known } = rest;
  const followed: Followed = rest;
  const slot = await readSlot(control, pipelineObjectName(pipeline));
  if (known === null) return requireOwnSlot(followed, slot, owner, 'same');
  const applicationName = `weir ${pipeline} check log`;
  const replication = await connect(url, { applicationName, replication: true });
  try {
    const { log } = await requireLog(replication, followed);
    await requireOwnSlot(followed, slot, owner ?? ownerOf(known), log);
  } finally {
    await disconnect(replication);
  }
}

/** As the first look at the structure would give them to the stream. */
async function readChanges(
  control: ControlConnection,
  known: PipelinePlan,
  tables: readonly SourceTable[],
): Promise<RelationBarrier[]> {
  // In text, whatever the stream is in: a form that is not safe is none of the differences.
  const relations = new StreamRelations(control, known, tables, 'text');
  await relations.compare(
    () => Promise.resolve([...tables]),
    () => readLogEnd(control),
  );
  return relations.due?.take() ?? [];
}
