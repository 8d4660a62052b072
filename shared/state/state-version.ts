import { WeirError } from '../errors/weir-error.ts';
import type { PipelineRecord } from './records.ts';
import type { StateStep } from './state-step.ts';

/**
 * Of the layout and the meaning of the records. 1: what was stored before the state had a version. 2: before each store
 * could put rows aside. 3: before routes had forms for keys that may be written in several ways.
 *
 * Who changes what an earlier version would not understand counts it up and says below what becomes of the records that
 * are there.
 */
export const STATE_VERSION = 4;

/** What brings records of a version to the next one; in one step with the new version itself. */
const MIGRATIONS: Readonly<Record<number, () => StateStep>> = {
  // The records are the same; they only say their version from now on.
  1: () => [],
  // Any store may have parked entries from now on, which an earlier version would overtake. There are none yet where it did
  // not know them.
  2: () => [],
  // Recorded routes go on. New ones may have forms that an earlier version would not know, and hash as if there were none.
  3: () => [],
};

/** Throws STATE_REFUSED where a newer Weir has been here. */
export function requireKnownVersion(pipeline: Pick<PipelineRecord, 'version'> | null): void {
  if (pipeline === null || pipeline.version <= STATE_VERSION) return;
  throw new WeirError(
    'STATE_REFUSED',
    `the state of this pipeline is of version ${pipeline.version}, and this Weir knows none after ${STATE_VERSION}; go on with the newer Weir that wrote it`,
  );
}

/** Null where there is nothing to do. */
export function migration({ version }: PipelineRecord): StateStep | null {
  if (version >= STATE_VERSION) return null;
  const changes = MIGRATIONS[version];
  if (changes === undefined)
    throw new WeirError('INTERNAL', `no way leads from state of version ${version} on`);
  const expect = { version };
  return [
    { kind: 'update', table: 'pipeline', key: {}, expect, set: { version: version + 1 } },
    ...changes(),
  ];
}
