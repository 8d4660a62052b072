import { TupleSplitter } from '../change/tuple-splitter.ts';
import { WeirError } from '../errors/weir-error.ts';
import type { RowReader } from './row-reader.ts';
import type { Source, SourceScope, SourceSession } from './source.ts';

/**
 * The rows of a store whose copies change nothing in it and are read anew from a plan of their own. `asks`: whether it can
 * say which namespaces it has, or has to be asked for them by name.
 */
export function createSourceRows(source: Source, asks: 'all' | 'names'): RowReader {
  const plan = async <T>(
    namespaces: readonly string[] | undefined,
    work: (session: SourceSession) => Promise<T>,
  ): Promise<T> => {
    const scope: SourceScope = { mode: 'snapshot', namespaces, lanes: 1 };
    const session = await source.open(scope, null, new AbortController().signal);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  };
  return {
    async relations(end, namespaces) {
      const isTarget = end === 'target';
      const asked = isTarget && asks === 'all' ? undefined : namespaces;
      const found = await plan(asked, async (session) =>
        session.plan.namespaces.map(({ relation }) => relation),
      );
      return found.filter(
        ({ namespace }) => !isTarget || namespaces === undefined || namespaces.includes(namespace),
      );
    },

    read: (relation, take, signal) =>
      plan([relation.namespace], async (session) => {
        for (const chunk of session.plan.namespaces.flatMap(({ chunks }) => chunks)) {
          const splitter = new TupleSplitter();
          const { refused = [] } = await session.listData(
            chunk,
            (bytes) => {
              for (const tuple of splitter.take(bytes)) take(tuple);
            },
            signal,
          );
          signal.throwIfAborted();
          if (refused[0] !== undefined) throw new WeirError('ROW_REFUSED', refused[0].message);
        }
      }),

    close: () => source.close(),
  };
}
