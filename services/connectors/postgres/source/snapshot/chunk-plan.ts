import { logicalOf } from '../../../../../shared/change/column-type.ts';
import type { Column, Relation } from '../../../../../shared/change/relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { TUPLES } from '../../../../../shared/connector/data-type.ts';
import type { Chunk } from '../../../../../shared/connector/chunk.ts';
import type { LogicalKind, LogicalType } from '../../../../../shared/schema/logical-type.ts';
import type { SourceTable } from '../../catalog/catalog.ts';
import { qualifiedName, quoteIdent } from '../../connection/names.ts';
import type { Leaf } from '../../catalog/table-catalog.ts';

export const COPY_BINARY = 'postgres.copy.binary';
export const COPY_TEXT = 'postgres.copy.text';

const CHUNK_BYTES = 16 * 1024 * 1024;
const MAX_CHUNKS_PER_TABLE = 20_000;
/** Before 14 a range of ctids is found by reading the whole table, so few of them must do. */
const MAX_RANGES_WITHOUT_TID_SCAN = 8;

/** What of a leaf a chunk reads: pages from `fromPage` up to `toPage`, or rows written since a transaction. */
export interface ChunkCursor {
  schema: string;
  name: string;
  /** Which leaf, and which of its files the pages are of; null in a plan that an earlier version made. */
  oid: number | null;
  fileNode: number | null;
  fromPage: number;
  /** Null: to the end, wherever that is by then. */
  toPage: number | null;
  /** Only rows written by this transaction or later ones (32-bit id); null: all rows. */
  since: string | null;
}

/** What a table's chunks are read in, where the other end wants `wanted`. */
export function chunkDataType(
  { isBinarySafe }: Pick<SourceTable, 'isBinarySafe'>,
  wanted: string | undefined,
): string {
  if (wanted === TUPLES) return TUPLES;
  return isBinarySafe ? COPY_BINARY : COPY_TEXT;
}

/** Cuts the table into chunks, with ids from `nextId` on. Empty leaves give none. */
export function cutChunks(
  table: Pick<SourceTable, 'namespace' | 'leaves' | 'isBinarySafe'>,
  nextId: number,
  how: Chunk['how'],
  serverVersion: number,
  wanted?: string,
): Chunk[] {
  const totalPages = table.leaves.reduce((sum, leaf) => sum + leaf.pages, 0);
  const leastPages = Math.ceil(
    totalPages / Math.max(1, MAX_CHUNKS_PER_TABLE - table.leaves.length),
  );
  const chunks: Chunk[] = [];
  for (const leaf of table.leaves) {
    if (leaf.pages === 0) continue;
    const bytesPerPage = leaf.bytes / leaf.pages;
    let step = Math.max(1, leastPages, Math.floor(CHUNK_BYTES / bytesPerPage));
    if (serverVersion < 140_000)
      step = Math.max(step, Math.ceil(leaf.pages / MAX_RANGES_WITHOUT_TID_SCAN));
    for (let page = 0; page < leaf.pages; page += step) {
      const end = page + step;
      chunks.push({
        id: nextId++,
        namespace: table.namespace,
        cursor: cursorOf(leaf, page, end < leaf.pages ? end : null, null),
        how,
        dataType: chunkDataType(table, wanted),
        estimatedBytes: Math.round(bytesPerPage * Math.min(step, leaf.pages - page)),
      });
    }
  }
  return chunks;
}

/** One chunk a leaf, of the rows anywhere in it that were written since `xid`. */
export function recentChunks(
  table: Pick<SourceTable, 'namespace' | 'leaves' | 'isBinarySafe'>,
  nextId: number,
  xid: string,
  wanted?: string,
): Chunk[] {
  return table.leaves
    .filter((leaf) => leaf.pages > 0)
    .map((leaf, i) => ({
      id: nextId + i,
      namespace: table.namespace,
      cursor: cursorOf(leaf, 0, null, xid),
      how: 'merge',
      dataType: chunkDataType(table, wanted),
      estimatedBytes: Math.min(leaf.bytes, CHUNK_BYTES),
    }));
}

function cursorOf(
  { schema, name, oid, fileNode }: Leaf,
  fromPage: number,
  toPage: number | null,
  since: string | null,
): ChunkCursor {
  return { schema, name, oid, fileNode, fromPage, toPage, since };
}

/** Reads back what has been to the target and back as JSON. */
export function parseChunkCursor(value: unknown): ChunkCursor {
  const cursor = value as Partial<ChunkCursor> | null;
  if (
    typeof cursor === 'object' &&
    cursor !== null &&
    typeof cursor.schema === 'string' &&
    typeof cursor.name === 'string' &&
    Number.isInteger(cursor.fromPage) &&
    (cursor.toPage === null || Number.isInteger(cursor.toPage)) &&
    (cursor.since === null || /^\d+$/.test(String(cursor.since)))
  )
    return {
      ...(cursor as ChunkCursor),
      oid: cursor.oid ?? null,
      fileNode: cursor.fileNode ?? null,
    };
  throw new WeirError('INTERNAL', 'the stored plan holds a chunk that this version cannot read');
}

/** Whether all rows of its leaf are in the chunk. */
export function isWhole({ fromPage, toPage, since }: ChunkCursor): boolean {
  return fromPage === 0 && toPage === null && since === null;
}

/** The statement that reads a chunk, columns in the relation's order. */
export function copySql(relation: Relation, chunk: Chunk): string {
  const cursor = parseChunkCursor(chunk.cursor);
  const tuples = chunk.dataType === TUPLES;
  const columns = relation.columns
    .map((column) => (tuples ? outputText(column) : quoteIdent(column.name)))
    .join(', ');
  const conditions: string[] = [];
  if (cursor.fromPage > 0) conditions.push(`ctid >= '(${cursor.fromPage},0)'`);
  if (cursor.toPage !== null) conditions.push(`ctid < '(${cursor.toPage},0)'`);
  if (cursor.since !== null) conditions.push(`age(xmin) <= age('${cursor.since}'::xid)`);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const format = chunk.dataType === COPY_TEXT ? 'text' : 'binary';
  return `COPY (SELECT ${columns} FROM ONLY ${qualifiedName(cursor.schema, cursor.name)}${where}) TO STDOUT (FORMAT ${format})`;
}

/**
 * The value as text just as the stream of changes has it: as the type's output function writes it. A cast does so only
 * for some types; `format` does for all, but makes NULL an empty string.
 */
export function outputText(column: Column): string {
  const value = quoteIdent(column.name);
  if (castsPlainly(logicalOf(column))) return `${value}::pg_catalog.text`;
  return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', ${value}) END`;
}

/** Those of which a cast to text is what the output function writes; of any other kind `format` is right, too. */
const CAST_PLAINLY: ReadonlySet<LogicalKind> = new Set([
  ...(['integer', 'float', 'decimal', 'bytes', 'date', 'time', 'timestamp'] as const),
  ...(['interval', 'uuid', 'json', 'array', 'string'] as const),
]);

function castsPlainly(type: LogicalType): boolean {
  // The cast cuts blanks at the end off.
  return CAST_PLAINLY.has(type.kind) && !(type.kind === 'string' && type.fixed);
}
