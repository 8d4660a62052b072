import type { Position } from '../../shared/change/position.ts';
import { FIRST_POSITION, readPosition } from '../../shared/change/position.ts';
import type { Column, Relation, RelationPlan } from '../../shared/change/relation.ts';
import { columnOffsets, fillUnchanged, keyOf, toTuple } from '../../shared/change/tuple.ts';
import type { ChangeReceiver } from '../../shared/connector/source.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';

/** One change as it was received, bytes copied. */
export interface ReceivedChange {
  kind: ChangeKind | Barrier['kind'];
  namespace: string;
  position: Position;
}

/**
 * The simplest possible target: rows in memory, as bytes. It loads binary chunks and applies changes one by one, so
 * that what a source gave can be compared with a fresh copy of what the source holds.
 */
export class TableModel implements ChangeReceiver {
  /** By namespace; rows of keyed tables by their key, others under a running number. */
  readonly tables = new Map<string, Map<string, Buffer>>();
  readonly received: ReceivedChange[] = [];
  readonly relations: RelationPlan[] = [];
  /** Updates and moves with unchanged values of rows that are not there. */
  lost = 0;
  reached = FIRST_POSITION;
  together: ReadonlySet<string> = new Set();
  /** What `ready` waits for once a change has come. */
  hold: Promise<void> | undefined;
  #next = 0;

  /** Rows of a COPY, as CopyData messages. */
  load(relation: Relation, messages: Buffer, format: Column['encoding']): number {
    const bodies: Buffer[] = [];
    for (let at = 0; at < messages.length;) {
      const end = at + 1 + messages.readInt32BE(at + 1);
      bodies.push(messages.subarray(at + 5, end));
      at = end;
    }
    if (format === 'binary') return this.#loadBinary(relation, Buffer.concat(bodies));
    for (const line of bodies) this.#put(relation, parseLine(line.toString()));
    return bodies.length;
  }

  #loadBinary(relation: Relation, data: Buffer): number {
    let rows = 0;
    // Signature, flags and length of the extension come first, a count of -1 last.
    for (let at = 19; data.readInt16BE(at) !== -1; rows++) {
      const offsets = columnOffsets(data, at);
      const tuple = Buffer.from(data.subarray(at, offsets.at(-1)));
      this.#put(relation, tuple);
      at = offsets.at(-1)!;
    }
    return rows;
  }

  change(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void {
    this.#note(kind, relation.namespace, position);
    const table = this.table(relation.namespace);
    if (kind === 'delete') {
      this.#remove(relation, key);
      return;
    }
    const existing = table.get(key.toString('base64'));
    if (partial && existing === undefined) this.lost++;
    else this.#put(relation, partial ? fillUnchanged(row, existing!) : Buffer.from(row));
  }

  barrier(position: Buffer, barrier: Barrier): void {
    if (barrier.kind === 'truncate') {
      for (const relation of barrier.relations) {
        this.#note('truncate', relation.namespace, position);
        this.table(relation.namespace).clear();
      }
    } else if (barrier.kind === 'relation') {
      this.#note('relation', barrier.before.namespace, position);
      this.relations.push(barrier.after);
    } else {
      const { relation, moves } = barrier;
      this.#note('move', relation.namespace, position);
      for (const { key, row } of moves) {
        const old = this.table(relation.namespace).get(key);
        this.#remove(relation, Buffer.from(key, 'base64'));
        if (old === undefined) this.lost++;
        else this.#put(relation, fillUnchanged(Buffer.from(row, 'base64'), old));
      }
    }
  }

  commit(position: Buffer): void {
    this.watermark(position);
  }

  watermark(position: Buffer): void {
    const at = readPosition(position, 0);
    if (at > this.reached) this.reached = at;
  }

  ready(): Promise<void> | undefined {
    return this.received.length > 0 ? this.hold : undefined;
  }

  table(namespace: string): Map<string, Buffer> {
    const table = this.tables.get(namespace) ?? new Map<string, Buffer>();
    this.tables.set(namespace, table);
    return table;
  }

  /** The rows as sorted text, for comparing two models. */
  rows(namespace: string): string[] {
    return [...this.table(namespace).values()].map((row) => row.toString('base64')).sort();
  }

  kinds(namespace: string): string[] {
    return this.received.filter((c) => c.namespace === namespace).map((c) => c.kind);
  }

  #note(kind: ReceivedChange['kind'], namespace: string, position: Buffer): void {
    this.received.push({ kind, namespace, position: readPosition(position, 0) });
  }

  #put(relation: Relation, row: Buffer): void {
    const key =
      relation.identity === 'key'
        ? keyOf(row, relation.key).toString('base64')
        : String(this.#next++);
    this.table(relation.namespace).set(key, row);
  }

  #remove(relation: Relation, key: Buffer): void {
    const table = this.table(relation.namespace);
    if (relation.identity === 'key') {
      table.delete(key.toString('base64'));
      return;
    }
    for (const [name, row] of table)
      if (row.equals(key)) {
        table.delete(name);
        return;
      }
  }
}

/** A line of COPY in text format: a message of its own, values between tabs. */
function parseLine(line: string): Buffer {
  const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  const values = line
    .slice(0, -1)
    .split('\t')
    .map((value) =>
      value === '\\N' ? null : value.replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char),
    );
  return toTuple(values);
}
