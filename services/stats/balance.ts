import type { Position } from '../../shared/change/position.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import { CHANGE_KINDS, noChanges } from '../../shared/progress/change-kinds.ts';
import type { Difference } from '../../shared/progress/pipeline-report.ts';

export type CountsByNamespace = Readonly<Record<string, Readonly<ChangeCounts>>>;

const MAX_MARKS = 512;

/**
 * Compares what was read with what the target has settled, exactly and while changes flow. Both counts go back to the
 * pipeline's making and outlive every crash: the target's change with its data, the reader's begin with the target's.
 *
 * A mark says "so much had been read, and all of it stands before this position". So once every lane has come to that
 * position, no less than that is settled; and what was settled before a mark was made is never more than it says.
 */
export class Balance {
  #marks: { head: Position; read: CountsByNamespace }[] = [];
  #read: CountsByNamespace | null = null;
  #settled: CountsByNamespace | null = null;
  #missing: Difference | null = null;
  #excess: Difference | null = null;

  /** What the target has settled, and the least position of its lanes, as of one moment. */
  onSettled(settled: CountsByNamespace, reached: Position): void {
    this.#settled = settled;
    const passed = this.#marks.filter(({ head }) => head <= reached);
    if (passed.length === 0) return;
    this.#marks = this.#marks.filter(({ head }) => head > reached);
    this.#missing = null;
    for (const { read } of passed) this.#missing ??= firstDifference(read, settled);
  }

  /** What had been read before `head` was asked for; asked after the last `onSettled`. */
  onMark(read: CountsByNamespace, head: Position | null): void {
    this.#read = read;
    if (this.#settled !== null) {
      const excess = firstDifference(this.#settled, read);
      this.#excess = excess && { ...excess, read: excess.settled, settled: excess.read };
    }
    if (head === null) return;
    this.#marks.push({ head, read });
    if (this.#marks.length > MAX_MARKS) this.#marks = this.#marks.filter((_, i) => i % 2 === 1);
  }

  get difference(): Difference | null {
    return this.#missing ?? this.#excess;
  }

  /** Read and not settled; null before both are known. */
  get inFlight(): number | null {
    const { read } = this;
    if (read === null || this.#settled === null) return null;
    return Math.max(0, total(read) - total(this.#settled));
  }

  /** What is settled was read, also where the source has not been asked since. */
  get read(): CountsByNamespace | null {
    if (this.#read === null || this.#settled === null || this.#excess !== null) return this.#read;
    return atLeast(this.#read, this.#settled);
  }

  get settled(): CountsByNamespace | null {
    return this.#settled;
  }
}

function atLeast(counts: CountsByNamespace, least: CountsByNamespace): CountsByNamespace {
  const all = Object.entries({ ...least, ...counts }).map(([namespace]) => {
    const most = noChanges();
    for (const kind of CHANGE_KINDS)
      most[kind] = Math.max(counts[namespace]?.[kind] ?? 0, least[namespace]?.[kind] ?? 0);
    return [namespace, most] as const;
  });
  return Object.fromEntries(all);
}

/** The first namespace and kind of which `less` has fewer than `more`. */
function firstDifference(more: CountsByNamespace, less: CountsByNamespace): Difference | null {
  for (const [namespace, counts] of Object.entries(more))
    for (const kind of CHANGE_KINDS) {
      const settled = less[namespace]?.[kind] ?? 0;
      if (counts[kind] > settled) return { namespace, kind, read: counts[kind], settled };
    }
  return null;
}

export function sumOf(counts: CountsByNamespace): ChangeCounts {
  const sum = noChanges();
  for (const each of Object.values(counts))
    for (const kind of CHANGE_KINDS) sum[kind] += each[kind];
  return sum;
}

function total(counts: CountsByNamespace): number {
  const sum = sumOf(counts);
  return CHANGE_KINDS.reduce((all, kind) => all + sum[kind], 0);
}
