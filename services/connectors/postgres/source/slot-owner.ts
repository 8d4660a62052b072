import type { ControlConnection } from '../connection/control-connection.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { pipelineObjectName, quoteIdent, quoteLiteral } from '../connection/names.ts';
import { publicationNames } from './publication.ts';
import type { SlotState } from './replication-slot.ts';

/** Of a slot that programs follow which keep their own progress. */
export const SERVED = 'served';

/**
 * Whom a replication slot holds changes back for: a name that is made with the slot and stored in the target with the
 * plan. At the source it is the comment of the pipeline's publication, written before the slot is made. `new`: the plan
 * may not be in the target; nothing was read yet, so nobody can miss the slot. `kept`: it is, and only `weir reset` may
 * drop the slot.
 */
export interface SlotOwner {
  owner: string;
  state: 'new' | 'kept';
}

const PREFIX = 'weir slot: ';

/** Null where the comment says nothing of it, as of a pipeline that was made by an earlier version. */
export async function readSlotOwner(
  control: ControlConnection,
  pipeline: string,
): Promise<SlotOwner | null> {
  const note = await readNote(control, pipeline);
  const [owner, state] = note.startsWith(PREFIX) ? note.slice(PREFIX.length).split(' ') : [];
  return owner === undefined || (state !== 'new' && state !== 'kept') ? null : { owner, state };
}

export async function noteSlotOwner(
  control: ControlConnection,
  pipeline: string,
  { owner, state }: SlotOwner,
): Promise<void> {
  await writeNote(control, pipeline, `${PREFIX}${owner} ${state}`);
}

/** Before a new slot: the one that is there may be dropped where nobody's plan stands on it. */
export async function requireUnowned(
  control: ControlConnection,
  pipeline: string,
  slot: SlotState | null,
  owner: string,
): Promise<void> {
  if (slot === null) return;
  const noted = await readSlotOwner(control, pipeline);
  if (noted?.state === 'new' || noted?.owner === owner) return;
  throw new WeirError(
    'STATE_CONFLICT',
    `The target knows nothing of pipeline ${pipeline}, and its replication slot ${pipelineObjectName(pipeline)} exists at ${control.where}: it holds back changes for another target, or for this one as it was before it was emptied. If the target's URL is wrong, correct it; to fill this target beside the other one, give this pipeline another name; where nobody needs the slot any more, run \`weir reset\` with this pipeline file and start again.`,
  );
}

/** Before following: the slot must be the one that the target's plan was made with. */
export async function requireOwner(
  control: ControlConnection,
  pipeline: string,
  owner: string | undefined,
): Promise<void> {
  const noted = await readSlotOwner(control, pipeline);
  if (noted === null || noted.owner === owner) return;
  throw new WeirError(
    'POSITION_LOST',
    `The replication slot ${pipelineObjectName(pipeline)} at ${control.where} was made for another target than this one, so it does not hold back what this one lacks. If the target's URL is wrong, correct it; else give this pipeline another name, or run \`weir reset\` and copy again.`,
  );
}

/** What the comment of the pipeline's publication says, which lives as long as the pipeline does; empty without one. */
export async function readNote(control: ControlConnection, pipeline: string): Promise<string> {
  const rows = await control.query<{ note: string | null }>(
    'reading the note at the publication',
    `SELECT pg_catalog.obj_description(oid, 'pg_publication') AS note FROM pg_catalog.pg_publication WHERE pubname = $1`,
    [publicationNames(pipeline).changes],
  );
  return rows[0]?.note ?? '';
}

export async function writeNote(
  control: ControlConnection,
  pipeline: string,
  note: string,
): Promise<void> {
  const name = quoteIdent(publicationNames(pipeline).changes);
  await control.query(
    'writing the note at the publication',
    `COMMENT ON PUBLICATION ${name} IS ${quoteLiteral(note)}`,
  );
}
