import type { ChangeCounts } from '../change/change-counts.ts';
import type { ParkedSet } from '../state/quarantine/parked-entries.ts';
import { isIn, type ParkedHead } from '../state/quarantine/parked-index.ts';
import { addCounts, NO_CHANGES, type ParkedRecord } from '../state/records.ts';

/**
 * What of a parked entry decides what becomes of it; the rest lies in a file of its own, its body, which is written before
 * a step that names it and is never changed.
 */
export interface StoredHead
  extends
    Omit<ParkedHead, 'chain' | 'also'>,
    Pick<ParkedRecord, 'copied' | 'inserts' | 'updates' | 'deletes' | 'reason' | 'parkedAt'> {
  /** In hex. */
  chain: string | null;
  also: string | null;
  body: string;
}

/** All that is parked, as it lies in its file. */
export interface ParkedFile {
  lastId: number;
  entries: StoredHead[];
  discarded: Record<string, ChangeCounts>;
  /** The last step that has come to it. */
  step: number;
}

export const NO_PARKED: ParkedFile = { lastId: 0, entries: [], discarded: {}, step: 0 };

/** The changes of a step that are about parked entries, as they lie in a file. */
export type ParkedFileChange =
  | { kind: 'park'; heads: Omit<StoredHead, 'id'>[] }
  | { kind: 'settle'; entries: StoredSet; as: 'applied' | 'discarded'; least?: number }
  | { kind: 'explain'; reasons: [number, string][] }
  /** `was`: the body that it was changed from. */
  | { kind: 'change'; id: number; was: string; set: Partial<StoredHead> };

type StoredSet =
  | Exclude<ParkedSet, { kind: 'done' }>
  | { kind: 'done'; ids: readonly number[]; overtaken: { chain: string; upTo: number }[] };

export interface ChangedParked {
  file: ParkedFile;
  /** What was taken out and counts as applied. */
  applied: Record<string, ChangeCounts>;
  /** Bodies that nothing names any more. */
  gone: string[];
}

/** Null where something that a change expects does not hold. */
export function changeParkedFile(
  found: ParkedFile | null,
  changes: readonly ParkedFileChange[],
): ChangedParked | null {
  const changed: ChangedParked = { file: { ...(found ?? NO_PARKED) }, applied: {}, gone: [] };
  return changes.every((change) => changeOnce(changed, change)) ? changed : null;
}

function changeOnce(changed: ChangedParked, change: ParkedFileChange): boolean {
  const { file } = changed;
  switch (change.kind) {
    case 'park': {
      const heads = change.heads.map((head, i) => ({ ...head, id: file.lastId + 1 + i }));
      file.lastId += heads.length;
      file.entries = [...file.entries, ...heads];
      return true;
    }
    case 'settle': {
      const isChosen = isIn(fromStored(change.entries));
      const gone = file.entries.filter((entry) => isChosen(toHead(entry)));
      if (gone.length < (change.least ?? 0)) return false;
      file.entries = file.entries.filter((entry) => !gone.includes(entry));
      const counts = gone.map((entry) => [entry.namespace, countsOf(entry)] as const);
      if (change.as === 'applied') changed.applied = addEach(changed.applied, counts);
      else file.discarded = addEach(file.discarded, counts);
      changed.gone.push(...gone.map(({ body }) => body));
      return true;
    }
    case 'explain': {
      const reasons = new Map(change.reasons);
      file.entries = file.entries.map((entry) => {
        const reason = reasons.get(entry.id);
        return reason === undefined ? entry : { ...entry, reason };
      });
      return true;
    }
    case 'change': {
      const entry = file.entries.find(({ id }) => id === change.id);
      if (entry?.body !== change.was) return false;
      file.entries = file.entries.map((each) =>
        each === entry ? { ...each, ...change.set } : each,
      );
      if (change.set.body !== undefined) changed.gone.push(change.was);
      return true;
    }
  }
}

export function toHead(stored: StoredHead): ParkedHead & StoredBody {
  const { id, namespace, shape, failed, bytes, chain, also } = stored;
  const head = { id, namespace, shape, failed, bytes };
  return { ...head, chain: fromHex(chain), also: fromHex(also), stored };
}

/** Of a head, what the rest is found by. */
export interface StoredBody {
  stored: StoredHead;
}

/** One after the other: several may be of one namespace. */
function addEach(
  sums: Record<string, ChangeCounts>,
  counts: readonly (readonly [string, ChangeCounts])[],
): Record<string, ChangeCounts> {
  return counts.reduce((sum, each) => addCounts(sum, [each]), sums);
}

function countsOf({ inserts, updates, deletes }: StoredHead): ChangeCounts {
  return { ...NO_CHANGES, inserts, updates, deletes };
}

function fromStored(set: StoredSet): ParkedSet {
  if (set.kind !== 'done') return set;
  const overtaken = set.overtaken.map(({ chain, upTo }) => ({ chain: fromHex(chain)!, upTo }));
  return { ...set, overtaken };
}

function fromHex(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'hex');
}
