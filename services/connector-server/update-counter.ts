import type { StreamLSNResponse } from '../../proto/gen/adiom/v1/adiom.ts';
import { type Position, readPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeReceiver } from '../../shared/connector/source.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import type { AnswerStream } from './answer-stream.ts';
import { isWanted, refuseTruncate, type UpdatesWanted } from './update-sender.ts';

export interface UpdateCounterOptions extends UpdatesWanted {
  cursorAt(position: Position): Uint8Array;
  stream: AnswerStream<StreamLSNResponse>;
}

/** How often a count that stays the same is told. */
const SAME_MS = 500;

/**
 * Tells a peer how many updates `UpdateSender` gives from the same cursor on: one that counts them knows how far it is
 * behind. Told is only what there is in all: a count from the middle would say that nothing is to come where much is.
 */
export class UpdateCounter implements ChangeReceiver {
  readonly #options: UpdateCounterOptions;
  #count = 0n;
  #told = { count: -1n, atMs: 0 };

  constructor(options: UpdateCounterOptions) {
    this.#options = options;
  }

  change(_kind: ChangeKind, relation: Relation, position: Buffer): void {
    const at = readPosition(position, 0);
    if (!isWanted(this.#options, relation, at)) return;
    this.#count++;
  }

  /** A row with a new key is told as a delete and an insert. */
  barrier(position: Buffer, barrier: Barrier): void {
    if (barrier.kind === 'truncate')
      return refuseTruncate(this.#options, barrier.relations, readPosition(position, 0));
    if (barrier.kind === 'relation') return;
    const { moves, relation } = barrier;
    for (let i = 0; i < 2 * moves.length; i++) this.change('insert', relation, position);
  }

  commit(): void {}

  watermark(position: Buffer): void {
    const { from } = this.#options;
    const nowMs = Date.now();
    if (this.#told.count === this.#count && nowMs - this.#told.atMs < SAME_MS) return;
    this.#told = { count: this.#count, atMs: nowMs };
    const at = readPosition(position, 0);
    const nextCursor = this.#options.cursorAt(at > from ? at : from);
    this.#options.stream.write({ lsn: this.#count, nextCursor });
  }

  ready(): undefined {
    return undefined;
  }
}
