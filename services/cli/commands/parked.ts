import type { ParkedEntry, ParkedSelection } from '../../../shared/connector/parking.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { replayParked } from '../../../shared/progress/replay-parked.ts';
import { askTarget, type AskTarget } from '../status/ask-target.ts';
import { entriesText, rowText } from '../parked/parked-text.ts';

export interface SelectionFlags {
  namespace?: string;
  all?: boolean;
}

/** Lists what the target refused and what waits behind it: 0, whatever there is. */
export async function runParkedList(
  pipeline: string,
  options: { namespace?: string; json: boolean },
): Promise<number> {
  const { namespace } = options;
  const selection: ParkedSelection =
    namespace === undefined ? { kind: 'all' } : { kind: 'namespace', namespace };
  const entries = await askTarget(pipeline, (ask) => readEntries(ask, selection));
  console.log(options.json ? JSON.stringify(entries, null, 2) : entriesText(pipeline, entries));
  return 0;
}

/** Shows one entry with its values. */
export async function runParkedShow(
  pipeline: string,
  id: number,
  options: { json: boolean },
): Promise<number> {
  const row = await askTarget(pipeline, (ask) => ask({ op: 'showParked', id }));
  if (row === null)
    throw new WeirError(
      'CONFIG_INVALID',
      `${pipeline} has no parked entry ${id}; weir parked list ${pipeline} shows those there are`,
    );
  console.log(options.json ? JSON.stringify(row, null, 2) : rowText(row));
  return 0;
}

/** Applies parked entries; 1 where some were refused again. */
export async function runParkedReplay(
  pipeline: string,
  ids: readonly number[],
  flags: SelectionFlags,
): Promise<number> {
  const selection = toSelection(ids, flags);
  const { replayed, left } = await askTarget(pipeline, (ask) =>
    replayParked((step) => ask({ op: 'replay', ...step }), selection),
  );
  console.log(`${pipeline}: ${plural(replayed)} replayed`);
  if (left === 0) return 0;
  console.log(
    `${pipeline}: ${plural(left)} left: refused again, or waiting behind one that was; weir parked list ${pipeline} says why`,
  );
  return 1;
}

/** Drops parked entries for good. */
export async function runParkedDiscard(
  pipeline: string,
  ids: readonly number[],
  flags: SelectionFlags,
): Promise<number> {
  const selection = toSelection(ids, flags);
  const dropped = await askTarget(pipeline, (ask) => ask({ op: 'discard', selection }));
  console.log(
    dropped === 0
      ? `${pipeline}: nothing to discard`
      : `${pipeline}: ${plural(dropped)} discarded; the target keeps these rows as it has them, or lacks them, until a later change brings the whole row (weir verify shows what differs)`,
  );
  return 0;
}

async function readEntries(ask: AskTarget, selection: ParkedSelection): Promise<ParkedEntry[]> {
  const entries: ParkedEntry[] = [];
  for (;;) {
    const page = await ask({ op: 'parked', selection, after: entries.at(-1)?.id ?? 0 });
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

function toSelection(ids: readonly number[], { namespace, all }: SelectionFlags): ParkedSelection {
  const given = [ids.length > 0, namespace !== undefined, all === true].filter(Boolean).length;
  if (given !== 1)
    throw new WeirError(
      'CONFIG_INVALID',
      'name the entries by their ids, by --namespace or by --all',
    );
  if (all === true) return { kind: 'all' };
  return namespace === undefined
    ? { kind: 'ids', ids: [...ids] }
    : { kind: 'namespace', namespace };
}

function plural(count: number): string {
  return `${count} ${count === 1 ? 'entry' : 'entries'}`;
}
