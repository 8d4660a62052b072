import { randomInt } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { followLog } from '../../services/connectors/mysql/binlog/follow-log.ts';
import type { LogEvent } from '../../services/connectors/mysql/binlog/log-reader.ts';
import { RowDecoder } from '../../services/connectors/mysql/binlog/row-decoder.ts';
import {
  type NativeColumn,
  readNativeColumns,
} from '../../services/connectors/mysql/catalog/native-columns.ts';
import { MysqlConnection } from '../../services/connectors/mysql/connection/connection.ts';
import { type Charsets, readCharsets } from '../../services/connectors/mysql/values/charsets.ts';
import { selectedExpression } from '../../services/connectors/mysql/text/column-texts.ts';
import { TextRowDecoder } from '../../services/connectors/mysql/text/text-row-decoder.ts';
import { columnOffsets, NULL_LENGTH, UNCHANGED_LENGTH } from '../../shared/change/tuple.ts';

/** Values of a tuple as people read them; `undefined` is unchanged. */
export type Texts = (string | null | undefined)[];

export interface LoggedRow {
  table: string;
  change: 'insert' | 'update' | 'delete';
  before: Texts | null;
  after: Texts | null;
}

export async function openMysql(url: string): Promise<MysqlConnection> {
  const connection = await MysqlConnection.open(url, { programName: 'weir tests' });
  onTestFinished(() => connection.close());
  return connection;
}

export function textsOf(bytes: Buffer, from: number): Texts {
  const offsets = columnOffsets(bytes, from);
  return offsets.slice(0, -1).map((at) => {
    const length = bytes.readInt32BE(at);
    if (length === NULL_LENGTH) return null;
    if (length === UNCHANGED_LENGTH) return undefined;
    return bytes.toString('utf8', at + 4, at + 4 + length);
  });
}

/** Where the log ends now. */
export async function readLogEnd(
  connection: MysqlConnection,
): Promise<{ file: string; position: number }> {
  const { flavour, number } = connection.version;
  const statement =
    flavour === 'mysql' && number >= 80_200 ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [row] = await connection.query('asking for the end of the log', statement);
  return { file: row![0]!, position: Number(row![1]) };
}

/** All events of the log from a position to its end. */
export async function readEvents(
  url: string,
  from: { file: string; position: number },
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  const options = { ...from, serverId: randomInt(2 ** 30, 2 ** 31), heartbeatMs: 1000 };
  await followLog(await openMysql(url), { ...options, untilEnd: true }, (event) => {
    events.push(event);
  });
  return events;
}

export interface KnownTable {
  columns: NativeColumn[];
  charsets: Charsets;
}

/** `charsets` where they are known from another table of the server. */
export async function knowTable(
  url: string,
  table: string,
  charsets?: Charsets,
): Promise<KnownTable> {
  const connection = await openMysql(url);
  const database = decodeURIComponent(new URL(url).pathname.slice(1));
  const columns = await readNativeColumns(connection, database, table);
  return { columns, charsets: charsets ?? (await readCharsets(connection)) };
}

/** The rows of one table among events, decoded under what is known of it. */
export function decodeRows(
  events: readonly LogEvent[],
  table: string,
  { columns, charsets }: KnownTable,
): LoggedRow[] {
  const rows: LoggedRow[] = [];
  const carried = columns.map(({ generated }) => !generated);
  for (const event of events) {
    if (event.kind !== 'rows' || event.table.table !== table) continue;
    const { change } = event;
    new RowDecoder(event.table, columns, carried, charsets).decode(event, {
      insert: (bytes, from) =>
        void rows.push({ table, change, before: null, after: textsOf(bytes, from) }),
      update: (bytes, before, after) =>
        void rows.push({
          ...{ table, change },
          ...{ before: textsOf(bytes, before), after: textsOf(bytes, after) },
        }),
      delete: (bytes, from) =>
        void rows.push({ table, change, before: textsOf(bytes, from), after: null }),
    });
  }
  return rows;
}

/** The rows of a table as a copy has them. */
export async function copyRows(
  url: string,
  table: string,
  { columns, charsets }: KnownTable,
): Promise<Texts[]> {
  const carried = columns.filter(({ generated }) => !generated);
  const decoder = new TextRowDecoder(carried, charsets);
  const rows: Texts[] = [];
  const asked = carried.map((each) =>
    selectedExpression(each, `\`${each.name.replaceAll('`', '``')}\``),
  );
  const connection = await openMysql(url);
  await connection.stream('copying', `SELECT ${asked.join(', ')} FROM ${table}`, {
    begin: () => undefined,
    row(bytes, from, to) {
      decoder.out.clear();
      decoder.decode(bytes, from, to);
      rows.push(textsOf(decoder.out.bytes, 0));
    },
  });
  return rows;
}
