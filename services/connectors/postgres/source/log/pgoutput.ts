import type { Relation } from '../../../../../shared/change/relation.ts';
import {
  writePosition,
  type Position,
  POSITION_BYTES,
} from '../../../../../shared/change/position.ts';
import type { ChangeReceiver } from '../../../../../shared/connector/source.ts';
import type { RelationBarrier } from '../../../../../shared/change/barrier.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { ChangePosition } from './change-position.ts';
import { lsnToPosition, type Lsn } from '../../connection/lsn.ts';
import { parseRelationMessage, type RelationMessage } from './relation-message.ts';
import { TupleScratch } from './tuple-scratch.ts';

/** Finds out what a Relation message means for the pipeline; see `StreamRelations`. */
export interface RelationResolver {
  /** Changes at or before this position are in the table's copy; null where that is so for none after the start. */
  copiedUpTo(message: RelationMessage): Position | null;
  /** Is asked again for the first change of a table that is new to all lanes. */
  resolve(message: RelationMessage, place: StreamPlace): Promise<ResolvedRelation>;
  /** Null where there are none. */
  readonly due: DueBarriers | null;
}

/** Where in the log a Relation message counts. */
export interface StreamPlace {
  /**
   * Some lane may have the change at hand, which counts for what was recorded then, and not for what the source says now.
   */
  replaying: boolean;
  /** The 32-bit id of the transaction. */
  transaction: number;
}

export interface ResolvedRelation {
  /** Null: not a table of the pipeline. */
  relation: Relation | null;
  /** The new shape, to be told before the next change. */
  barrier: RelationBarrier | null;
}

/** Barriers that come once everything is given that was committed before a place of the log. */
export interface DueBarriers {
  at: Lsn;
  take(): RelationBarrier[];
}

/** A table of the stream: as announced, and once a change of it is to be handed on, as resolved. */
interface StreamedTable {
  bytes: Buffer;
  message: RelationMessage;
  resolved: boolean;
  /** To be resolved again before the next change that is new to all lanes. */
  provisional: boolean;
  relation: Relation | null;
  copiedUpTo: Buffer | null;
}

const EMPTY = Buffer.alloc(0);
/** Milliseconds from 1970 to 2000, where PostgreSQL's clock starts. */
const EPOCH_MS = 946_684_800_000;

export interface DecoderOptions {
  receiver: ChangeReceiver;
  resolver: RelationResolver;
  /** Changes at or before it have been given already. */
  from: Position;
  binary: boolean;
}

/**
 * Decodes `pgoutput` messages, protocol version 1 (manual, "Logical Replication Message Formats"), and hands the
 * changes on. Works on the bytes as they came: no object is made for a row or a column.
 */
export class PgOutputDecoder {
  /** Of the last change or barrier handed on. */
  readonly last = Buffer.alloc(POSITION_BYTES);
  inTransaction = false;
  lastCommitAtMs = Date.now();
  readonly #receiver: ChangeReceiver;
  readonly #resolver: RelationResolver;
  readonly #binary: boolean;
  readonly #tables = new Map<number, StreamedTable>();
  readonly #position = new ChangePosition();
  readonly #watermark = Buffer.alloc(POSITION_BYTES);
  readonly #row = new TupleScratch();
  readonly #old = new TupleScratch();
  /** Where the lane stands that is furthest ahead. */
  readonly #reached = Buffer.alloc(POSITION_BYTES);
  #floor: Buffer | null;
  #lastOid = -1;
  #lastTable: StreamedTable | undefined;
  #transaction = 0;

  constructor(options: DecoderOptions) {
    this.#receiver = options.receiver;
    this.#resolver = options.resolver;
    this.#binary = options.binary;
    this.#floor = Buffer.alloc(POSITION_BYTES);
    writePosition(this.#floor, 0, options.from);
    this.#floor.copy(this.last);
    const { reached } = this.#receiver;
    const isAhead = reached !== undefined && reached > options.from;
    writePosition(this.#reached, 0, isAhead ? reached : options.from);
  }

  /**
   * Takes the message in `source` from `at` to `end`, which came with the LSN `high`/`low`. Where it returns a
   * promise, the bytes must stay and nothing may be given until it resolves.
   */
  handle(
    source: Buffer,
    at: number,
    end: number,
    high: number,
    low: number,
  ): Promise<void> | undefined {
    switch (source[at]) {
      case 0x49: // Insert
      case 0x55: // Update
      case 0x44: // Delete
        return this.#change(source, at, end, this.#position.change(high, low));
      case 0x42: // Begin
        this.#begin(source, at + 1);
        return undefined;
      case 0x43: // Commit: flags, LSN of the commit, end of the transaction, time
        this.inTransaction = false;
        this.lastCommitAtMs = Date.now();
        source.copy(this.#watermark, 0, at + 10, at + 18);
        this.#receiver.commit(this.#watermark, toTimeMs(source, at + 18));
        this.#passDue(source, at + 10, false);
        return undefined;
      case 0x52: // Relation
        this.#announce(source.subarray(at, end));
        return undefined;
      case 0x54: // Truncate
        return this.#truncate(source, at, this.#position.change(high, low));
      case 0x59: // Type
      case 0x4f: // Origin
      case 0x4d: // Message
        return undefined;
      default:
        throw new WeirError(
          'INTERNAL',
          `the source sent a change of unknown kind ${String(source[at])}`,
        );
    }
  }

  /** The server has sent everything before this LSN (8 bytes at `at`). */
  watermark(source: Buffer, at: number, timeAt: number): void {
    if (this.inTransaction) return;
    this.#passDue(source, at, false);
    source.copy(this.#watermark, 0, at, at + 8);
    this.#receiver.watermark(this.#watermark, toTimeMs(source, timeAt));
  }

  /**
   * The stream stands at this LSN. A transaction whose commit record is at the due place comes behind it; a watermark
   * must be past it, so that nobody takes what is due for done.
   */
  #passDue(source: Buffer, at: number, begins: boolean): void {
    const due = this.#resolver.due;
    if (due === null) return;
    const position = Buffer.from(lsnToPosition(due.at), 'hex');
    const order = source.compare(position, 0, 8, at, at + 8);
    if (order < 0 || (order === 0 && !begins)) return;
    for (const [place, barrier] of due.take().entries()) {
      position.writeUInt32BE(place + 1, 12);
      position.copy(this.last);
      this.#receiver.barrier(position, barrier);
    }
    // Their changes are of the shape that was told.
    for (const table of this.#tables.values()) table.resolved = false;
  }

  #begin(source: Buffer, at: number): void {
    this.#passDue(source, at, true);
    this.inTransaction = true;
    this.#transaction = source.readUInt32BE(at + 16);
    this.#position.begin(source.readUInt32BE(at), source.readUInt32BE(at + 4));
    this.#receiver.begins?.(toTimeMs(source, at + 8));
    const floor = this.#floor;
    if (floor !== null && source.compare(floor, 0, 8, at, at + 8) > 0) this.#floor = null;
  }

  #announce(bytes: Buffer): void {
    const oid = bytes.readUInt32BE(1);
    // Sent again after anything that might have changed it, mostly the same; but not all that counts is in it.
    const known = this.#tables.get(oid);
    if (known?.bytes.equals(bytes) === true) {
      known.provisional = true;
      return;
    }
    const message = parseRelationMessage(bytes, 0);
    const copied = this.#resolver.copiedUpTo(message);
    this.#tables.set(oid, {
      bytes: Buffer.from(bytes),
      message,
      resolved: false,
      provisional: false,
      relation: null,
      copiedUpTo: copied === null ? null : Buffer.from(copied, 'hex'),
    });
    this.#lastOid = -1;
  }

  #table(oid: number): StreamedTable {
    if (oid === this.#lastOid) return this.#lastTable!;
    const table = this.#tables.get(oid);
    if (table === undefined)
      throw new WeirError('INTERNAL', `the source sent a change of relation ${oid} unannounced`);
    this.#lastOid = oid;
    this.#lastTable = table;
    return table;
  }

  #change(source: Buffer, at: number, end: number, position: Buffer): Promise<void> | undefined {
    const kind = source[at]!;
    const after = this.#floor === null ? 1 : position.compare(this.#floor);
    // At the floor itself: an update may be a delete, which was given, and an insert, which was not.
    if (after < 0 || (after === 0 && kind !== 0x55)) return undefined;
    const table = this.#table(source.readUInt32BE(at + 1));
    if (this.#isCopied(table, position)) return undefined;
    // Only now: an old shape may come by while changes are sent again that nobody needs.
    if (!table.resolved || (table.provisional && this.#position.startsAfter(this.#reached)))
      return this.#resolve(table, 0).then(() =>
        this.#change(source, at, end, this.#position.again()),
      );
    const relation = table.relation;
    if (relation === null) return undefined;
    if (kind === 0x49) this.#insert(relation, source, at + 6, end, position);
    else if (kind === 0x44) this.#delete(relation, source, at + 5, end, position);
    else this.#update(relation, source, at + 5, end, position, after === 0);
    return undefined;
  }

  #insert(relation: Relation, source: Buffer, at: number, end: number, position: Buffer): void {
    const row = this.#row;
    row.read(
      source,
      at,
      end,
      relation.columns.length,
      this.#binary,
      null,
      null,
      this.#asText(relation),
    );
    this.#give('insert', relation, position, row);
  }

  /** Which columns of a binary stream travel as text; null: none, as of most tables. */
  #asText(relation: Relation): readonly boolean[] | null {
    if (relation === this.#askedRelation) return this.#askedAsText;
    const columns = relation.columns.map(({ encoding }) => encoding === 'text');
    this.#askedRelation = relation;
    this.#askedAsText = this.#binary && columns.includes(true) ? columns : null;
    return this.#askedAsText;
  }
  #askedRelation: Relation | null = null;
  #askedAsText: readonly boolean[] | null = null;

  #give(kind: 'insert' | 'update', relation: Relation, position: Buffer, row: TupleScratch): void {
    position.copy(this.last);
    const bytes = row.row();
    const key = relation.identity === 'key' ? row.key(relation.key) : bytes;
    this.#receiver.change(kind, relation, position, key, bytes, row.unchanged > 0);
  }

  #giveDelete(relation: Relation, position: Buffer): void {
    position.copy(this.last);
    const key = relation.identity === 'key' ? this.#old.key(relation.key) : this.#old.row();
    this.#receiver.change('delete', relation, position, key, EMPTY, false);
  }

  #delete(relation: Relation, source: Buffer, at: number, end: number, position: Buffer): void {
    const columns = relation.columns.length;
    if (relation.identity === 'none') throw identityError(relation);
    this.#old.read(source, at + 1, end, columns, this.#binary, null, null, this.#asText(relation));
    this.#giveDelete(relation, position);
  }

  #update(
    relation: Relation,
    source: Buffer,
    at: number,
    end: number,
    position: Buffer,
    insertOnly: boolean,
  ): void {
    const columns = relation.columns.length;
    const row = this.#row;
    if (relation.identity === 'none') throw identityError(relation);
    const kind = source[at]!;
    if (kind === 0x4e) {
      // No old row: the key is the same.
      if (relation.identity === 'row') throw identityError(relation);
      row.read(source, at + 1, end, columns, this.#binary, null, null, this.#asText(relation));
      if (!insertOnly) this.#give('update', relation, position, row);
      return;
    }
    const old = this.#old;
    at = old.read(source, at + 1, end, columns, this.#binary, null, null, this.#asText(relation));
    const oldKey = kind === 0x4b ? relation.key : null;
    row.read(source, at + 1, end, columns, this.#binary, old, oldKey, this.#asText(relation));
    if (relation.identity === 'key' && row.key(relation.key).equals(old.key(relation.key))) {
      if (!insertOnly) this.#give('update', relation, position, row);
    } else if (relation.identity === 'key' && this.#receiver.keepsMoves === true) {
      if (insertOnly) return;
      position.copy(this.last);
      const key = old.key(relation.key);
      this.#receiver.change('move', relation, position, key, row.row(), row.unchanged > 0);
    } else if (row.unchanged > 0) {
      if (insertOnly) return;
      position.copy(this.last);
      this.#receiver.barrier(position, {
        kind: 'move',
        relation,
        moves: [
          {
            key: old.key(relation.key).toString('base64'),
            row: row.row().toString('base64'),
          },
        ],
      });
    } else {
      if (!insertOnly) this.#giveDelete(relation, position);
      this.#give('insert', relation, this.#position.next(), row);
    }
  }

  #truncate(source: Buffer, at: number, position: Buffer): Promise<void> | undefined {
    if (this.#floor !== null && position.compare(this.#floor) <= 0) return undefined;
    const count = source.readInt32BE(at + 1);
    const options = source[at + 5]!;
    const relations: Relation[] = [];
    for (let i = 0; i < count; i++) {
      const table = this.#table(source.readUInt32BE(at + 6 + 4 * i));
      if (this.#isCopied(table, position)) continue;
      if (!table.resolved)
        return this.#resolve(table, i).then(() =>
          this.#truncate(source, at, this.#position.again()),
        );
      if (table.relation !== null) relations.push(table.relation);
    }
    if (relations.length === 0) return undefined;
    position.copy(this.last);
    this.#receiver.barrier(position, {
      kind: 'truncate',
      relations,
      cascade: (options & 1) !== 0,
      restartIdentity: (options & 2) !== 0,
    });
    return undefined;
  }

  #isCopied(table: StreamedTable, position: Buffer): boolean {
    if (table.copiedUpTo === null) return false;
    if (position.compare(table.copiedUpTo) <= 0) return true;
    table.copiedUpTo = null;
    return false;
  }

  async #resolve(table: StreamedTable, index: number): Promise<void> {
    const replaying = !this.#position.startsAfter(this.#reached);
    const { relation, barrier } = await this.#resolver.resolve(table.message, {
      replaying,
      transaction: this.#transaction,
    });
    table.relation = relation;
    table.resolved = true;
    table.provisional = replaying && relation !== null;
    if (barrier === null) return;
    const position = this.#position.before(index);
    position.copy(this.last);
    this.#receiver.barrier(position, barrier);
  }
}

function toTimeMs(source: Buffer, at: number): number {
  const micros = source.readInt32BE(at) * 2 ** 32 + source.readUInt32BE(at + 4);
  return EPOCH_MS + Math.floor(micros / 1000);
}

function identityError(relation: Relation): WeirError {
  return new WeirError(
    'SCHEMA_CHANGED',
    `The source sent an update or delete of ${relation.namespace} without what identifies the row; give the table a primary key or REPLICA IDENTITY FULL, then run \`weir reset\` and copy it again.`,
  );
}
