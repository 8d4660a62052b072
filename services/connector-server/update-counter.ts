import type { StreamLSNResponse } from '../../proto/gen/adiom/v1/adiom.ts';
import { type Position, readPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Barrier, ChangeKind, ChangeReceiver } from '../../shared/connector/source.ts';
import type { AnswerStream } from './answer-stream.ts';
import { isWanted, type UpdatesWanted } from './update-sender.ts';

export interface UpdateCounterOptions extends UpdatesWanted {
  cursorAt(position: Position): Uint8Array;
  stream: AnswerStream<StreamLSNResponse>;
}

/** How long a count may be old. */
const EVERY_MS = 200;

/** Tells a peer how many updates `UpdateSender` gives from the same cursor on: one that counts them knows how far it is behind. */
export class UpdateCounter implements ChangeReceiver {
  readonly #options: UpdateCounterOptions;
  #count = 0n;
  #position: Position;
  #soon: NodeJS.Timeout | undefined;

  constructor(options: UpdateCounterOptions) {
    this.#options = options;
    this.#position = options.from;
  }

  change(_kind: ChangeKind, relation: Relation, position: Buffer): void {
    const at = readPosition(position, 0);
    if (!isWanted(this.#options, relation, at)) return;
    this.#count++;
    this.#position = at;
  }

  /** A row with a new key is told as a delete and an insert. */
  barrier(position: Buffer, barrier: Barrier): void {
    if (barrier.kind !== 'move') return;
    const { moves, relation } = barrier;
    for (let i = 0; i < 2 * moves.length; i++) this.change('insert', relation, position);
  }

  commit(position: Buffer): void {
    this.#pass(position);
  }

  watermark(position: Buffer): void {
    this.#pass(position);
  }

  ready(): undefined {
    return undefined;
  }

  close(): void {
    clearTimeout(this.#soon);
  }

  #pass(position: Buffer): void {
    const at = readPosition(position, 0);
    if (at > this.#position) this.#position = at;
    this.#soon ??= setTimeout(() => this.#send(), EVERY_MS);
  }

  #send(): void {
    this.#soon = undefined;
    const nextCursor = this.#options.cursorAt(this.#position);
    this.#options.stream.write({ lsn: this.#count, nextCursor });
  }
}
