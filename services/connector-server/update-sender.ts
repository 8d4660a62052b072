import {
  type StreamUpdatesResponse,
  type Update,
  UpdateType,
} from '../../proto/gen/adiom/v1/adiom.ts';
import { type Position, readPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { fillUnchanged, hasUnchanged, keyOf } from '../../shared/change/tuple.ts';
import type { ChangeReceiver } from '../../shared/connector/source.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import type { StoreReader } from '../../shared/connector/store.ts';
import { toDocument, toId } from '../../shared/document/to-document.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { AnswerStream } from './answer-stream.ts';

/** Which changes a peer asks for. */
export interface UpdatesWanted {
  /** Changes up to it the peer has. */
  from: Position;
  /** Empty: all. */
  namespaces: readonly string[];
}

export function isWanted({ from, namespaces }: UpdatesWanted, relation: Relation, at: Position) {
  if (at <= from || relation.identity !== 'key') return false;
  return namespaces.length === 0 || namespaces.includes(relation.namespace);
}

export interface UpdateSenderOptions extends UpdatesWanted {
  cursorAt(position: Position): Uint8Array;
  /** Rows as they are now, for those that come with unchanged columns. */
  readByKeys: StoreReader['readByKeys'];
  stream: AnswerStream<StreamUpdatesResponse>;
  onFailure(error: unknown): void;
}

const MESSAGE_BYTES = 256 * 1024;
const KINDS = {
  insert: UpdateType.UPDATE_TYPE_INSERT,
  update: UpdateType.UPDATE_TYPE_UPDATE,
  delete: UpdateType.UPDATE_TYPE_DELETE,
  // Never asked for here: see `ChangeReceiver.keepsMoves`.
  move: UpdateType.UPDATE_TYPE_UPDATE,
} as const satisfies Record<ChangeKind, UpdateType>;

interface MessageHead {
  namespace: string;
  position: Position;
  timeMs: number;
}

/** A row that lacks columns; `update` waits for its data. */
interface Incomplete {
  update: Update;
  relation: Relation;
  row: Buffer;
}

/**
 * Gives a source's changes to a peer: messages of one namespace each, all with a cursor to go on from, every row whole.
 * What a change left unchanged is taken from the row as it is now: a later change brings what differs from then.
 */
export class UpdateSender implements ChangeReceiver {
  readonly #options: UpdateSenderOptions;
  #namespace = '';
  #updates: Update[] = [];
  #incomplete: Incomplete[] = [];
  #bytes = 0;
  #position: Position;
  #timeMs = 0;
  #isFull = false;
  #soon: NodeJS.Immediate | undefined;
  /** Messages that wait for rows to be read; null where none do. */
  #waiting: Promise<void> | null = null;

  constructor(options: UpdateSenderOptions) {
    this.#options = options;
    this.#position = options.from;
  }

  change(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void {
    const at = readPosition(position, 0);
    if (!isWanted(this.#options, relation, at)) return;
    if (relation.namespace !== this.#namespace || this.#bytes >= MESSAGE_BYTES) this.#flush();
    this.#namespace = relation.namespace;
    const isDelete = kind === 'delete';
    const data = isDelete || partial ? new Uint8Array() : toDocument(relation, row);
    const update = { id: [toId(relation, key)], type: KINDS[kind], data, partialUpdateUnset: [] };
    if (partial) this.#incomplete.push({ update, relation, row: Buffer.from(row) });
    this.#updates.push(update);
    this.#bytes += data.length;
    this.#position = at;
  }

  barrier(position: Buffer, barrier: Barrier): void {
    if (barrier.kind === 'truncate')
      return refuseTruncate(this.#options, barrier.relations, readPosition(position, 0));
    // Documents tell their shape by themselves.
    if (barrier.kind === 'relation') return;
    const { relation } = barrier;
    for (const move of barrier.moves) {
      const row = Buffer.from(move.row, 'base64');
      const oldKey = Buffer.from(move.key, 'base64');
      this.change('delete', relation, position, oldKey, Buffer.alloc(0), false);
      const key = keyOf(row, relation.key);
      this.change('insert', relation, position, key, row, hasUnchanged(row));
    }
  }

  /** What of it does not wait for its end says when it was made, too. */
  begins(timeMs: number): void {
    this.#timeMs = timeMs;
  }

  /** Changes of short transactions that come at once share a message. */
  commit(position: Buffer, timeMs: number): void {
    this.#pass(position, timeMs);
    this.#soon ??= setImmediate(() => this.#flush());
  }

  watermark(position: Buffer, timeMs: number): void {
    // What waits has the time of its own transaction.
    this.#flush();
    this.#pass(position, timeMs);
    if (this.#waiting === null)
      this.#send([], { namespace: '', position: this.#position, timeMs: this.#timeMs });
  }

  ready(): Promise<void> | undefined {
    if (this.#waiting !== null) return this.#waiting;
    if (!this.#isFull) return undefined;
    this.#isFull = false;
    return this.#options.stream.drained();
  }

  close(): void {
    clearImmediate(this.#soon);
  }

  #pass(position: Buffer, timeMs: number): void {
    const at = readPosition(position, 0);
    if (at > this.#position) this.#position = at;
    this.#timeMs = timeMs;
  }

  #flush(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    const updates = this.#updates;
    const incomplete = this.#incomplete;
    if (updates.length === 0) return;
    this.#updates = [];
    this.#incomplete = [];
    this.#bytes = 0;
    const message = { namespace: this.#namespace, position: this.#position, timeMs: this.#timeMs };
    if (incomplete.length === 0 && this.#waiting === null) return this.#send(updates, message);
    const waiting = (this.#waiting ?? Promise.resolve())
      .then(() => this.#complete(incomplete))
      .then(() => this.#send(updates, message))
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => {
        if (this.#waiting === waiting) this.#waiting = null;
      });
    this.#waiting = waiting;
  }

  /** Fills what is unchanged. A row that is gone by now is told as deleted, which it will be once more, later. */
  async #complete(incomplete: readonly Incomplete[]): Promise<void> {
    for (const relation of new Set(incomplete.map((each) => each.relation))) {
      const some = incomplete.filter((each) => each.relation === relation);
      const keys = some.map(({ row }) => keyOf(row, relation.key));
      const rows = (await this.#options.readByKeys?.(relation, keys)) ?? [];
      some.forEach(({ update, row }, i) => {
        const now = rows[i];
        if (now === null || now === undefined) update.type = UpdateType.UPDATE_TYPE_DELETE;
        else update.data = toDocument(relation, fillUnchanged(row, now));
      });
    }
  }

  #send(updates: Update[], { namespace, position, timeMs }: MessageHead): void {
    const millis = Math.floor(timeMs);
    const seconds = BigInt(Math.floor(millis / 1_000));
    const more = this.#options.stream.write({
      updates,
      namespace,
      nextCursor: this.#options.cursorAt(position),
      time: millis === 0 ? undefined : { seconds, nanos: (millis % 1_000) * 1_000_000 },
    });
    if (!more) this.#isFull = true;
  }
}

/** Throws where a namespace that is asked for was emptied. */
export function refuseTruncate(
  wanted: UpdatesWanted,
  relations: readonly Relation[],
  at: Position,
): void {
  const emptied = relations.filter((relation) => isWanted(wanted, relation, at));
  if (emptied.length === 0) return;
  const names = emptied.map(({ namespace }) => namespace).join(', ');
  throw new WeirError(
    'NOT_SUPPORTED',
    `${names} was truncated at the source, which this protocol cannot express; empty it at the target and make a new plan`,
  );
}
