import {
  type StreamUpdatesResponse,
  type Update,
  UpdateType,
} from '../../proto/gen/adiom/v1/adiom.ts';
import { type Position, readPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeKind, ChangeReceiver } from '../../shared/connector/source.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { toDocument, toId } from '../../shared/document/to-document.ts';

export interface UpdateStream {
  /** False where the peer takes no more for now. */
  write(response: StreamUpdatesResponse): boolean;
  /** Resolves when it takes more, or never will. */
  drained(): Promise<void>;
}

export interface UpdateSenderOptions {
  /** Changes up to it the peer has. */
  from: Position;
  /** Empty: all. */
  namespaces: readonly string[];
  cursorAt(position: Position): Uint8Array;
  stream: UpdateStream;
}

const MESSAGE_BYTES = 256 * 1024;
const KINDS = {
  insert: UpdateType.UPDATE_TYPE_INSERT,
  update: UpdateType.UPDATE_TYPE_UPDATE,
  delete: UpdateType.UPDATE_TYPE_DELETE,
  // Never asked for here: see `ChangeReceiver.keepsMoves`.
  move: UpdateType.UPDATE_TYPE_UPDATE,
} as const satisfies Record<ChangeKind, UpdateType>;

/** Gives a source's changes to a peer: messages of one namespace each, all with a cursor to go on from. */
export class UpdateSender implements ChangeReceiver {
  readonly #options: UpdateSenderOptions;
  #namespace = '';
  #updates: Update[] = [];
  #bytes = 0;
  #position: Position;
  #timeMs = 0;
  #isFull = false;
  #soon: NodeJS.Immediate | undefined;

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
    const { from, namespaces } = this.#options;
    if (at <= from || (namespaces.length > 0 && !namespaces.includes(relation.namespace))) return;
    if (partial) throw inexpressible(`a row of ${relation.namespace} with unchanged columns`);
    if (relation.namespace !== this.#namespace || this.#bytes >= MESSAGE_BYTES) this.#flush();
    this.#namespace = relation.namespace;
    const data = kind === 'delete' ? new Uint8Array() : toDocument(relation, row);
    const id = [toId(relation, key)];
    this.#updates.push({ id, type: KINDS[kind], data, partialUpdateUnset: [] });
    this.#bytes += data.length;
    this.#position = at;
  }

  barrier(): void {
    throw inexpressible('a truncate or a new shape of a table');
  }

  /** Changes of short transactions that come at once share a message. */
  commit(position: Buffer, timeMs: number): void {
    this.#pass(position, timeMs);
    this.#soon ??= setImmediate(() => this.#flush());
  }

  watermark(position: Buffer, timeMs: number): void {
    this.#pass(position, timeMs);
    this.#flush();
    this.#send([], '');
  }

  ready(): Promise<void> | undefined {
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
    if (this.#updates.length > 0) this.#send(this.#updates, this.#namespace);
    this.#updates = [];
    this.#bytes = 0;
  }

  #send(updates: Update[], namespace: string): void {
    const millis = Math.floor(this.#timeMs);
    const seconds = BigInt(Math.floor(millis / 1_000));
    const more = this.#options.stream.write({
      updates,
      namespace,
      nextCursor: this.#options.cursorAt(this.#position),
      time: millis === 0 ? undefined : { seconds, nanos: (millis % 1_000) * 1_000_000 },
    });
    if (!more) this.#isFull = true;
  }
}

function inexpressible(what: string): WeirError {
  return new WeirError(
    'NOT_SUPPORTED',
    `${what} cannot be told in this protocol; copy the source anew`,
  );
}
