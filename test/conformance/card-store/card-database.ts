import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { StateTables } from './card-tables.ts';

/** What a card says in one place: this store knows whole numbers and words, and nothing else. */
export type CardValue = bigint | string | null;
export type CardKind = 'whole' | 'words';
export type Card = Readonly<Record<string, CardValue>>;

export interface Box {
  kinds: Map<string, CardKind>;
  /** By the text of what tells them apart. */
  cards: Map<string, Card>;
}

/** What became of a card: null, it is gone. */
export interface Turn {
  box: string;
  name: string;
  card: Card | null;
}

/** All boxes as they were after so many turns. */
export interface CardSnapshot {
  turns: number;
  boxes: ReadonlyMap<string, Box>;
}

interface Kept {
  boxes: Map<string, Box>;
  /** Of pipelines, by their names. */
  states: Map<string, StateTables>;
}

/**
 * A database made to be unlike PostgreSQL, in the memory of the process: boxes of cards. What is written in a transaction
 * is kept as one or not at all; one is open at a time. What makes, empties and alters a box is in no transaction.
 */
export class CardDatabase {
  #kept: Kept = { boxes: new Map(), states: new Map() };
  #turn: Promise<unknown> = Promise.resolve();
  #isOpen = false;
  /** Words that no card may say. */
  readonly forbidden = new Set<string>();
  /** What people have done to cards, in order. */
  readonly turns: Turn[] = [];
  #waiting: (() => void)[] = [];
  #hasReader = false;

  get boxes(): ReadonlyMap<string, Box> {
    return this.#kept.boxes;
  }

  get states(): Map<string, StateTables> {
    return this.#kept.states;
  }

  transaction<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      const before = structuredClone(this.#kept);
      this.#isOpen = true;
      try {
        return await work();
      } catch (error) {
        this.#kept = before;
        throw error;
      } finally {
        this.#isOpen = false;
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  box(name: string): Box {
    const box = this.#kept.boxes.get(name);
    if (box === undefined) throw new Error(`there is no box ${name}`);
    return box;
  }

  /** Of a card that says what none may, the sentence has no word. */
  put(box: string, name: string, card: Card): void {
    const place = Object.keys(card).find((each) => this.forbidden.has(String(card[each])));
    if (place !== undefined)
      throw new WeirError('ROW_REFUSED', `a card of ${box} says in ${place} what no card may`);
    this.box(box).cards.set(name, card);
  }

  /** As a person does. */
  async turn(box: string, name: string, card: Card | null): Promise<void> {
    await this.transaction(() => {
      const { cards } = this.box(box);
      if (card === null) cards.delete(name);
      else cards.set(name, card);
      this.turns.push({ box, name, card });
      return Promise.resolve();
    });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves at the next turn. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** There is one reader at a time, and its snapshot goes with it. */
  openReader(): { snapshot: CardSnapshot; close: () => void } {
    if (this.#hasReader) throw new Error('the cards have one reader only');
    this.#hasReader = true;
    const boxes = structuredClone(this.#kept.boxes);
    const close = (): void => void (this.#hasReader = false);
    return { snapshot: { turns: this.turns.length, boxes }, close };
  }

  makeBox(name: string, kinds: ReadonlyMap<string, CardKind>): Promise<void> {
    return this.#apart(() => {
      const cards = this.#kept.boxes.get(name)?.cards ?? new Map<string, Card>();
      this.#kept.boxes.set(name, { kinds: new Map(kinds), cards });
    });
  }

  emptyBox(name: string): Promise<void> {
    return this.#apart(() => this.box(name).cards.clear());
  }

  /** A transaction that meets this would be committed by it, as MySQL does; here it is a fault of who asks. */
  #apart(alter: () => void): Promise<void> {
    if (this.#isOpen) return Promise.reject(new Error('a box is altered inside a transaction'));
    return this.transaction(() => Promise.resolve(alter()));
  }
}
