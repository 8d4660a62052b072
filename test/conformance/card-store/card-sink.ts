import { TupleSplitter } from '../../../shared/change/tuple-splitter.ts';
import type { SinkCapabilities } from '../../../shared/connector/connector.ts';
import type { LaneBatch, Sink } from '../../../shared/connector/sink.ts';
import type { Barrier } from '../../../shared/change/barrier.ts';
import type { RowWriter } from '../../../shared/state/row-sink.ts';
import { sinkOver, type SinkOverOptions } from '../../../shared/state/sink-over.ts';
import { silentLog } from '../../support/sink-pipeline.ts';
import type { CardDatabase } from './card-database.ts';
import { CardState } from './card-state.ts';
import { kindsOf, nameOf, nameOfKey, toCard } from './card-values.ts';

export const CARD_SINK: SinkCapabilities = {
  state: 'transaction',
  ddl: 'apart',
  rows: 'kept',
  readsBack: true,
};

export function createCardSink(
  database: CardDatabase,
  pipeline: string,
  options: SinkOverOptions = { onBadRow: 'stop', log: silentLog() },
): Sink {
  const rows = writerOf(database);
  return sinkOver(
    CARD_SINK,
    new CardState(database, pipeline),
    {
      ...rows,
      check: () => Promise.resolve([]),
      async prepare(plan, known) {
        for (const { relation, state } of plan.namespaces) {
          const { namespace } = relation;
          if (known?.has(namespace) !== true) await database.makeBox(namespace, kindsOf(relation));
          else if (state === 'restart') await database.emptyBox(namespace);
        }
        return [];
      },
      transaction: (work) =>
        database.transaction(() => work({ state: new CardState(database, pipeline, true), rows })),
      close: () => Promise.resolve(),
    },
    options,
  );
}

export function writerOf(database: CardDatabase): RowWriter {
  return {
    async load({ relation }, parts) {
      const splitter = new TupleSplitter();
      for await (const part of parts)
        for (const tuple of splitter.take(part)) {
          const card = toCard(relation, tuple);
          database.put(relation.namespace, nameOf(relation, card), card);
        }
    },
    apply({ changes }: LaneBatch) {
      for (const { relation, deletes, upserts, partial } of changes) {
        const { cards } = database.box(relation.namespace);
        for (const key of deletes) cards.delete(nameOfKey(relation, key));
        for (const tuple of [...upserts, ...partial]) {
          const card = toCard(relation, tuple);
          const name = nameOf(relation, card);
          const before = cards.get(name);
          if (before !== undefined || upserts.includes(tuple))
            database.put(relation.namespace, name, { ...before, ...card });
        }
      }
      return Promise.resolve(undefined);
    },
    async runBarrier(_: LaneBatch, barrier: Barrier) {
      switch (barrier.kind) {
        case 'truncate':
          for (const { namespace } of barrier.relations) await database.emptyBox(namespace);
          return;
        case 'relation':
          return database.makeBox(
            barrier.after.relation.namespace,
            kindsOf(barrier.after.relation),
          );
        case 'move': {
          const { relation, moves } = barrier;
          const { cards } = database.box(relation.namespace);
          for (const move of moves) {
            const old = nameOfKey(relation, Buffer.from(move.key, 'base64'));
            const card = {
              ...cards.get(old),
              ...toCard(relation, Buffer.from(move.row, 'base64')),
            };
            cards.delete(old);
            database.put(relation.namespace, nameOf(relation, card), card);
          }
        }
      }
    },
  };
}
