import { keyOf } from '../../../../../shared/change/tuple.ts';
import type { ChangeRun, NetChanges, RunChange } from '../../../../../shared/connector/sink.ts';
import type { WriteTarget } from '../target/write-target.ts';

/**
 * What can be written at once of runs in their order. `rows`: a statement for each change. `set`: changes of different
 * keys, one statement for all. `net`: rows without a key, of which only how many come and go matters.
 */
export interface RunPart {
  how: 'rows' | 'set' | 'net';
  target: WriteTarget;
  /** More than one only where only the net of them matters. */
  runs: ChangeRun[];
}

export type TargetOf = (run: ChangeRun) => Promise<WriteTarget>;

/** From so many changes on, staging them costs less than a statement for each. */
const MIN_SET = 64;

export async function toParts(runs: readonly ChangeRun[], targetOf: TargetOf): Promise<RunPart[]> {
  const parts: RunPart[] = [];
  for (const run of runs) {
    const last = parts.at(-1);
    const target = await targetOf(run);
    if (run.relation.identity !== 'row')
      parts.push({ how: isSet(run, target) ? 'set' : 'rows', target, runs: [run] });
    else if (last?.how === 'net' && last.target === target) last.runs.push(run);
    else parts.push({ how: 'net', target, runs: [run] });
  }
  return parts;
}

function isSet({ kind, changes }: ChangeRun, { columns, key }: WriteTarget): boolean {
  if (kind === 'move' || changes.length < MIN_SET) return false;
  if (kind === 'insert') return true;
  // What can be set by an update is decided row by row.
  const free = columns.some((_, i) => !key.some(({ column }) => column === i));
  if (kind === 'update' && (!free || columns.some(({ insertOnly }) => insertOnly))) return false;
  return new Set(changes.map((each) => each.key.toString('latin1'))).size === changes.length;
}

/** Runs cut so that no key occurs twice in one; order is kept. */
export function* distinctRuns(run: ChangeRun): Generator<ChangeRun> {
  if (run.relation.identity !== 'key') {
    yield run;
    return;
  }
  let seen = new Set<string>();
  let changes: RunChange[] = [];
  for (const change of run.changes) {
    // A move takes the key that it gives up and the one that it gets.
    const keys = [change.key.toString('latin1')];
    if (run.kind === 'move') keys.push(keyOf(change.row, run.relation.key).toString('latin1'));
    if (keys.some((key) => seen.has(key))) {
      yield { ...run, changes };
      seen = new Set();
      changes = [];
    }
    for (const key of keys) seen.add(key);
    changes.push(change);
  }
  yield { ...run, changes };
}

/** Of rows without a key: equal ones are interchangeable, so one that goes and one that comes are none. */
export function netRows(runs: readonly ChangeRun[]): NetChanges {
  const rows = new Map<string, { row: Buffer; count: number }>();
  for (const { kind, changes } of runs)
    for (const { key } of changes) {
      const name = key.toString('latin1');
      const entry = rows.get(name) ?? { row: key, count: 0 };
      entry.count += kind === 'delete' ? -1 : 1;
      rows.set(name, entry);
    }
  const net: NetChanges = { relation: runs[0]!.relation, upserts: [], partial: [], deletes: [] };
  for (const { row, count } of rows.values()) {
    for (let i = 0; i < count; i++) net.upserts.push(row);
    for (let i = 0; i > count; i--) net.deletes.push(row);
  }
  return net;
}
