import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { connectorFor } from '../../services/connectors/registry.ts';
import { createRandom } from '../../infra/demo/random.ts';
import { createStreamedVerifiers } from '../../services/verifier/streamed-verifiers.ts';
import { verifyPipeline, type VerifyReport } from '../../services/verifier/verify-pipeline.ts';
import { AdiomStore } from '../support/adiom-store.ts';
import { copyThrough } from '../support/copied-through.ts';
import { BSON_KINDS, edgesOf, randomDocument } from '../support/random-document.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const server = usePostgres();
const NAMESPACE = 'app.documents';
const RANDOM = 300;

async function compare(from: string, to: string): Promise<VerifyReport> {
  const [source, target] = [await connectorFor(from), await connectorFor(to)];
  const options = { pipeline: 'documents', log: silentLog(), mode: 'snapshot' as const, readPlan: () => Promise.resolve(null) }; // prettier-ignore
  const verifiers = createStreamedVerifiers(
    {
      source: source.createRowReader!({ ...options, url: from }),
      target: target.createRowReader!({ ...options, url: to }),
    },
    {},
  );
  const spec = { name: 'documents', source: { namespaces: [NAMESPACE] }, map: {} };
  const report = await verifyPipeline(spec, verifiers, { settleMs: 0 });
  await Promise.all([verifiers.source.close(), verifiers.target.close()]);
  return report;
}

it('documents with every type of BSON come through every store that takes them as they were, and damage to one is found', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`documents through stores: WEIR_SEED=${seed}\n`);
  const pick = createRandom(seed);
  const documents = [
    ...BSON_KINDS.map((kind, i) => edgesOf(kind, i)),
    ...Array.from({ length: RANDOM }, (_, i) => randomDocument(pick, 1_000 + i)),
  ];
  const store = await AdiomStore.start({ pageSize: 100 });
  onTestFinished(() => store.stop());
  store.loadBytes(NAMESPACE, documents);
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-documents-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const state = path.join(folder, 'state');
  const differences = async (to: string): Promise<unknown[]> =>
    (await compare(store.url, to)).namespaces.flatMap(({ differences, unsettled, state, rows }) => {
      const others = state === 'equal' || state === 'different' ? unsettled : [state];
      return [...differences, ...others, ...(rows === documents.length ? [] : [`${rows} rows`])];
    });

  const other = await AdiomStore.start();
  onTestFinished(() => other.stop());
  await copyThrough(store.url, other.url, state);
  expect(other.bytesOf(NAMESPACE)).toEqual(documents);
  expect(await differences(other.url)).toEqual([]);

  const files = `file:${folder}/files`;
  await copyThrough(store.url, files, state);
  expect(await differences(files)).toEqual([]);

  const [direct, byFiles] = [await server.createDatabase(), await server.createDatabase()];
  await copyThrough(store.url, direct, state);
  expect(await differences(direct)).toEqual([]);
  await copyThrough(files, byFiles, state);
  expect(await differences(byFiles)).toEqual([]);

  await queryPostgres(
    direct,
    `UPDATE app.documents SET document = jsonb_set(document, '{damaged}', '1') WHERE _id->>'$numberInt' = '1003';
     UPDATE app.documents SET document = '"none"' WHERE _id->>'$numberInt' = '1004';
     UPDATE app.documents SET document = jsonb_set(document, '{f0}', '{"$numberLong": "0"}') WHERE document @> '{"f2": {"$numberInt": "-2147483648"}}';
     DELETE FROM app.documents WHERE _id->>'$numberInt' = '1005';
     UPDATE app.documents SET _id = '"other"' WHERE _id->>'$numberInt' = '1006'`,
  );
  const found = await differences(direct);
  const id = (value: number): string => `{"$numberInt":"${value}"}`;
  const int32 = BSON_KINDS.indexOf('int32');
  expect(found).toEqual(
    expect.arrayContaining([
      { key: id(1003), kind: 'different' },
      { key: id(1004), kind: 'missing at target' },
      { key: id(1005), kind: 'missing at target' },
      { key: id(1006), kind: 'missing at target' },
      { key: id(int32), kind: 'different' },
      { key: '"other"', kind: 'extra at target' },
    ]),
  );
  expect(found).toHaveLength(7);
});
