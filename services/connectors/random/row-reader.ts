import { setImmediate as turn } from 'node:timers/promises';
import type { RowReaderOptions } from '../../../shared/connector/end-options.ts';
import type { RowReader } from '../../../shared/connector/row-reader.ts';
import { ChangeLog } from './change-log.ts';
import { ChangeSchedule } from './change-schedule.ts';
import { RowGenerator } from './row-generator.ts';
import type { RandomSnapshot } from './session.ts';
import { parseRandomUrl } from './settings.ts';
import { relationsIn } from './source.ts';

const ROWS_PER_TURN = 10_000;

/**
 * The rows that there are by now: those before all changes with each change since the pipeline was made, worked out from
 * the seed. It holds the number of the last change of each row that has one.
 */
export function createRandomRowReader({ url, mode, readPlan }: RowReaderOptions): RowReader {
  const settings = parseRandomUrl(url);
  const schedule = new ChangeSchedule(settings);

  /** How many changes of all namespaces there are by now. */
  const countChanges = async (): Promise<number> => {
    if (mode === 'snapshot' || settings.changes === 0) return 0;
    // Only where they come with time does it matter since when.
    const plan = settings.rate === Infinity ? null : await readPlan();
    if (settings.rate !== Infinity && plan === null) return 0;
    const { madeAtMs } = (plan?.snapshot ?? { madeAtMs: 0 }) as RandomSnapshot;
    const log = new ChangeLog(settings, madeAtMs);
    return log.lastTransaction(Date.now()) * settings.transaction;
  };

  return {
    relations: (_end, namespaces) =>
      Promise.resolve(
        relationsIn(settings, { namespaces }).filter((relation) => relation !== undefined),
      ),

    async read({ namespace }, take, signal) {
      const all = relationsIn(settings, { namespaces: undefined });
      const place = all.findIndex((relation) => relation?.namespace === namespace);
      const changes = await countChanges();
      const own = Math.floor((changes - place - 1) / settings.namespaces) + 1;
      const versions = new Map<number, number>();
      let [first, last] = [1, settings.rows];
      for (let change = 1; change <= own; change++) {
        if (change % ROWS_PER_TURN === 0) await turn(undefined, { signal });
        const { kind, key } = schedule.changeOf(place, change);
        if (kind === 'delete') {
          first = key + 1;
          versions.delete(key);
        } else versions.set(key, change);
        if (kind === 'insert') last = key;
      }
      const rows = new RowGenerator(settings);
      for (let key = first; key <= last; key++) {
        if (key % ROWS_PER_TURN === 0) await turn(undefined, { signal });
        take(rows.row(place, key, versions.get(key) ?? 0));
      }
    },

    close: () => Promise.resolve(),
  };
}
