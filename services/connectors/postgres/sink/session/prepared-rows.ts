import type { ClientBase, Connection, Submittable } from 'pg';
import { RowStatements } from './row-statements.ts';
import type { BoundRow, RowStatement } from '../../connection/bound-statement.ts';
import type { WriteTarget } from '../target/write-target.ts';

/** So many may a session keep; each holds memory at the server. */
const MAX_STATEMENTS = 500;
const PIECE_BYTES = 64 * 1024;
const BIND_PARTS_BYTES = 64;

/** The statement at `index` was refused; `cause` is what the server said. */
export class RowRefused extends Error {
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super('a row was refused', { cause });
    this.index = index;
  }
}

/**
 * Statements of one session for single rows, each prepared when it is first used. Rows are sent one after the other
 * without waiting for answers (manual, "Extended Query", pipelining), so a thousand of them cost one round trip; where
 * one fails the server does none of those behind it.
 */
export class PreparedRows {
  readonly #names = new Map<string, string>();
  readonly #statements = new WeakMap<WriteTarget, RowStatements>();
  #last = 0;

  statementsOf(target: WriteTarget): RowStatements {
    let statements = this.#statements.get(target);
    if (statements === undefined)
      this.#statements.set(target, (statements = new RowStatements(target)));
    return statements;
  }

  /** Runs all in order, inside the open transaction or with its BEGIN and COMMIT; returns how many rows each of them touched. */
  async run(client: ClientBase, rows: readonly BoundRow[]): Promise<number[]> {
    if (rows.length === 0) return [];
    if (this.#names.size > MAX_STATEMENTS) {
      await client.query('DEALLOCATE ALL');
      this.#names.clear();
    }
    const added: string[] = [];
    try {
      return await send(client, this.#encode(rows, added));
    } catch (error) {
      // Whether they were prepared before the refusal is not worth finding out.
      for (const sql of added) this.#names.delete(sql);
      throw error;
    }
  }

  *#encode(rows: readonly BoundRow[], added: string[]): Generator<Buffer> {
    let piece = Buffer.allocUnsafe(PIECE_BYTES);
    let at = 0;
    for (const { statement, values } of rows) {
      let name = this.#names.get(statement.sql);
      if (name === undefined) {
        name = `weir_${++this.#last}`;
        this.#names.set(statement.sql, name);
        added.push(statement.sql);
        yield piece.subarray(0, at);
        yield parseMessage(name, statement.sql);
        piece = Buffer.allocUnsafe(PIECE_BYTES);
        at = 0;
      }
      const bytes = bindBytes(name, statement, values);
      if (at + bytes > piece.length) {
        yield piece.subarray(0, at);
        piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, bytes));
        at = 0;
      }
      at = writeBind(piece, at, name, statement, values);
    }
    yield piece.subarray(0, at);
    yield SYNC;
  }
}

/** Portal and result formats are empty; the statement is executed to its end. */
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

function parseMessage(name: string, sql: string): Buffer {
  const body = Buffer.from(`${name}\0${sql}\0\0\0`);
  const message = Buffer.allocUnsafe(5 + body.length);
  message[0] = 0x50;
  message.writeInt32BE(4 + body.length, 1);
  body.copy(message, 5);
  return message;
}

function bindBytes(name: string, { encodings }: RowStatement, values: readonly Buffer[]): number {
  const length = values.reduce((sum, value) => sum + value.length, 0);
  return BIND_PARTS_BYTES + name.length + 2 * encodings.length + length;
}

function writeBind(
  piece: Buffer,
  start: number,
  name: string,
  { encodings }: RowStatement,
  values: readonly Buffer[],
): number {
  let at = start + 5;
  piece[start] = 0x42;
  piece[at++] = 0;
  at += piece.write(name, at, 'latin1');
  piece[at++] = 0;
  at = piece.writeInt16BE(encodings.length, at);
  for (const encoding of encodings) at = piece.writeInt16BE(encoding === 'binary' ? 1 : 0, at);
  at = piece.writeInt16BE(encodings.length, at);
  for (const value of values) at += value.copy(piece, at);
  at = piece.writeInt16BE(0, at);
  piece.writeInt32BE(at - start - 1, start + 1);
  return at + EXECUTE.copy(piece, at);
}

function send(client: ClientBase, messages: Iterable<Buffer>): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const touched: number[] = [];
    const ignored = (): void => undefined;
    const pipeline: Submittable & Record<string, unknown> = {
      submit(connection: Connection) {
        connection.stream.cork();
        for (const message of messages) if (message.length > 0) connection.stream.write(message);
        connection.stream.uncork();
      },
      handleCommandComplete: ({ text }: { text: string }) =>
        touched.push(Number(/\d+$/.exec(text)?.[0] ?? 0)),
      handleError: (error: unknown) =>
        reject(isAnswer(error) ? new RowRefused(touched.length, error) : (error as Error)),
      handleReadyForQuery: () => resolve(touched),
      handleRowDescription: ignored,
      handleDataRow: ignored,
      handleEmptyQuery: ignored,
      handlePortalSuspended: ignored,
    };
    client.query(pipeline);
  });
}

/** Said by the server about a statement, not by a connection that broke. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && 'code' in error;
}
