import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'nats';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import type { Summary } from '../../services/control/api/answers.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { columnOffsets, toTuple } from '../../shared/change/tuple.ts';
import { fromDocument } from '../../shared/document/from-document.ts';
import { toDocument } from '../../shared/document/to-document.ts';
import { RowCodec, ValueRefusal } from '../../shared/row/canonical/row-codec.ts';
import { ODD_TYPES, oddTexts } from '../support/odd-texts.ts';
import { documentRelation, toDocumentRow } from '../../shared/document/document-relation.ts';
import { leaseBucket } from '../../shared/hub/names.ts';
import { BSON } from 'bson';
import { createNoise, spoilBucket } from '../support/bus-noise.ts';
import { ControlClient } from '../support/control-client.ts';
import { dumpTable } from '../support/psql.ts';
import { scrape } from '../support/scrape.ts';
import {
  leaveOut,
  majorVersion,
  queryPostgres,
  useNats,
  usePostgres,
  useTargetPostgres,
} from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const nats = useNats();
const weir = useWeir();

const MESSAGES = 3_000;
const LANES = 2;

it('whatever is sent on the bus, every service goes on, both ends come to be equal, and what was refused is counted', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`noise on the bus: WEIR_SEED=${seed}\n`);
  const env = { WEIR_NATS_URL: nats.url };
  const pipeline = await createPipeline(source, target, { lanes: LANES });
  const { sourceUrl, targetUrl, name } = pipeline;
  await queryPostgres(
    sourceUrl,
    'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 500) i',
  );
  const state = await mkdtemp(path.join(tmpdir(), 'weir-noise-'));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const port = await findFreePort();
  const metrics = ['--metrics-listen', String(port)];
  const control = weir.start(['control', '--listen', '0', '--state', state, ...metrics], { env });
  const run = weir.start(['run', pipeline.file], { env });
  const client = new ControlClient(
    /http:\S+/.exec(await control.waitForLine(/control: http:/))![0],
  );
  const equal = async (): Promise<boolean> =>
    (await dumpTable(targetUrl, 't')).join() === (await dumpTable(sourceUrl, 't')).join();
  await waitFor('the copy', equal, { timeoutMs: 60_000, everyMs: 200 });

  const nc = await connect({ servers: nats.url.replace('nats://', '') });
  onTestFinished(() => nc.close());
  const noise = createNoise(name, LANES, seed);
  // What a service answers to noise is not waited for.
  for (let sent = 0; sent < MESSAGES; sent++) {
    const { subject, bytes, isRequest } = noise();
    nc.publish(subject, bytes, isRequest ? { reply: 'noise.answers' } : {});
    if (sent % (MESSAGES / 10) !== 0) continue;
    await nc.flush();
    await spoilBucket(nc, leaseBucket(name), LANES, seed + sent);
    await queryPostgres(sourceUrl, `UPDATE t SET n = ${sent} WHERE id % 7 = ${sent % 7}`);
  }
  await nc.flush();
  await queryPostgres(sourceUrl, 'UPDATE t SET n = n + 1; DELETE FROM t WHERE id % 10 = 0');
  await waitFor('both ends to be equal', equal, { timeoutMs: 90_000, everyMs: 200 });

  expect([run.running, control.running], run.output + control.output).toEqual([true, true]);
  await client.until<Summary>(`/v1/pipelines/${name}`, 'the pipeline in order', (summary) =>
    ['idle', 'following'].includes(summary.state),
  );
  const refused = (await scrape(port)).filter((sample) => sample.name === 'weir_messages_refused_total'); // prettier-ignore
  expect(refused.map(({ labels }) => labels['kind'])).toContain('status');
  expect(run.output + control.output).not.toMatch(/defect/);
  expect((await run.stop()).code).toBe(0);
  expect((await control.stop()).code).toBe(0);
});

it('names of the pipeline file that match nothing are refused, also where no check was made', async () => {
  const pipeline = await createPipeline(source, target, {
    map: { 'public.ordres': 'public.orders' },
    transforms: [{ on: ['public.typo_*'], truncate: { note: 3 } }],
  });
  await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE orders (id int PRIMARY KEY, note text)');
  const env = { WEIR_NATS_URL: nats.url };
  const told = /map renames public\.ordres.*transforms\[0\]\.on has public\.typo_\*/s;
  const checked = await weir.run(['check', pipeline.file], { env });
  expect([checked.code, checked.stdout.replaceAll(/\s+/g, ' ')]).toEqual([1, expect.stringMatching(/map: renames public\.ordres/)]); // prettier-ignore
  const service = (name: string) =>
    weir.start(['service', name, '--pipeline', pipeline.file], { env });
  const writer = service('target-writer');
  const reader = await service('source-reader').exited;
  expect(reader.stderr).toMatch(told);
  expect(reader.code).toBe(2);
  expect((await writer.stop()).code).toBe(0);
  expect(await queryPostgres(pipeline.targetUrl, "SELECT FROM pg_tables WHERE schemaname = 'public'")).toEqual([]); // prettier-ignore
});

it('namespaces that are not named as tables are go where map says', async () => {
  const url = await target.createDatabase();
  await queryPostgres(url, 'CREATE TABLE kv (_id text PRIMARY KEY, n int)');
  const map = { ns0: 'public.ns0', 'kv.csv': 'public.kv' };
  const pipeline = await SinkPipeline.create(await source.createDatabase(), url, { map });
  onTestFinished(() => pipeline.close());
  for (const namespace of Object.keys(map))
    pipeline.plan.namespaces.push({
      relation: documentRelation(namespace),
      definition: null,
      start: FIRST_POSITION,
      settled: FIRST_POSITION,
      state: 'new',
      chunks: [],
      chunksDone: 0,
      rowsDone: 0,
    });
  expect(
    (await pipeline.sink.check(pipeline.plan.namespaces)).filter(({ level }) => level === 'error'),
  ).toEqual([]);
  await pipeline.start();
  const row = toDocumentRow(BSON.serialize({ _id: 'a' }), BSON.serialize({ _id: 'a', n: 1 }));
  const changes = Object.keys(map).map((namespace) => ({
    relation: documentRelation(namespace),
    upserts: [row],
    partial: [],
    deletes: [],
  }));
  await pipeline.sink.writeUpdates({ ...(await pipeline.batch(0, {})), changes });
  expect(await dumpTable(url, 'kv')).toEqual(['a\t1']);
  expect(await dumpTable(url, 'ns0')).toEqual([expect.stringMatching(/^"a"\t/)]);
});

it('no text is taken for another value than the one the database reads, and whatever the database writes is taken', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`odd texts: WEIR_SEED=${seed}\n`);
  const url = await target.createDatabase();
  await queryPostgres(
    url,
    `CREATE FUNCTION read(given text, type text) RETURNS text LANGUAGE plpgsql AS $$
     DECLARE value text;
     BEGIN EXECUTE format('SELECT (%L::text)::%s::text', given, type) INTO value; RETURN value;
     EXCEPTION WHEN others THEN RETURN NULL; END $$`,
  );
  const read = async (texts: string[], type: string): Promise<(string | null)[]> =>
    (
      await queryPostgres(
        url,
        'SELECT read(given, $2) AS value FROM unnest($1::text[]) WITH ORDINALITY u(given, n) ORDER BY n',
        [texts, type],
      )
    ).map(({ value }) => value as string | null);
  const version = await majorVersion(url);
  const types = ODD_TYPES.filter(
    (type) =>
      version >= 15 || type !== 'numeric(5,-2)' || leaveOut(version, type, 'no negative scales'),
  );
  const hasInfinity =
    version >= 14 || leaveOut(version, 'infinite numbers of numeric', 'it has none');
  for (const [n, type] of types.entries()) {
    const texts = oddTexts(type, 400, seed + n).filter(
      (text) => hasInfinity || type !== 'numeric' || !/inf/i.test(text),
    );
    const known = await read(texts, type);
    const taken = texts.map((text) => throughDocument(type, text));
    const readBack = await read(
      taken.map((text) => text ?? ''),
      type,
    );
    // Some of what it prints (`10:00:00-30`) it does not read itself.
    const again = await read(
      known.map((text) => text ?? ''),
      type,
    );
    const own = known.map((text) => (text === null ? null : throughDocument(type, text)));
    const ownBack = await read(
      own.map((text) => text ?? ''),
      type,
    );
    for (const [i, text] of texts.entries()) {
      const told = `${type}: ${JSON.stringify(text)}`;
      if (taken[i] !== null) expect(readBack[i], told).toBe(known[i] ?? 'refused');
      if (known[i] !== null && again[i] === known[i])
        expect(ownBack[i], `${told}, as the database writes it`).toBe(known[i]);
    }
  }
});

/** The text of a column as it comes out of a document again; null where it is refused. */
function throughDocument(type: string, text: string): string | null {
  const columns = [
    { name: 'id', type: 'integer' },
    { name: 'v', type },
  ];
  const relation: Relation = {
    namespace: 'public.t',
    columns: columns.map((column) => ({ ...column, encoding: 'text' })),
    key: [0],
    identity: 'key',
    order: 'key',
  };
  try {
    const read = new RowCodec(relation).write(['1', text]);
    expect(outcome(relation, text)).toBe('taken');
    const row = fromDocument(relation, toDocument(relation, read));
    expect(row).toEqual(read);
    return row.toString('utf8', columnOffsets(row)[1]! + 4);
  } catch (error) {
    if (!(error instanceof ValueRefusal)) throw error;
    expect([error.column, error.reason]).toEqual([1, expect.stringMatching(/^(it|its|an?|the) /)]);
    // Where a value that is taken apart was read nowhere before, it is refused too.
    if (!/json|text|date|time|interval/.test(type)) expect(outcome(relation, text)).toBe('refused');
    return null;
  }
}

function outcome(relation: Relation, text: string): string {
  try {
    toDocument(relation, toTuple(['1', text]));
    return 'taken';
  } catch (error) {
    expect(error).toMatchObject({ code: 'ROW_REFUSED' });
    expect(String(error)).toMatch(/the value of v is none of the type .* public\.t with id = 1/);
    return 'refused';
  }
}
