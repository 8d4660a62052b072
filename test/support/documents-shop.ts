import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON, Decimal128, Double, Int32, ObjectId } from 'bson';
import { onTestFinished } from 'vitest';
import { AdiomStore, type Document, partOf } from './adiom-store.ts';
import { startTransformPeer } from './transform-peer.ts';

const TOKEN_KEY = 'a key of the tests alone';
const DOCUMENTS = 900;
export const PEOPLE = 'app.people';
export const ORDERS = 'app.orders';
export const SCORES = 'app.scores';

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
export const EXPECTED: Record<string, (document: Document) => Document | null> = {
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

/** Documents of three namespaces, which change to order. */
export class DocumentShop {
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

/** A pipeline from such a shop through steps of many kinds, and what is needed to run it; ends with the test. */
export async function transformedShop(target: string, name: string) {
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
    shop: new DocumentShop(store),
    file,
    state,
    options: { env: { TOKEN_KEY, WEIR_STATE_DIR: state } },
  };
}

/** With the types of BSON, told apart by their ids; jsonb does not keep the order of fields. */
export function exactById(documents: Document[]): Map<string, unknown> {
  const exact = (value: unknown): unknown =>
    JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
  return new Map(documents.map(exact).map((each) => [idText(each as Document), each]));
}

export function idText(document: Document): string {
  return JSON.stringify(document['_id']);
}
