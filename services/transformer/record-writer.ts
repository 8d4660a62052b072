import { type Outcome, recordLength, writeRecord } from '../../shared/change/change-record.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';

const EMPTY = Buffer.alloc(0);

/** Writes the records of one frame's payload. */
export class RecordWriter {
  #payload: Buffer;
  #length = 0;
  count = 0;

  constructor(capacity: number) {
    this.#payload = Buffer.allocUnsafe(Math.max(64, capacity));
  }

  get payload(): Buffer {
    return this.#payload.subarray(0, this.#length);
  }

  write(record: {
    kind: ChangeKind;
    relation: number;
    position: Buffer;
    key: Buffer;
    row: Buffer | null;
    partial?: boolean;
    outcome?: Outcome;
  }): void {
    const { kind, relation, position, key, partial = false, outcome } = record;
    const row = record.row ?? EMPTY;
    this.#reserve(recordLength(key, row));
    this.#length = writeRecord(
      this.#payload,
      this.#length,
      kind,
      relation,
      position,
      key,
      row,
      partial,
      outcome,
    );
    this.count++;
  }

  /** One that stays as it is. */
  copy(record: Buffer): void {
    this.#reserve(record.length);
    this.#length += record.copy(this.#payload, this.#length);
    this.count++;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#payload.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#payload.length * 2, this.#length + more));
    this.#payload.copy(grown, 0, 0, this.#length);
    this.#payload = grown;
  }
}
