import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectorFor } from '../../services/connectors/registry.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { readWrittenFolder } from '../support/written-folder.ts';
import { CardDatabase } from './card-store/card-database.ts';
import { createCardSink } from './card-store/card-sink.ts';
import { createCardSource } from './card-store/card-source.ts';
import { registerPairSuite } from './pair-suite.ts';
import type { Items, SourceSubject, TargetSubject } from './pair-subject.ts';

const TABLE = 'public.item';
const source = usePostgres();
const target = useTargetPostgres();

const itemsOf = (rows: Iterable<Record<string, unknown>>): Items =>
  new Map([...rows].map(({ id, name }) => [String(id), name as string | null]));

const cardsOf = (database: CardDatabase) => () =>
  Promise.resolve(itemsOf(database.box(TABLE).cards.values()));

async function builtInSink(url: string, stateFolder: string): Promise<(name: string) => Sink> {
  const connector = await connectorFor(url);
  return (pipeline) =>
    connector.createSink!({
      pipeline,
      url,
      log: silentLog(),
      create: 'missing',
      map: {},
      order: 'key',
      workers: 2,
      stateFolder,
      onBadRow: 'stop',
    });
}

const sources: SourceSubject[] = [
  {
    kind: 'PostgreSQL',
    open: async () => {
      const url = await source.createDatabase();
      await queryPostgres(url, 'CREATE TABLE item (id bigint PRIMARY KEY, name text)');
      const connector = await connectorFor(url);
      const put =
        'INSERT INTO item VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name';
      return {
        source: (pipeline) => connector.createSource!({ pipeline, url, log: silentLog() }),
        put: async (id, name) => void (await queryPostgres(url, put, [id, name])),
        remove: async (id) =>
          void (await queryPostgres(url, 'DELETE FROM item WHERE id = $1', [id])),
        rows: async () => itemsOf(await queryPostgres(url, 'SELECT * FROM item')),
        close: () => Promise.resolve(),
      };
    },
  },
  {
    kind: 'cards',
    open: async () => {
      const database = new CardDatabase();
      await database.makeBox(
        TABLE,
        new Map([
          ['id', 'whole'],
          ['name', 'words'],
        ]),
      );
      const nameOf = (id: string): string => JSON.stringify([id]);
      return {
        source: () => createCardSource(database),
        put: (id, name) => database.turn(TABLE, nameOf(id), { id: BigInt(id), name }),
        remove: (id) => database.turn(TABLE, nameOf(id), null),
        rows: cardsOf(database),
        close: () => Promise.resolve(),
      };
    },
  },
];

const targets: TargetSubject[] = [
  {
    kind: 'PostgreSQL',
    dataType: TUPLES,
    open: async () => {
      const url = await target.createDatabase();
      const sink = await builtInSink(url, tmpdir());
      const rows = async () => itemsOf(await queryPostgres(url, `SELECT * FROM ${TABLE}`));
      return { sink, rows, close: () => Promise.resolve() };
    },
  },
  {
    kind: 'cards',
    dataType: TUPLES,
    open: () => {
      const database = new CardDatabase();
      const sink = (pipeline: string): Sink => createCardSink(database, pipeline);
      return Promise.resolve({ sink, rows: cardsOf(database), close: () => Promise.resolve() });
    },
  },
  {
    kind: 'files',
    dataType: TUPLES,
    open: async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'weir-conformance-'));
      const rows = async () =>
        itemsOf((await readWrittenFolder(folder)).get(TABLE)?.values() ?? []);
      const sink = await builtInSink(`file:${folder}`, folder);
      return { sink, rows, close: () => rm(folder, { recursive: true, force: true }) };
    },
  },
];

for (const from of sources) for (const to of targets) registerPairSuite(from, to);
