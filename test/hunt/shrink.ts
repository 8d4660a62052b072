import type { HuntCase, Statement, Step } from './hunt-case.ts';

/** Whether the case still fails in the same way. */
export type StillFails = (smaller: HuntCase) => Promise<boolean>;

/**
 * Leaves out all that the failure does not need: first whole lists, then halves, then single statements, columns and
 * steps. What depended on something that is gone is refused by the database, and then goes, too.
 */
export async function shrink(
  found: HuntCase,
  stillFails: StillFails,
  budget: { tries: number; untilMs: number },
): Promise<HuntCase> {
  let smallest = found;
  let tries = 0;
  const attempt = async (smaller: HuntCase): Promise<boolean> => {
    if (tries++ >= budget.tries || Date.now() > budget.untilMs) return false;
    if (!(await stillFails(smaller))) return false;
    smallest = smaller;
    return true;
  };
  for (let size = -1; size !== sizeOf(smallest);) {
    size = sizeOf(smallest);
    for (const lens of LENSES) await shrinkList(() => smallest, lens, attempt);
    for (const part of ['schema', 'rows', 'settings', 'target'] as const)
      for (let i = 0; i < smallest[part].length; i++)
        await shrinkList(() => smallest, partsOf(part, i), attempt);
    for (let i = 0; i < smallest.steps.length; i++)
      await shrinkList(() => smallest, statementsOf(i), attempt);
    for (const key of Object.keys(smallest.pipeline) as (keyof HuntCase['pipeline'])[]) {
      const pipeline = { ...smallest.pipeline };
      delete pipeline[key];
      await attempt({ ...smallest, pipeline });
    }
    if (smallest.isPrepared) await attempt({ ...smallest, isPrepared: false });
    for (const end of ['source', 'target'] as const)
      if (smallest.roles[end])
        await attempt({ ...smallest, roles: { ...smallest.roles, [end]: false } });
    if (tries >= budget.tries || Date.now() > budget.untilMs) break;
  }
  return smallest;
}

/** A list within a case, to be read and to be replaced. */
interface Lens<T> {
  read(found: HuntCase): readonly T[];
  write(found: HuntCase, list: T[]): HuntCase;
}

const LENSES: readonly Lens<unknown>[] = [
  {
    read: ({ steps }) => steps,
    write: (found, steps) => ({ ...found, steps: steps as Step[] }),
  },
  ...(['settings', 'target', 'schema', 'rows'] as const).map((key): Lens<unknown> => ({
    read: (found) => found[key],
    write: (found, list) => ({ ...found, [key]: list as Statement[] }),
  })),
];

function partsOf(key: 'schema' | 'rows' | 'settings' | 'target', at: number): Lens<unknown> {
  return {
    read: (found) => found[key][at]?.parts ?? found[key][at]?.cells ?? [],
    write(found, list) {
      const statement = found[key][at]!;
      const field = statement.parts === undefined ? 'cells' : 'parts';
      const statements = [...found[key]];
      statements[at] = { ...statement, [field]: list };
      return { ...found, [key]: statements };
    },
  };
}

function statementsOf(at: number): Lens<unknown> {
  return {
    read(found) {
      const step = found.steps[at];
      return step?.do === 'sql' ? step.statements : [];
    },
    write(found, list) {
      const steps = [...found.steps];
      steps[at] = { ...(steps[at] as Step & { do: 'sql' }), statements: list as Statement[] };
      return { ...found, steps };
    },
  };
}

/** Delta debugging: takes away ever smaller pieces while the failure stays. */
async function shrinkList<T>(
  now: () => HuntCase,
  lens: Lens<T>,
  attempt: (smaller: HuntCase) => Promise<boolean>,
): Promise<void> {
  let piece = lens.read(now()).length;
  while (piece >= 1) {
    for (let at = 0; at < lens.read(now()).length;) {
      const list = lens.read(now());
      const left = [...list.slice(0, at), ...list.slice(at + piece)];
      if (!(await attempt(lens.write(now(), left)))) at += piece;
    }
    piece = Math.floor(piece / 2);
  }
}

export function sizeOf({ settings, schema, rows, target, steps, pipeline }: HuntCase): number {
  const of = (list: readonly Statement[]): number =>
    list.reduce((sum, { parts, cells }) => sum + 1 + (parts ?? cells ?? []).length, 0);
  const inSteps = steps.map((step) => (step.do === 'sql' ? of(step.statements) : 0));
  return (
    [settings, schema, rows, target].reduce((sum, list) => sum + of(list), 0) +
    inSteps.reduce((sum, n) => sum + n + 1, 0) +
    Object.keys(pipeline).length
  );
}
