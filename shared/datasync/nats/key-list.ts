import type { Entry, KnownKeys, ResyncCause } from '../transport.ts';

/** All keys of a bucket with their newest versions, without values. */
export interface KeyList {
  readonly entries: ReadonlyMap<string, Entry>;
  /** The state that it shows is at least as new. */
  readonly asOf: bigint;
}

/**
 * Compares what a watch has been told with what the bucket holds. A bucket forgets delete markers without a trace, and
 * one that was put back to an older copy uses its revisions again; both show only in the keys. `told`: everything up to
 * this revision has come to the watch.
 */
export function whatWasMissed(
  known: KnownKeys,
  list: KeyList,
  told: bigint,
): ResyncCause | undefined {
  let missed: ResyncCause | undefined;
  for (const key of known.keys()) {
    const has = known.get(key);
    if (has === undefined) continue;
    const now = list.entries.get(key);
    if (now === undefined) {
      if (has.revision <= list.asOf) missed = 'compacted';
      continue;
    }
    if (isFromAnotherTime(has, now, list, told)) return 'rolled-back';
  }
  return missed;
}

function isFromAnotherTime(
  has: { revision: bigint; stamp: number },
  now: Entry,
  { asOf }: KeyList,
  told: bigint,
): boolean {
  // It was given and never answered; which version it was is not known.
  if (has.revision === 0n) return false;
  if (now.revision === has.revision) return !Number.isNaN(has.stamp) && has.stamp !== now.stamp;
  if (now.revision < has.revision) return has.revision <= asOf;
  return now.revision <= told;
}
