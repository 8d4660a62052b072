import { sourceOf } from '../../shared/change/namespace-part.ts';
import type { RecordCursor } from '../../shared/change/change-record.ts';
import type { Frame } from '../../shared/change/frame.ts';
import { keyNameOf } from '../../shared/document/document-relation.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { HeldChange } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';

/**
 * Changes of a batch that must not be applied: those of rows that a step failed for, and what comes behind them of the
 * same key. Where equal keys may differ in bytes, or rows are told apart by all their values, which a failed one does
 * not have yet, everything of the namespace comes behind.
 */
export class HeldChanges {
  readonly list: HeldChange[] = [];
  /** From which record of the batch on. */
  readonly #since = new Map<string, number>();

  /** Whether the record, the `nth` of the batch, comes behind a failed one of its key. */
  waits(relation: Relation, record: Pick<RecordCursor, 'key'>, nth: number): boolean {
    if (this.#since.size === 0) return false;
    return (this.#since.get(nameOf(relation, record.key)) ?? Infinity) < nth;
  }

  /** Takes the record, whose step's reason is the `failure`th of the frame. */
  fail(record: RecordCursor, frame: Frame, failure: number, relation: Relation, nth: number): void {
    const { key, kind } = record;
    const name = nameOf(relation, key);
    if (relation.identity !== 'none' && !this.#since.has(name)) this.#since.set(name, nth);
    const { sources = [], failures = [] } = frame.body;
    this.list.push({
      relation,
      kind: kind === 'delete' ? 'delete' : record.partial ? 'update' : 'upsert',
      failed: {
        reason: failures[failure] ?? 'a step failed',
        source: sources[record.relation]!,
        tuple: record.row,
        key: relation.identity === 'key' ? key : null,
      },
      counts: oneOf(record),
      position: record.position,
    });
  }

  wait(record: RecordCursor, relation: Relation): void {
    const { key, row, kind, partial, filtered, uncounted, position } = record;
    // Of one that was left out there is nothing to do, unless it takes a row away.
    if (filtered && key.length === 0) return;
    const counts = filtered || uncounted ? NONE : oneOf(record);
    const common = { relation, failed: null, counts, position };
    if (filtered || kind === 'delete') this.list.push({ ...common, kind: 'delete', bytes: key });
    else this.list.push({ ...common, kind: partial ? 'update' : 'upsert', bytes: row });
  }
}

const NONE: ChangeCounts = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };

function oneOf({ kind }: RecordCursor): ChangeCounts {
  if (kind === 'insert') return { ...NONE, inserts: 1 };
  return kind === 'delete' ? { ...NONE, deletes: 1 } : { ...NONE, updates: 1 };
}

function nameOf(relation: Relation, key: Buffer): string {
  const { namespace, identity, looseKey } = relation;
  const own = identity === 'key' && looseKey !== true ? keyNameOf(relation, key) : '';
  return `${sourceOf(namespace)}\n${own}`;
}
