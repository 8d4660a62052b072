import type { ChangeKind } from '../../../shared/change/change-kind.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { RandomNumber } from './random-number.ts';
import type { RandomSettings } from './settings.ts';

/** Keys never change. */
export type ScheduledKind = Exclude<ChangeKind, 'move'>;

export interface ScheduledChange {
  kind: ScheduledKind;
  key: number;
}

/**
 * Which row each change of a namespace is about, worked out from its number alone, so that a reader may begin
 * anywhere. The kinds repeat in a run that the seed has shuffled; inserts take the next key, deletes the least one
 * there is, so the keys there are always follow each other without gaps, and an update takes any of them.
 */
export class ChangeSchedule {
  readonly #settings: RandomSettings;
  readonly #run: ScheduledKind[];
  /** How many of a kind there are before each place in the run, and in all of it. */
  readonly #inserts: number[];
  readonly #deletes: number[];

  /** Throws CONFIG_INVALID where there would be nothing left to change. */
  constructor(settings: RandomSettings) {
    this.#settings = settings;
    this.#run = shuffledRun(settings);
    this.#inserts = countBefore(this.#run, 'insert');
    this.#deletes = countBefore(this.#run, 'delete');
    this.#refuseEmptyTable();
  }

  /** The change of that number, from 1, of the namespace of that number, from 0. */
  changeOf(namespace: number, change: number): ScheduledChange {
    const { rows, seed } = this.#settings;
    const kind = this.#run[(change - 1) % this.#run.length]!;
    const inserted = this.#countBefore(this.#inserts, change);
    const deleted = this.#countBefore(this.#deletes, change);
    switch (kind) {
      case 'insert':
        return { kind, key: rows + inserted + 1 };
      case 'delete':
        return { kind, key: deleted + 1 };
      case 'update': {
        const random = new RandomNumber(seed, namespace, change);
        const there = rows + inserted - deleted;
        return { kind, key: deleted + 1 + random.below(Math.min(there, 2 ** 32 - 1)) };
      }
    }
  }

  #countBefore(before: readonly number[], change: number): number {
    const place = (change - 1) % this.#run.length;
    const runs = Math.floor((change - 1) / this.#run.length);
    return runs * before[this.#run.length]! + before[place]!;
  }

  #refuseEmptyTable(): void {
    const { rows, changes, namespaces, mix } = this.#settings;
    const most = Math.ceil(changes / namespaces);
    const loss = Math.max(0, mix.deletes - mix.inserts);
    const runs = Math.ceil(most / this.#run.length);
    const lost = loss === 0 ? 0 : Math.max(0, runs - 1) * loss;
    const places = this.#run.slice(0, Math.min(most, this.#run.length));
    const short = places.some((kind, place) => {
      const there = rows - lost + this.#inserts[place]! - this.#deletes[place]!;
      return kind !== 'insert' && !(there >= 1);
    });
    if (short)
      throw new WeirError(
        'CONFIG_INVALID',
        'the random: URL is wrong: its changes would come to a table without rows; raise rows, lower changes, or let mix have more inserts than deletes',
      );
  }
}

function shuffledRun({ mix, seed }: RandomSettings): ScheduledKind[] {
  const run = [
    ...new Array<ScheduledKind>(mix.inserts).fill('insert'),
    ...new Array<ScheduledKind>(mix.updates).fill('update'),
    ...new Array<ScheduledKind>(mix.deletes).fill('delete'),
  ];
  const random = new RandomNumber(seed, 1);
  for (let i = run.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [run[i], run[j]] = [run[j]!, run[i]!];
  }
  return run;
}

function countBefore(run: readonly ScheduledKind[], kind: ScheduledKind): number[] {
  const before = [0];
  for (const each of run) before.push(before.at(-1)! + (each === kind ? 1 : 0));
  return before;
}
