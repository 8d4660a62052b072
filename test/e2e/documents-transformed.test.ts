import { createHmac } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON, Decimal128, Double, Int32, ObjectId } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { PipelineLedger } from '../../shared/ledger/pipeline-ledger.ts';
import { AdiomStore, type Document, partOf } from '../support/adiom-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { startTransformPeer } from '../support/transform-peer.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const weir = useWeir();
const postgres = usePostgres();
const TOKEN_KEY = 'a key of the tests alone';
const DOCUMENTS = 900;
const PEOPLE = 'app.people';
const ORDERS = 'app.orders';
const SCORES = 'app.scores';

const stepsWith = (transformer: string): object[] => [
  { on: [PEOPLE], tokenize: { fields: ['_id', 'email'], keyFrom: 'TOKEN_KEY' } },
  { on: [PEOPLE], drop: ['secret'] },
  { on: [PEOPLE], rename: { name: 'title' } },
  { on: [PEOPLE], redact: ['phone'] },
  { on: [ORDERS], filter: 'row.total >= 100' },
  { on: [ORDERS], set: { big: { cel: 'row.total > 500' } } },
  { on: [ORDERS], cast: { code: 'text' } },
  { on: [SCORES], grpc: { url: transformer } },
];

/** What the steps are to make of a document, done by other means; null: it is left out. */
const EXPECTED: Record<string, (document: Document) => Document | null> = {
  [PEOPLE]({ _id, email, secret: _, name, phone, ...rest }) {
    return {
      _id: token(Buffer.concat([Buffer.from([0xff, partOf('', _id).type]), partOf('', _id).data])),
      ...(email !== undefined && { email: token(Buffer.from(email as string)) }),
      ...(name !== undefined && { title: name }),
      ...(phone !== undefined && { phone: null }),
      ...rest,
    };
  },
  [ORDERS]({ code, ...document }) {
    const total = Number(document['total']);
    if (total < 100) return null;
    return { ...document, code: String(code), big: total > 500 };
  },
  [SCORES]: (document) =>
    Number(document['_id']) % 3 === 0
      ? null
      : { ...document, name: String(document['name']).toUpperCase() },
};

const token = (bytes: Buffer): string =>
  createHmac('sha256', TOKEN_KEY).update(bytes).digest('hex');

const person = (i: number): Document => ({
  _id: new Int32(i),
  email: `p${i}@example.org`,
  secret: 'hush',
  name: `person ${i}`,
  phone: '123',
  one: new Double(1),
  price: Decimal128.fromString('1.10'),
  nothing: null,
  at: new Date(1_700_000_000_000 + i),
  tag: new ObjectId(String(i).padStart(24, '0')),
});
const order = (i: number, total: number): Document => ({
  _id: new Int32(i),
  total: new Int32(total),
  code: new Int32(i),
});
const score = (i: number, name = `name ${i}`): Document => ({ _id: new Int32(i), name });

class Shop {
  readonly store: AdiomStore;
  #step = 0;

  constructor(store: AdiomStore) {
    this.store = store;
    for (let i = 1; i <= DOCUMENTS; i++) {
      store.load(PEOPLE, [person(i)]);
      store.load(ORDERS, [order(i, (i * 37) % 800)]);
      store.load(SCORES, [score(i)]);
    }
  }

  change(times: number): void {
    for (let i = 0; i < times; i++) {
      const n = ++this.#step;
      const id = 1 + ((n * 7) % (DOCUMENTS + 50));
      if (n % 6 === 0)
        for (const name of [PEOPLE, ORDERS, SCORES]) this.store.delete(name, new Int32(id));
      else {
        const changed = { name: `changed ${n}`, email: `e${n}`, secret: 'hush' };
        if (n % 2 === 0)
          this.store.patch(PEOPLE, new Int32(id), { ...changed, more: n }, ['phone', 'nothing']);
        else this.store.update(PEOPLE, { ...person(id), ...changed });
        this.store.update(ORDERS, order(id, (n * 53) % 800));
        this.store.update(SCORES, score(id, `changed ${n}`));
      }
    }
  }

  expected(namespace: string): Map<string, unknown> {
    return exactById(
      [...this.store.table(namespace).values()]
        .map(EXPECTED[namespace]!)
        .filter((document) => document !== null),
    );
  }
}

async function begin(target: string, name: string) {
  const store = await AdiomStore.start({
    streams: 2,
    partitions: 3,
    pageSize: 50,
    lsnStream: true,
  });
  onTestFinished(() => store.stop());
  const transformer = await startTransformPeer({
    transform: (document) =>
      document['_id'] % 3 === 0
        ? null
        : { ...document, name: String(document['name']).toUpperCase() },
  });
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-documents-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  await writeFile(
    file,
    JSON.stringify({
      name,
      source: { url: store.url, namespaces: [PEOPLE, ORDERS, SCORES] },
      target: { url: target },
      lanes: 2,
      transforms: stepsWith(transformer.url),
    }),
  );
  const state = path.join(folder, 'state');
  return {
    shop: new Shop(store),
    file,
    state,
    options: { env: { TOKEN_KEY, WEIR_STATE_DIR: state } },
  };
}

it('documents → transformer → grpc: end as the steps make them, partial updates and what enters and leaves among the changes, killed in the copy and while it follows', async () => {
  const target = await AdiomStore.start();
  onTestFinished(() => target.stop());
  const name = `documents-grpc-${process.pid}`;
  const { shop, file, state, options } = await begin(target.url, name);
  const ledger = new PipelineLedger(path.join(state, name));
  const counted = async (): Promise<number> =>
    Object.values((await ledger.readProgress())?.applied ?? {}).reduce(
      (sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes,
      0,
    );
  const check = await weir.run(['check', file], options);
  expect(check.code, check.stdout).toBe(0);
  expect(check.stdout).toMatch(/app\.orders.*partial update is a bad row/);

  shop.store.fault({ method: 'ListData', after: 12, times: 40, delayMs: 60 });
  const first = weir.start(['run', file], options);
  await waitFor('some documents are in', () => target.written.length > 0);
  shop.change(100);
  first.kill('SIGKILL');
  await first.exited;
  const second = weir.start(['run', file], options);
  await waitFor('some changes are in', async () => (await counted()) >= 60, { timeoutMs: 60_000 });
  shop.change(200);
  second.kill('SIGKILL');
  await second.exited;
  shop.change(50);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  for (const namespace of [PEOPLE, ORDERS, SCORES]) {
    const expected = shop.expected(namespace);
    expect(expected.size).toBeGreaterThan(300);
    expect(exactById([...target.table(namespace).values()])).toEqual(expected);
  }
  const tried = await weir.run(['transform', 'test', file, '--sample', '2'], options);
  expect(tried.code, tried.stderr).toBe(0);
  expect(tried.stdout).toMatch(/before _id=\d+ email="[^"]+" secret="hush"/);
  expect(tried.stdout).toMatch(/after {2}_id="[0-9a-f]{64}" email="[0-9a-f]{64}" title=/);
});

it('documents → transformer → postgres: end as the steps make them, in columns by name and in tables of whole documents, killed while it follows', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.orders (id int PRIMARY KEY, total bigint, code text, big boolean)',
  );
  const { shop, file, options } = await begin(url, `documents-pg-${process.pid}`);
  const first = weir.start(['run', file], options);
  const applied = 'SELECT coalesce(sum(updates), 0) AS n FROM weir.count';
  await waitFor('the copy is in', async () => {
    const found = await queryPostgres(url, `SELECT to_regclass('weir.count') AS known`);
    return found[0]?.['known'] !== null;
  });
  shop.change(150);
  await waitFor(
    'some changes are in',
    async () => Number((await queryPostgres(url, applied))[0]?.['n']) >= 30,
    { timeoutMs: 60_000 },
  );
  first.kill('SIGKILL');
  await first.exited;
  shop.change(100);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  for (const namespace of [PEOPLE, SCORES]) {
    const rows = await queryPostgres(url, `SELECT document::text AS document FROM ${namespace}`);
    const found = rows.map(
      ({ document }) => BSON.EJSON.parse(document as string, { relaxed: false }) as Document,
    );
    expect(exactById(found)).toEqual(shop.expected(namespace));
  }
  const orders = await queryPostgres(url, 'SELECT * FROM app.orders');
  const expected = [...shop.store.table(ORDERS).values()].flatMap((each) => {
    const made = EXPECTED[ORDERS]!(each);
    return made === null
      ? []
      : [[Number(made['_id']), String(made['total']), made['code'], made['big']]];
  });
  expect(orders.map(({ id, total, code, big }) => [id, String(total), code, big]).sort()).toEqual(
    expected.sort(),
  );
  const filtered = await queryPostgres(url, 'SELECT sum(filtered) AS n FROM weir.chunk');
  expect(Number(filtered[0]?.['n'])).toBeGreaterThan(300);
});

it('documents → transformer → file: come to what the steps make of them', async () => {
  const out = await mkdtemp(path.join(tmpdir(), 'weir-documents-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const { shop, file, options } = await begin(`file:${out}`, `documents-file-${process.pid}`);
  const first = weir.start(['run', file], options);
  await waitFor('rows are in', async () => (await readdir(out)).includes('_manifest.jsonl'));
  shop.change(100);
  await waitFor('some changes are in', async () =>
    (await readFile(path.join(out, '_manifest.jsonl'), 'utf8')).includes('"changes"'),
  );
  first.kill('SIGKILL');
  await first.exited;
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  const written = await readWrittenFolder(out);
  for (const namespace of [PEOPLE, ORDERS, SCORES]) {
    const documents = [...written.get(namespace)!.values()].map(({ document }) => document);
    expect(new Map(documents.map((each) => [idText(each as Document), each]))).toEqual(
      shop.expected(namespace),
    );
  }
});

/** With the types of BSON, told apart by their ids; jsonb does not keep the order of fields. */
function exactById(documents: Document[]): Map<string, unknown> {
  const exact = (value: unknown): unknown =>
    JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
  return new Map(documents.map(exact).map((each) => [idText(each as Document), each]));
}

function idText(document: Document): string {
  return JSON.stringify(document['_id']);
}
