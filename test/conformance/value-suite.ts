import { describe, expect, it, onTestFinished } from 'vitest';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import type { Relation, RelationPlan } from '../../shared/change/relation.ts';
import { readTuple } from '../../services/connectors/file/row-text.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { LaneBatch } from '../../shared/connector/sink.ts';
import { fromDocumentRow, isDocumentRelation } from '../../shared/document/document-relation.ts';
import { fromDocument } from '../../shared/document/from-document.ts';
import { CANONICAL_EDGES } from './canonical-edges.ts';
import { at, NO_COUNTS } from './driven-sink.ts';
import type { SinkSubject } from './sink-subject.ts';

/** What a value that came by a change has as its key, behind that of the same value in the copy. */
const CHANGED = 1_000;

/** What every store that can be read again promises of values: they come back as they came, whichever way. */
export function registerValueSuite({ kind, types, open }: SinkSubject): void {
  if (types === null) return;
  describe(`values at ${kind}`, () => {
    it('of every type that it takes come back as they were, copied and changed alike, for a comparison of both ends', async () => {
      const store = await open();
      onTestFinished(() => store.close());
      const tables = Object.entries(CANONICAL_EDGES)
        .filter(([type]) => types === 'all' || types.includes(type))
        .map(([type, edges], i) => ({ plan: planOf(i, type), values: [null, ...edges] }));
      expect(tables.length).toBeGreaterThan(1);
      await store.makeTables?.(tables.map(({ plan }) => plan.relation));
      const sink = store.sink();
      onTestFinished(() => sink.close());
      const chunks = tables.map(({ plan }, i) => ({
        ...{ id: i + 1, namespace: plan.relation.namespace, cursor: null, how: 'load' as const },
        ...{ dataType: store.dataType, estimatedBytes: 1 },
      }));
      const plan: PipelinePlan = {
        ...{ identity: 'x', start: FIRST_POSITION, snapshot: null, lanes: 1 },
        namespaces: tables.map((table, i) => ({
          ...table.plan,
          ...{ start: FIRST_POSITION, settled: FIRST_POSITION, state: 'new' as const },
          ...{ chunks: [chunks[i]!], chunksDone: 0, rowsDone: 0 },
        })),
      };
      const epoch = await sink.beginReader();
      await sink.savePlan(plan, epoch);
      for (const [i, { plan: of, values }] of tables.entries()) {
        const rows = rowsOf(values, 0);
        const head = { ...chunks[i]!, relation: of.relation, batchKey: () => `chunk ${i}` };
        const counts = { rows: () => rows.length, filtered: () => 0 };
        expect(await sink.writeData({ ...head, ...counts }, inOnePart(rows))).toBe('loaded');
      }
      await sink.finishNamespaces();
      const before = await sink.openLane(0);
      const batch: LaneBatch = {
        before,
        after: { ...before, readerEpoch: epoch, sequence: 1, position: at(1) },
        changes: tables.map(({ plan: { relation }, values }) => ({
          ...{ relation, upserts: rowsOf(values, CHANGED), partial: [], deletes: [] },
        })),
        counts: new Map(
          tables.map(({ plan: { relation }, values }) => [
            relation.namespace,
            { ...NO_COUNTS, inserts: values.length },
          ]),
        ),
      };
      await sink.writeUpdates(batch);

      const reader = await store.reader!();
      onTestFinished(() => reader.close());
      const names = tables.map(({ plan: { relation } }) => relation.namespace);
      const relations = await reader.relations('target', names);
      for (const { plan: of, values } of tables) {
        const { namespace, columns } = of.relation;
        const relation = relations.find((each) => each.namespace === namespace)!;
        const found = new Map<number, unknown>();
        const places = isDocumentRelation(relation) ? columns : relation.columns;
        const [id, v] = ['id', 'v'].map((name) => places.findIndex((each) => each.name === name));
        const take = (tuple: Buffer): void => {
          const row = readTuple(isDocumentRelation(relation) ? ofDocument(of, tuple) : tuple);
          found.set(Number(row[id!]), row[v!]);
        };
        await reader.read(relation, take, new AbortController().signal);
        const expected = values.flatMap((value, i): [number, unknown][] => [
          [i, value],
          [i + CHANGED, value],
        ]);
        const byKey = (rows: Iterable<[number, unknown]>) => [...rows].sort(([a], [b]) => a - b);
        expect(byKey(found), columns[1]!.type).toEqual(byKey(expected));
      }
    });
  });
}

function planOf(i: number, type: string): RelationPlan {
  const relation: Relation = {
    namespace: `public.value_${i}`,
    columns: [
      { name: 'id', type: 'bigint', encoding: 'text' },
      { name: 'v', type, encoding: 'text' },
    ],
    key: [0],
    identity: 'key',
    order: 'key',
  };
  return { relation, definition: null };
}

/** As `weir verify` does where one end has documents. */
function ofDocument({ relation }: RelationPlan, row: Buffer): Buffer {
  return fromDocument(relation, fromDocumentRow(row).document, { absent: 'null' });
}

function rowsOf(values: readonly (string | null)[], from: number): Buffer[] {
  return values.map((value, i) => toTuple([String(from + i), value]));
}

async function* inOnePart(rows: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.concat(rows));
}
