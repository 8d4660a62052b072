import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectorFor } from '../../services/connectors/registry.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import type { SinkCapabilities } from '../../shared/connector/connector.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import type { RelationPlan } from '../../shared/change/relation.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { RowReader } from '../../shared/connector/row-reader.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import { createSourceRows } from '../../shared/connector/source-rows.ts';
import { createCardSource } from './card-store/card-source.ts';
import { queryPostgres, useTargetPostgres } from '../support/servers.ts';
import { serveStore } from '../support/served-store.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { readWrittenFolder } from '../support/written-folder.ts';
import { CardDatabase } from './card-store/card-database.ts';
import { CARD_SINK, createCardSink } from './card-store/card-sink.ts';
import { FORBIDDEN, type OpenStore, type SinkSubject, type SinkTraits } from './sink-subject.ts';
import { registerQuarantineSuite } from './quarantine-suite.ts';
import { registerSinkSuite } from './sink-suite.ts';
import { registerValueSuite } from './value-suite.ts';

/** Of another store: all that it knows of the table is in the relation. */
const plan: RelationPlan = {
  relation: {
    namespace: 'public.item',
    columns: [
      { name: 'id', type: 'bigint', encoding: 'text' },
      { name: 'name', type: 'text', encoding: 'text' },
    ],
    key: [0],
    identity: 'key',
    order: 'key',
  },
  definition: null,
};

const target = useTargetPostgres();

async function builtIn(url: string, stateFolder: string): Promise<(traits?: SinkTraits) => Sink> {
  const connector = await connectorFor(url);
  const options: SinkOptions = {
    pipeline: 'conformance',
    url,
    log: silentLog(),
    create: 'missing',
    map: {},
    order: 'key',
    workers: 2,
    stateFolder,
    onBadRow: 'stop',
  };
  return (traits = {}) => connector.createSink!({ ...options, ...traits });
}

async function capabilities(url: string): Promise<SinkCapabilities> {
  return (await connectorFor(url)).getInfo().sink!;
}

async function openFolder(
  urlOf: (folder: string) => string,
): Promise<{ folder: string; open: OpenStore }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-conformance-'));
  const sink = await builtIn(urlOf(folder), folder);
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { folder, open: { plan, dataType: TUPLES, sink, refusing: null, rows: null, close } };
}

async function itemsAt(url: string): Promise<Map<string, string | null>> {
  const items = await queryPostgres(url, 'SELECT id::text, name FROM public.item');
  return new Map(items.map(({ id, name }) => [id as string, name as string | null]));
}

function readerAt(url: string): () => Promise<RowReader> {
  return async () => {
    const connector = await connectorFor(url);
    const readPlan = () => Promise.resolve(null);
    const options = { pipeline: 'conformance', url, log: silentLog() };
    return connector.createRowReader!({ ...options, mode: 'snapshot+changes', readPlan });
  };
}

function refusalsOf(url: string): OpenStore['refusing'] {
  const table = 'ALTER TABLE public.item';
  return {
    forbid: async () =>
      void (await queryPostgres(url, `${table} ADD CONSTRAINT fit CHECK (name <> '${FORBIDDEN}')`)),
    allow: async () => void (await queryPostgres(url, `${table} DROP CONSTRAINT fit`)),
  };
}

const subjects: SinkSubject[] = [
  {
    kind: 'null:',
    can: await capabilities('null:'),
    types: null,
    open: async () => (await openFolder((folder) => `null:?state=${folder}/state`)).open,
  },
  {
    kind: 'file:',
    can: await capabilities('file:/'),
    types: 'all',
    open: async () => {
      const { folder, open } = await openFolder((each) => `file:${each}`);
      const rows = async () => {
        const items = (await readWrittenFolder(folder)).get('public.item')?.values() ?? [];
        return new Map([...items].map(({ id, name }) => [String(id), name as string | null]));
      };
      return { ...open, rows, reader: readerAt(`file:${folder}`) };
    },
  },
  {
    kind: 'PostgreSQL',
    can: await capabilities('postgres://host/db'),
    types: 'all',
    open: async () => {
      const url = await target.createDatabase();
      const sink = await builtIn(url, tmpdir());
      const rows = () => itemsAt(url);
      const refusing = refusalsOf(url);
      const close = () => Promise.resolve();
      return { plan, dataType: TUPLES, sink, refusing, rows, reader: readerAt(url), close };
    },
  },
  {
    kind: 'a served PostgreSQL over gRPC',
    can: await capabilities('grpc://host:1'),
    types: 'all',
    emptiesNothing: true,
    open: async () => {
      const url = await target.createDatabase();
      await queryPostgres(url, 'CREATE TABLE public.item (id bigint PRIMARY KEY, name text)');
      const server = await serveStore(url);
      const { open } = await openFolder(() => `grpc://${server.address}`);
      const makeTables = async (relations: readonly Relation[]): Promise<void> => {
        for (const { namespace, columns } of relations)
          await queryPostgres(
            url,
            `CREATE TABLE ${namespace} (id bigint PRIMARY KEY, v ${columns[1]!.type})`,
          );
      };
      const reader = readerAt(`grpc://${server.address}`);
      return { ...open, refusing: refusalsOf(url), rows: () => itemsAt(url), reader, makeTables };
    },
  },
  {
    kind: 'a box of cards',
    can: CARD_SINK,
    types: ['smallint', 'integer', 'bigint', 'text'],
    open: () => {
      const database = new CardDatabase();
      const rows = () => {
        const cards = [...database.box('public.item').cards.values()];
        return Promise.resolve(
          new Map(cards.map(({ id, name }) => [String(id), name as string | null])),
        );
      };
      return Promise.resolve({
        plan,
        dataType: TUPLES,
        sink: ({ onBadRow = 'stop', retrySteps } = {}) =>
          createCardSink(database, 'conformance', {
            onBadRow,
            log: silentLog(),
            ...(retrySteps && { retrySteps }),
          }),
        refusing: {
          forbid: () => Promise.resolve(void database.forbidden.add(FORBIDDEN)),
          allow: () => Promise.resolve(database.forbidden.clear()),
        },
        rows,
        reader: () => createSourceRows(createCardSource(database), 'all'),
        close: () => Promise.resolve(),
      });
    },
  },
];

for (const subject of subjects) {
  registerSinkSuite(subject);
  registerQuarantineSuite(subject);
  registerValueSuite(subject);
}
