import { readPosition, type Position } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Barrier, MovedRow } from '../../shared/change/barrier.ts';

const MAX_MOVES = 1_000;
const MAX_CHARACTERS = 256 * 1024;

type MoveBarrier = Extract<Barrier, { kind: 'move' }>;

/**
 * Moves of one relation that came one after the other, with nothing between them that a lane was given: one barrier for
 * all, since each costs a meeting of all lanes at the target.
 */
export class KeyUpdateGroup {
  readonly #relation: Relation;
  readonly #moves: MovedRow[] = [];
  #characters = 0;
  /** Of the last of them. */
  #position: Position;

  constructor(position: Buffer, barrier: MoveBarrier) {
    this.#relation = barrier.relation;
    this.#position = readPosition(position, 0);
    this.add(position, barrier);
  }

  takes({ relation }: MoveBarrier): boolean {
    const isFull = this.#moves.length >= MAX_MOVES || this.#characters >= MAX_CHARACTERS;
    return relation === this.#relation && !isFull;
  }

  add(position: Buffer, { moves }: MoveBarrier): void {
    this.#position = readPosition(position, 0);
    for (const move of moves) {
      this.#moves.push(move);
      this.#characters += move.key.length + move.row.length;
    }
  }

  toBarrier(): { position: Position; barrier: MoveBarrier } {
    const barrier: MoveBarrier = { kind: 'move', relation: this.#relation, moves: this.#moves };
    return { position: this.#position, barrier };
  }
}
