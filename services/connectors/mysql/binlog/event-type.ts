/** Types of events that are read, or passed over because nothing of a row is in them (mysql-server `binlog_event.h`, MariaDB `log_event.h`). */
export const QUERY = 2;
export const ROTATE = 4;
export const FORMAT_DESCRIPTION = 15;
export const XID = 16;
export const TABLE_MAP = 19;
export const HEARTBEAT = 27;
export const GTID = 33;
export const ANONYMOUS_GTID = 34;
export const MARIADB_GTID = 162;
export const MARIADB_QUERY_COMPRESSED = 165;

export type RowChange = 'insert' | 'update' | 'delete';

export interface RowsEventType {
  change: RowChange;
  version: 1 | 2;
  isCompressed: boolean;
}

function rows(change: RowChange, version: 1 | 2, isCompressed = false): RowsEventType {
  return { change, version, isCompressed };
}

export const ROWS_EVENTS: ReadonlyMap<number, RowsEventType> = new Map([
  [23, rows('insert', 1)],
  [24, rows('update', 1)],
  [25, rows('delete', 1)],
  [30, rows('insert', 2)],
  [31, rows('update', 2)],
  [32, rows('delete', 2)],
  [166, rows('insert', 1, true)],
  [167, rows('update', 1, true)],
  [168, rows('delete', 1, true)],
  [169, rows('insert', 2, true)],
  [170, rows('update', 2, true)],
  [171, rows('delete', 2, true)],
]);

/**
 * The end of a file in order; values for a statement that follows (which is what counts); text of statements beside their
 * rows; what a server keeps of groups, of its own recovery and of the GTIDs at the head of a file.
 */
export const PASSED_OVER: ReadonlySet<number> = new Set([
  ...[3, 5, 13, 14, 28, 29, 35, 36, 37],
  ...[160, 161, 163],
]);

/** Events that hold changes in a form that is not read, and what to do about them. */
export const NOT_READ: ReadonlyMap<number, string> = new Map([
  [26, 'the server says that changes are missing from its log (an incident); copy again'],
  [38, 'a transaction was prepared by XA, which is not followed; commit without XA'],
  [
    39,
    'updates of JSON are written as differences; set binlog_row_value_options to nothing at the server',
  ],
  [40, 'transactions are compressed; set binlog_transaction_compression=OFF at the server'],
  [42, 'transactions have tagged GTIDs; set gtid_next without a tag at the source'],
]);
