import type { LaneBatch } from '../../../shared/connector/sink.ts';
import type { Store } from '../../../shared/connector/store.ts';
import type { CardDatabase } from './card-database.ts';
import { writerOf } from './card-sink.ts';
import { relationOf, tupleOf } from './card-source.ts';
import { toCard } from './card-values.ts';

/** The cards as a store for programs of their own progress: so that it can be served, and written by other processes. */
export function createCardStore(database: CardDatabase): Store {
  const rows = writerOf(database);
  return {
    readIdentity: () => Promise.resolve('cards'),
    reader: null,
    writer: {
      relationOf(namespace) {
        const box = database.boxes.get(namespace);
        return Promise.resolve(box === undefined ? null : relationOf(namespace, box));
      },
      /** A place of a card of which nothing was said is empty. */
      fillAbsent: (relation, tuples) =>
        Promise.resolve(tuples.map((tuple) => tupleOf(relation, toCard(relation, tuple)))),
      async write(changes) {
        const batch = { changes: [changes] } as unknown as LaneBatch;
        await database.transaction(() => rows.apply(batch));
      },
      count: () => Promise.resolve(),
    },
    close: () => Promise.resolve(),
  };
}
