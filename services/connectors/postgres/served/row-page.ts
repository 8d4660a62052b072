import type pg from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import { TupleSplitter } from '../../../../shared/change/tuple-splitter.ts';
import { isAbort, WeirError } from '../../../../shared/errors/weir-error.ts';
import { outputText } from '../source/snapshot/chunk-plan.ts';
import { CopiedTuples } from '../source/snapshot/copied-tuples.ts';
import { copyOut } from '../source/snapshot/copy-out.ts';
import { qualifiedName } from '../connection/names.ts';
import type { Leaf } from '../catalog/table-catalog.ts';

/** Pages `fromPage` up to `toPage` of a leaf of a table. */
export interface LeafRange {
  schema: string;
  name: string;
  fromPage: number;
  /** Null: to the end, wherever that is by then. */
  toPage: number | null;
  /** Of a page with what its rows have elsewhere, about. */
  pageBytes: number;
}

const RANGE_BYTES = 64 << 20;

export function cutLeaf({ schema, name, pages, bytes }: Leaf): LeafRange[] {
  const pageBytes = Math.max(1, Math.round(bytes / Math.max(1, pages)));
  const step = Math.max(1, Math.floor(RANGE_BYTES / pageBytes));
  const ranges: LeafRange[] = [];
  for (let fromPage = 0; fromPage < pages; fromPage += step) {
    const toPage = fromPage + step < pages ? fromPage + step : null;
    ranges.push({ schema, name, fromPage, toPage, pageBytes });
  }
  return ranges;
}

export interface RowPageRequest {
  relation: Relation;
  range: LeafRange;
  /** Where the page before ended: `(page,row)`. */
  after: string | null;
  bytes: number;
  serverVersion: number;
  signal: AbortSignal;
}

/**
 * Rows of a range from a place on, in the order in which they lie, about `bytes` of them. A range of pages is as large
 * as that by the estimate; where rows are larger the copy is cut off, and its connection with it.
 */
export async function readRowPage(
  client: pg.Client,
  request: RowPageRequest,
): Promise<{ tuples: Buffer[]; next: string | null }> {
  const { relation, range, bytes, signal } = request;
  let place = parsePlace(request.after ?? `(${range.fromPage},0)`);
  const end = range.toPage ?? (await countPages(client, range));
  const step = Math.max(1, Math.floor(bytes / range.pageBytes));
  const tuples: Buffer[] = [];
  while (place.page < end && tuples.length === 0) {
    const until = Math.min(end, place.page + step);
    const enough = new AbortController();
    const rows = new CopiedTuples();
    const splitter = new TupleSplitter();
    let taken = 0;
    const receive = (piece: Buffer): void => {
      for (const row of splitter.take(rows.take(piece))) {
        if (taken >= bytes) return enough.abort();
        const head = 6 + row.readInt32BE(2);
        place = parsePlace(row.toString('latin1', 6, head));
        const tuple = Buffer.allocUnsafe(row.length - head + 2);
        tuple.writeUInt16BE(relation.columns.length, 0);
        row.copy(tuple, 2, head);
        tuples.push(tuple);
        taken += tuple.length;
      }
    };
    const sql = pageSql(request, place, until);
    try {
      await copyOut(client, sql, receive, AbortSignal.any([signal, enough.signal]));
    } catch (error) {
      if (!enough.signal.aborted || signal.aborted || !isAbort(error)) throw error;
    }
    // Also where the rest had come before the copy was cut off.
    if (enough.signal.aborted) return { tuples, next: formatPlace(place) };
    place = { page: until, row: 0 };
  }
  return { tuples, next: place.page < end ? formatPlace(place) : null };
}

interface Place {
  page: number;
  row: number;
}

function parsePlace(text: string): Place {
  const match = /^\((\d+),(\d+)\)$/.exec(text);
  if (match === null)
    throw new WeirError('CONFIG_INVALID', 'the cursor of a page is none that this connector gave');
  return { page: Number(match[1]), row: Number(match[2]) };
}

function formatPlace({ page, row }: Place): string {
  return `(${page},${row})`;
}

function pageSql({ relation, range, serverVersion }: RowPageRequest, place: Place, until: number) {
  const columns = ['ctid::pg_catalog.text', ...relation.columns.map(outputText)].join(', ');
  const after = `ctid > '${formatPlace(place)}'`;
  // Before 14 only single places are found without reading the whole table.
  const where =
    serverVersion >= 140_000
      ? `${after} AND ctid < '(${until},0)'`
      : `${after} AND ctid = ANY (ARRAY(SELECT pg_catalog.format('(%s,%s)', p, r)::pg_catalog.tid
          FROM pg_catalog.generate_series(${place.page}, ${until - 1}) p,
            pg_catalog.generate_series(1, pg_catalog.current_setting('block_size')::int / 28) r))`;
  return `COPY (SELECT ${columns} FROM ONLY ${qualifiedName(range.schema, range.name)} WHERE ${where}) TO STDOUT (FORMAT binary)`;
}

async function countPages(client: pg.Client, { schema, name }: LeafRange): Promise<number> {
  const { rows } = await client.query<{ pages: string }>(
    `SELECT (pg_relation_size($1::regclass) / current_setting('block_size')::int8)::text AS pages`,
    [qualifiedName(schema, name)],
  );
  return Number(rows[0]?.pages ?? 0);
}
