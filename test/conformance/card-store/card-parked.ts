import { NO_CHANGES, type ParkedRecord, addCounts } from '../../../shared/state/records.ts';
import type { ParkedCounts } from '../../../shared/connector/parking.ts';
import { isIn, type ParkedHead } from '../../../shared/state/quarantine/parked-index.ts';
import {
  type Explain,
  type Mark,
  type Park,
  type Settle,
  type StateChange,
  type Update,
  holds,
} from '../../../shared/state/state-step.ts';
import type { StateTables } from './card-tables.ts';

type OfParked = Park | Settle | Explain | Mark | Update<'parked'>;

const BYTES = ['chain', 'also', 'key', 'tuple'] as const;

export function toWords(record: ParkedRecord): string {
  const bytes = BYTES.map((column) => [column, record[column]?.toString('base64') ?? null]);
  return JSON.stringify({ ...record, ...Object.fromEntries(bytes) });
}

export function fromWords(words: string): ParkedRecord {
  const record = JSON.parse(words) as Record<string, string | null>;
  const bytes = BYTES.map((column) => {
    const text = record[column] ?? null;
    return [column, text === null ? null : Buffer.from(text, 'base64')];
  });
  return { ...record, ...Object.fromEntries(bytes) } as unknown as ParkedRecord;
}

export function toHead(record: ParkedRecord): ParkedHead & { record: ParkedRecord } {
  const { id, namespace, shape, chain, also, source, tuple } = record;
  const head = { id, namespace, shape, chain, also };
  return { ...head, failed: source !== null, bytes: tuple?.length ?? 0, record };
}

export function sumParked(records: readonly ParkedRecord[]): Record<string, ParkedCounts> {
  const sums: Record<string, ParkedCounts> = {};
  for (const { namespace, copied, inserts, updates, deletes } of records) {
    const sum = (sums[namespace] ??= { ...NO_CHANGES, entries: 0, rows: 0 });
    sum.entries++;
    if (copied) sum.rows++;
    sum.inserts += inserts;
    sum.updates += updates;
    sum.deletes += deletes;
  }
  return sums;
}

export function isOfParked(change: StateChange): change is OfParked {
  if (change.kind === 'update') return change.table === 'parked';
  return ['park', 'settle', 'explain', 'mark'].includes(change.kind);
}

/** False where something that it expects does not hold. */
export function changeParked(tables: StateTables, change: OfParked): boolean {
  const records = tables.parked.map(fromWords);
  const put = (changed: readonly ParkedRecord[]): true => {
    tables.parked = changed.map(toWords);
    return true;
  };
  switch (change.kind) {
    case 'park': {
      const parkedAt = new Date().toISOString();
      const parked = change.entries.map((each) => ({ ...each, id: ++tables.lastParked, parkedAt }));
      return put([...records, ...parked]);
    }
    case 'settle': {
      const isChosen = isIn(change.entries);
      const gone = records.filter((record) => isChosen(toHead(record)));
      if (gone.length < (change.least ?? 0)) return false;
      const into = change.as === 'applied' ? 'count' : 'discarded';
      for (const { namespace, inserts, updates, deletes } of gone) {
        const counts = { ...NO_CHANGES, inserts, updates, deletes };
        tables[into] = addCounts(tables[into], [[namespace, counts]]);
      }
      return put(records.filter((record) => !gone.includes(record)));
    }
    case 'explain':
      return put(
        records.map((each) => ({ ...each, reason: change.reasons.get(each.id) ?? each.reason })),
      );
    case 'update': {
      const found = records.find(({ id }) => id === change.key.id);
      if (found === undefined || !holds(found, change)) return false;
      return put(records.map((each) => (each === found ? { ...each, ...change.set } : each)));
    }
    case 'mark': {
      const parked = change.parked === 'yes' || records.length > 0;
      for (const lane of tables.lane) lane.parked = parked;
      return true;
    }
  }
}
