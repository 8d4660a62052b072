import type pg from 'pg';
import { FIRST_POSITION, maxPosition, type Position } from '../../../../shared/change/position.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { positionToLsn } from '../connection/lsn.ts';
import { pipelineObjectName } from '../connection/names.ts';
import type { SlotState } from './replication-slot.ts';
import { readLogEnd } from '../connection/server-facts.ts';
import { requireOwner, requireUnowned } from './slot-owner.ts';
import { readGivenUp } from './slot-retention.ts';
import { readLogIdentity, requireSameLog } from '../catalog/source-identity.ts';
import { positionLost } from './source-session.ts';

/** What is known of a pipeline where it is to be followed. */
export interface Followed {
  control: ControlConnection;
  pipeline: string;
  known: PipelinePlan | null;
  scope: Pick<SourceScope, 'reached'>;
}

/** Throws where the server's log does not go on from the one that the target was filled from. */
export async function requireLog(
  replication: pg.Client,
  { control, known, scope }: Followed,
): Promise<{ identity: string; log: 'same' | 'promoted' }> {
  const identity = await readLogIdentity(replication);
  if (known === null) return { identity, log: 'same' };
  const reached = furthest(known, scope.reached?.most ?? leastOf(known, scope));
  const logEnd = await readLogEnd(control);
  const log = await requireSameLog({ replication, known, identity, reached, logEnd });
  return { identity, log };
}

/** Throws where the slot is not there for what the target has, or is there for another one. */
export async function requireOwnSlot(
  { control, pipeline, known, scope }: Followed,
  slot: SlotState | null,
  owner: string | undefined,
  log: 'same' | 'promoted',
): Promise<void> {
  const name = pipelineObjectName(pipeline);
  const least = leastOf(known, scope);
  if (known !== null && slot === null) {
    const givenUp = await readGivenUp(control, pipeline);
    if (givenUp !== null) throw givenUp;
  }
  if (log === 'promoted' && slot === null) throw notOnPromoted(name, control.where, least);
  requireSlot(slot, name, known, least);
  if (known === null) await requireUnowned(control, pipeline, slot, owner ?? '');
  else await requireOwner(control, pipeline, owner);
}

function leastOf(known: PipelinePlan | null, { reached }: Pick<SourceScope, 'reached'>): Position {
  return reached?.least ?? known?.start ?? FIRST_POSITION;
}

/** What was copied under a snapshot came from that far, too. */
function furthest(known: PipelinePlan, lanes: Position): Position {
  return maxPosition([lanes, ...known.namespaces.map(({ settled }) => settled)]) ?? lanes;
}

function notOnPromoted(name: string, where: string, from: Position): WeirError {
  return new WeirError(
    'POSITION_LOST',
    `The source was failed over to ${where}, where there is no replication slot ${name}: changes committed after ${positionToLsn(from)} that the target does not hold are gone. Run \`weir reset\` and copy again. For next time: from PostgreSQL 17 on a standby keeps the slot, with sync_replication_slots and hot_standby_feedback on, a primary_slot_name, and a dbname in primary_conninfo.`,
  );
}

export function requireSlot(
  slot: SlotState | null,
  name: string,
  known: PipelinePlan | null,
  from: Position,
): void {
  if (slot !== null && !slot.isOwnDatabase)
    throw new WeirError(
      'SOURCE_UNFIT',
      `The replication slot ${name} belongs to database ${slot.database} of the same server; give this pipeline another name.`,
    );
  if (slot !== null && slot.plugin !== 'pgoutput')
    throw new WeirError(
      'SOURCE_UNFIT',
      `The replication slot ${name} is of plugin ${slot.plugin} and not of Weir; give this pipeline another name.`,
    );
  if (known !== null && (slot === null || slot.isLost)) throw positionLost(name, slot, from);
}
