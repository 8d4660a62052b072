import {
  FIRST_POSITION,
  fromPosition,
  type Position,
  toPosition,
} from '../../../shared/change/position.ts';
import { writePosition, POSITION_BYTES } from '../../../shared/change/position.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../../shared/change/tuple.ts';
import type { SourceCapabilities } from '../../../shared/connector/connector.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  ChunkReceiver,
  Source,
  SourceScope,
  SourceSession,
} from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Box, Card, CardDatabase } from './card-database.ts';

export const CARD_SOURCE: SourceCapabilities = { snapshot: 'single', positions: 'checkpoint' };

const CARDS_A_CHUNK = 2;

export function createCardSource(database: CardDatabase): Source {
  return {
    check: () => Promise.resolve({ findings: [], relations: [] }),
    open: (scope, known) => Promise.resolve(new CardSession(database, scope, known)),
    readRetention: () => Promise.resolve(null),
    giveUpPosition: (reason) => Promise.resolve(new WeirError('RETENTION_LIMIT', reason)),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/**
 * One reader has the snapshot, so chunks are read one after the other. What a position means is known to this session only:
 * where to begin again is kept at the target, as the number of turns that it has all of.
 */
class CardSession implements SourceSession {
  readonly plan: PipelinePlan;
  readonly #database: CardDatabase;
  readonly #reader: ReturnType<CardDatabase['openReader']>;
  /** Turns that were given. */
  #given: number;
  /** Turns that the target has all of. */
  #kept: number;
  #marks: { position: Position; turns: number }[] = [];
  #high: bigint | null = null;
  #low = 0n;

  constructor(database: CardDatabase, scope: SourceScope, known: PipelinePlan | null) {
    this.#database = database;
    this.#reader = database.openReader();
    this.plan = known ?? newPlan(this.#reader.snapshot, scope);
    const kept = scope.kept as { turns: number } | null | undefined;
    this.#kept = kept?.turns ?? (this.plan.snapshot as { turns: number }).turns;
    this.#given = this.#kept;
  }

  async listData(chunk: Chunk, receive: ChunkReceiver, signal: AbortSignal) {
    const { from, to } = chunk.cursor as { from: string; to: string | null };
    const box = this.#reader.snapshot.boxes.get(chunk.namespace)!;
    const { relation } = this.plan.namespaces.find(
      (each) => each.relation.namespace === chunk.namespace,
    )!;
    let rows = 0;
    for (const name of namesOf(box)) {
      if (name < from || (to !== null && name >= to)) continue;
      signal.throwIfAborted();
      await receive(tupleOf(relation, box.cards.get(name)!));
      rows++;
    }
    return { rows };
  }

  async streamUpdates(from: Position, receiver: ChangeReceiver, signal: AbortSignal) {
    this.#high = fromPosition(from).high + 1n;
    const stopped = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    while (!signal.aborted) {
      for (const { box, name, card } of this.#database.turns.slice(this.#given)) {
        const namespace = this.plan.namespaces.find((each) => each.relation.namespace === box);
        const position = this.#next();
        const bytes = Buffer.alloc(POSITION_BYTES);
        writePosition(bytes, 0, position);
        if (namespace !== undefined) this.#give(receiver, namespace.relation, bytes, name, card);
        this.#given++;
        this.#marks.push({ position, turns: this.#given });
        receiver.commit(bytes, Date.now());
        await receiver.ready();
      }
      if (this.#given < this.#database.turns.length) continue;
      await Promise.race([this.#database.changed(), stopped]);
    }
  }

  release(position: Position): void {
    for (const mark of this.#marks) if (mark.position <= position) this.#kept = mark.turns;
    this.#marks = this.#marks.filter((mark) => mark.position > position);
  }

  /** Each turn that was not given yet takes one position. */
  head(): Promise<Position | null> {
    if (this.#high === null) return Promise.resolve(null);
    const left = this.#database.turns.length - this.#given;
    const low = this.#low + BigInt(left);
    return Promise.resolve(low === 0n ? FIRST_POSITION : toPosition(this.#high, low));
  }

  sideState(): Promise<unknown> {
    return Promise.resolve({ kept: { turns: this.#kept } });
  }

  close(): Promise<void> {
    this.#reader.close();
    return Promise.resolve();
  }

  #next(): Position {
    return toPosition(this.#high!, ++this.#low);
  }

  #give(
    receiver: ChangeReceiver,
    relation: Relation,
    position: Buffer,
    name: string,
    card: Card | null,
  ): void {
    const row = card === null ? Buffer.alloc(0) : tupleOf(relation, card);
    const [id] = JSON.parse(name) as [string];
    const key = keyOf(toTuple([id, null]), relation.key);
    receiver.change(card === null ? 'delete' : 'update', relation, position, key, row, false);
  }
}

function newPlan(
  { turns, boxes }: CardSnapshotOf,
  { lanes, namespaces: wanted }: SourceScope,
): PipelinePlan {
  let id = 0;
  const chosen = [...boxes].filter(([name]) => wanted?.includes(name) ?? true);
  const namespaces = chosen.map(([namespace, box]): NamespacePlan => {
    const names = namesOf(box);
    const starts = names.filter((_, i) => i % CARDS_A_CHUNK === 0);
    if (starts.length > 0) starts[0] = '';
    const chunks = starts.map((from, i): Chunk => {
      const cursor = { from, to: starts[i + 1] ?? null };
      const common = { namespace, how: 'load' as const, dataType: TUPLES, estimatedBytes: 1 };
      return { id: ++id, cursor, ...common };
    });
    return {
      relation: relationOf(namespace, box),
      definition: null,
      start: FIRST_POSITION,
      settled: FIRST_POSITION,
      state: 'new',
      chunks,
      chunksDone: 0,
      rowsDone: 0,
    };
  });
  return { identity: 'cards', start: FIRST_POSITION, snapshot: { turns }, lanes, namespaces };
}

type CardSnapshotOf = ReturnType<CardDatabase['openReader']>['snapshot'];

/** What a card says first tells it from the others. */
export function relationOf(namespace: string, { kinds }: Box): Relation {
  const columns = [...kinds].map(([name, kind]) => ({
    name,
    type: kind === 'whole' ? 'bigint' : 'text',
    encoding: 'text' as const,
  }));
  return { namespace, columns, key: [0], identity: 'key', order: 'key' };
}

function namesOf({ cards }: Box): string[] {
  return [...cards.keys()].sort();
}

export function tupleOf({ columns }: Relation, card: Card): Buffer {
  const textOf = (name: string): string | null => {
    const value = card[name] ?? null;
    return value === null ? null : String(value);
  };
  return toTuple(columns.map(({ name }) => textOf(name)));
}
