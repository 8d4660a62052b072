import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type LogEvent, LogReader } from '../../services/connectors/mysql/binlog/log-reader.ts';
import type { NativeColumn } from '../../services/connectors/mysql/catalog/native-columns.ts';
import type { Charsets } from '../../services/connectors/mysql/values/charsets.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { decodeRows } from './mysql-log.ts';

/** What stands beside a file of a server's log: what the catalog said of its table, and the rows as the server itself prints them. */
export interface Golden {
  version: string;
  columns: NativeColumn[];
  collations: [number, string][];
  tables: Record<string, (string | null)[]>;
  /** Of each change: the row before and after. */
  rows: { before: (string | null)[] | null; after: (string | null)[] | null }[];
}

export const GOLDEN_TABLE = 'golden';
const MAGIC = Buffer.from([0xfe, 0x62, 0x69, 0x6e]);

export function goldenPath(name: string): string {
  return path.join(projectRoot(), 'test', 'golden', 'mysql', name);
}

export function readGolden(name: string): { log: Buffer; golden: Golden } {
  const golden: unknown = JSON.parse(readFileSync(goldenPath(`${name}.json`), 'utf8'));
  return { log: readFileSync(goldenPath(`${name}.binlog`)), golden: golden as Golden };
}

/** The events of a whole file, as it lies on a server's disk. */
export function eventsOf(log: Buffer): LogEvent[] {
  if (!log.subarray(0, 4).equals(MAGIC)) throw new TypeError('it is no binary log');
  const reader = new LogReader();
  const events: LogEvent[] = [];
  for (let at = 4; at < log.length;) {
    const size = log.readUInt32LE(at + 9);
    const event = reader.read(log.subarray(at, at + size));
    if (event !== null) events.push(event);
    at += size;
  }
  return events;
}

export function rowsOf(
  log: Buffer,
  { columns, collations, tables }: Golden,
  events: readonly LogEvent[] = eventsOf(log),
): Golden['rows'] {
  const charsets: Charsets = {
    byCollation: new Map(collations),
    tables: new Map(Object.entries(tables)),
  };
  const rows = decodeRows(events, GOLDEN_TABLE, { columns, charsets });
  return rows.map(({ before, after }) => ({
    before: before as Golden['rows'][number]['before'],
    after: after as Golden['rows'][number]['after'],
  }));
}

const cut = (at: string): string =>
  `TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(${at} AS CHAR)))`;
const bytes = (at: string): string => `CONCAT('\\\\x', LOWER(HEX(${at})))`;
const shape = (at: string): string => `HEX(ST_AsWKB(${at}))`;
const same = (at: string): string => at;

interface GoldenColumn {
  type: string;
  values: readonly [string, string, string];
  /** The statement's expression under which the server prints the canonical form. */
  print: (name: string) => string;
}

function column(
  type: string,
  values: readonly [string, string, string],
  print: (name: string) => string = same,
): GoldenColumn {
  return { type, values, print };
}

/** Of each kind of bytes in the log, with values that differ between the rows. */
export function goldenColumns(flavour: 'mariadb' | 'mysql'): readonly GoldenColumn[] {
  return [
    column('tinyint', ['-128', '0', 'NULL']),
    column('smallint unsigned', ['65535', '0', '1']),
    column('mediumint', ['-8388608', '8388607', '-1']),
    column('int unsigned', ['4294967295', '0', 'NULL']),
    column('bigint', ['-9223372036854775808', '9223372036854775807', '-9007199254740993']),
    column('bigint unsigned', ['18446744073709551615', '9007199254740993', '0']),
    column('decimal(65,30)', [`-${'9'.repeat(35)}.${'1'.repeat(30)}`, '0.5', 'NULL']),
    column('decimal(9,9)', ['-0.000000001', '0.999999999', '0']),
    column('float', ['-1.5', '0.25', 'NULL']),
    column('double', ['3.141592653589793', '-0.1', '100']),
    column('year', ['1901', '2155', 'NULL']),
    column('bit(12)', ["b'101'", "b'111111111111'", "b'0'"], (at) => `LPAD(BIN(${at}), 12, '0')`),
    column('date', ["'0000-00-00'", "'2024-00-10'", "'9999-12-31'"]),
    column('time(3)', ["'-00:00:00.120'", "'838:59:59'", "'-01:02:03.004'"], cut),
    column('time', ["'-838:59:59'", "'00:00:00'", 'NULL']),
    column('datetime(6)', ["'2024-02-29 01:02:03.000100'", "'0001-01-01 00:00:01.5'", "'9999-12-31 23:59:59.999999'"], cut), // prettier-ignore
    column('timestamp(2) NULL', ["'1970-01-01 00:00:01.25'", "'2038-01-19 03:14:07.99'", 'NULL'], (at) => `CONCAT(${cut(at)}, '+00')`), // prettier-ignore
    column('char(5) CHARACTER SET latin1', ["'€ä '", "''", "' a'"]),
    column('varchar(300) CHARACTER SET utf16', ["'😀é'", "REPEAT('x', 260)", "''"]),
    column('text CHARACTER SET utf8mb4', ["'it''s \\\\ \\0'", "'漢字'", 'NULL']),
    column('binary(4)', ["x'01'", "x'00000000'", "x'ffffffff'"], bytes),
    column('varbinary(9)', ["x'0100'", "''", 'NULL'], bytes),
    column('mediumblob', ["x'00ff'", "REPEAT('z', 20)", "''"], bytes),
    column("enum('x','ä','it''s')", ["'ä'", "'it''s'", 'NULL']),
    column("set('p','q','r','s','t','u','v','w','x')", ["'x,p'", "''", "'q,r'"]),
    column('point', ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(-1.5 1e300)')", 'NULL'], shape), // prettier-ignore
    ...(flavour === 'mariadb'
      ? [
          column('json', [`'[1 ,2]'`, `'{"a":1, "a":2}'`, 'NULL']),
          column('uuid', ["'123e4567-e89b-12d3-a456-426614174000'", "'01890a5d-ac96-774b-bcce-b302099a8000'", 'NULL']), // prettier-ignore
          column('inet6', ["'::ffff:1.2.3.4'", "'1:0:0:2::3'", "'::'"]),
        ]
      : [
          column(
            'json',
            [
              `'{"bb":1.5,"a":[true,null,"ä\\\\n",-65536,[],{}]}'`,
              `'18446744073709551615'`,
              'NULL',
            ],
            (at) => `CAST(${at} AS CHAR)`,
          ),
          column(
            'vector(2)',
            ["STRING_TO_VECTOR('[1.5,-0.25]')", "STRING_TO_VECTOR('[0,3]')", 'NULL'],
            (at) =>
              [
                ...[
                  ['-2.50000e-01', '-0.25'],
                  ['1.50000e+00', '1.5'],
                ],
                ...[
                  ['0.00000e+00', '0'],
                  ['3.00000e+00', '3'],
                ],
              ].reduce(
                (text, [from, to]) => `REPLACE(${text}, '${from}', '${to}')`,
                `VECTOR_TO_STRING(${at})`,
              ),
          ),
        ]),
  ];
}
