import { expect, it } from 'vitest';
import { readNativeColumns } from '../../../services/connectors/mysql/catalog/native-columns.ts';
import { toLogical } from '../../../services/connectors/mysql/types/to-logical.ts';
import { mapType } from '../../../services/connectors/mysql/types/to-native.ts';
import type { LogicalType } from '../../../shared/schema/logical-type.ts';
import { openMysql } from '../../support/mysql-log.ts';
import { describeMysql } from '../../support/mysql-servers.ts';

const string = { kind: 'string', length: 20, fixed: false, comparison: 'bytes' } as const;
const precisions = [0, 3, 6, 9];
const TYPES: readonly LogicalType[] = [
  { kind: 'boolean' },
  ...([8, 16, 24, 32, 64] as const).flatMap((bits) =>
    [true, false].map((signed) => ({ kind: 'integer', bits, signed }) as const),
  ),
  ...([32, 64] as const).map((bits) => ({ kind: 'float', bits }) as const),
  ...(
    [
      ...[
        [null, null],
        [65, 30],
        [66, 0],
        [40, 31],
        [10, 0],
        [3, -2],
        [2, 5],
        [1000, 0],
      ],
      ...[
        [1, 1],
        [64, -2],
      ],
    ] as const
  ).map(([precision, scale]) => ({ kind: 'decimal', precision, scale }) as const),
  ...[string, { ...string, length: null }, { ...string, length: 5000 }, { ...string, fixed: true }],
  ...(['padded', 'folded'] as const).map((comparison) => ({ ...string, comparison })),
  { kind: 'bytes', length: null, fixed: false },
  ...[1, 255, 256, 3072, 3073].flatMap((length) =>
    [true, false].map((fixed) => ({ kind: 'bytes', length, fixed }) as const),
  ),
  { kind: 'date' },
  ...precisions.flatMap((precision) => [
    { kind: 'time', precision, zone: false, duration: false } as const,
    { kind: 'time', precision, zone: true, duration: false } as const,
    { kind: 'time', precision, zone: false, duration: true } as const,
    { kind: 'timestamp', precision, zone: false } as const,
    { kind: 'timestamp', precision, zone: true } as const,
  ]),
  { kind: 'interval' },
  { kind: 'uuid' },
  { kind: 'json', exact: true },
  { kind: 'json', exact: false },
  { kind: 'enum', name: null, labels: ['b', "it's", 'x\\y', 'ä', ''] },
  { kind: 'enum', name: null, labels: ['space '] },
  { kind: 'enum', name: null, labels: ['😀'] },
  { kind: 'enum', name: null, labels: ['a', 'A'] },
  { kind: 'set', labels: ['a', 'B', 'b'] },
  { kind: 'set', labels: ['a,b'] },
  ...[1, 64, 65, null].flatMap((length) =>
    [true, false].map((varying) => ({ kind: 'bits', length, varying }) as const),
  ),
  { kind: 'array', element: { kind: 'date' } },
  { kind: 'document' },
  { kind: 'objectId' },
  { kind: 'geometry', shape: null, srid: null },
  { kind: 'geometry', shape: 'polygon', srid: 4326 },
  { kind: 'geometry', shape: 'pointz', srid: null },
  { kind: 'vector', dimensions: 3 },
  { kind: 'vector', dimensions: null },
  { kind: 'other', store: 'mariadb', name: 'inet6' },
  { kind: 'other', store: 'postgres', name: 'tsvector' },
];

describeMysql('a type for each logical one', (server) => {
  it('is one that the server has, and the same again where it fits exactly', async () => {
    const url = await server.createDatabase();
    const connection = await openMysql(url);
    const database = new URL(url).pathname.slice(1);
    for (const [at, type] of TYPES.entries()) {
      const mapping = mapType(type, connection.version);
      await connection.run('making', `CREATE TABLE t${at} (v ${mapping.native})`);
      const [column] = await readNativeColumns(connection, database, `t${at}`);
      if (mapping.fit === 'exact') {
        expect([mapping.native, toLogical(column!.type)]).toEqual([mapping.native, type]);
        expect(mapping.note).toBeNull();
      } else expect(mapping.note).not.toBeNull();
    }
  });

  it('needs consent only where values come out changed', async () => {
    const { version } = await openMysql(server.url);
    const lossy = TYPES.filter((type) => mapType(type, version).fit === 'lossy');
    const kinds = new Set(lossy.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(
      server.flavour === 'mysql' ? ['json', 'time', 'timestamp'] : ['time', 'timestamp'],
    );
  });
});
