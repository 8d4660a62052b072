import { status } from '@grpc/grpc-js';
import type { DataType } from '../../../proto/gen/adiom/v1/adiom.ts';
import type { ChunkReceiver } from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { callStatus } from '../../../shared/grpc/call-failure.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { headersOf, METHODS } from './connector-channel.ts';
import { withRetry } from './with-retry.ts';
import { toPartition } from './plan.ts';
import { toCopiedRow } from './received-document.ts';

/** Rows handed on at once. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads one partition page by page, each from the cursor of the one before. What heals is tried again with the same
 * cursor, which stays good until the next one has been used.
 */
export async function listPages(
  channel: Channel,
  dataType: DataType,
  chunk: Chunk,
  receive: ChunkReceiver,
  signal: AbortSignal,
): Promise<number> {
  const partition = toPartition(chunk);
  const call = { signal, ...headersOf(partition.partitionHeader, partition.partitionValue) };
  let cursor: Uint8Array = new Uint8Array();
  let rows = 0;
  do {
    const request = { partition, type: dataType, cursor };
    const page = await withRetry(() => channel.call(METHODS.listData, request, call), signal).catch(
      (error: unknown) => {
        throw isGone(error, cursor) ? new PageCursorGone(chunk, error) : error;
      },
    );
    let piece: Buffer[] = [];
    let bytes = 0;
    for (const document of page.data) {
      const row = toCopiedRow(chunk.namespace, dataType, document);
      bytes += row.length;
      if (piece.push(row) && bytes < PIECE_BYTES) continue;
      await receive(Buffer.concat(piece));
      if (signal.aborted) return rows;
      piece = [];
      bytes = 0;
    }
    if (piece.length > 0) await receive(Buffer.concat(piece));
    rows += page.data.length;
    if (page.nextCursor.length > 0 && Buffer.from(page.nextCursor).equals(cursor))
      throw new WeirError(
        'SOURCE_UNFIT',
        `the connector gave the same cursor twice in a row for a partition of ${chunk.namespace}, which would never end; each page needs a cursor of its own, and the last an empty one`,
      );
    cursor = page.nextCursor;
  } while (cursor.length > 0 && !signal.aborted);
  return rows;
}

/** The peer does not know the cursor of a page any more, as after a restart: the partition is read from its beginning. */
export class PageCursorGone extends WeirError {
  constructor({ namespace }: Chunk, cause: unknown) {
    const said = cause instanceof Error ? `: ${cause.message}` : '';
    super(
      'UNREACHABLE',
      `the connector has lost its place in a partition of ${namespace}, which is read again${said}`,
    );
  }
}

function isGone(error: unknown, cursor: Uint8Array): boolean {
  const code = callStatus(error);
  return cursor.length > 0 && (code === status.NOT_FOUND || code === status.INVALID_ARGUMENT);
}
