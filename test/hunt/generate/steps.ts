import type { PipelineOptions, Statement, Step } from '../hunt-case.ts';
import { anyChange } from './changes.ts';
import type { Draft } from './draft.ts';
import { anyStructureChange, anyTypeChange, newTable } from './structure.ts';

/** What happens while the pipeline runs, and while it does not. */
export function makeSteps(draft: Draft): Step[] {
  const { dice } = draft;
  const structure = dice.chance(0.35) ? dice.between(1, 2) : 0;
  const structureAt = Array.from({ length: structure }, () => dice.below(3));
  const work = (phase: number): Step[] => [
    ...sqlSteps(draft, phase),
    ...structureAt.filter((at) => at === phase).map(() => structureStep(draft)),
    ...(structureAt.includes(phase) ? sqlSteps(draft, phase) : []),
  ];
  const steps: Step[] = [{ do: 'start' }];
  // While it copies.
  if (dice.chance(0.6)) steps.push({ do: 'pause', ms: dice.between(0, 1_500) }, ...work(0));
  else structureAt.fill(1);
  if (dice.chance(0.15)) steps.push({ do: 'kill', who: dice.pick(['all', 'reader', 'writer']) }, { do: 'start' }); // prettier-ignore
  if (dice.chance(0.7)) steps.push({ do: 'await copy' });
  // While it follows.
  steps.push(...work(1));
  const restarts = dice.chance(0.6);
  if (restarts) {
    if (dice.chance(0.3)) steps.push({ do: 'pause', ms: dice.between(0, 1_000) });
    steps.push(dice.chance(0.5) ? { do: 'stop' } : { do: 'kill', who: 'all' });
    if (dice.chance(0.25)) steps.push({ do: 'wipe broker' });
    if (dice.chance(0.25)) steps.push({ do: 'edit', pipeline: anyEdit(draft) });
    steps.push(...work(2));
  } else if (dice.chance(0.3)) {
    steps.push({ do: 'kill', who: dice.pick(['reader', 'writer']) }, ...work(2));
  } else steps.push(...work(2));
  return steps;
}

function sqlSteps(draft: Draft, phase: number): Step[] {
  const { dice } = draft;
  const count = dice.weighted([
    [phase === 1 ? 0 : 2, 0],
    [5, 1],
    [2, 3],
  ]);
  return Array.from({ length: count }, () => {
    const statements: Statement[] = [];
    for (let i = dice.between(1, 12); i > 0; i--) {
      const event = draft.events.shift();
      const table = draft.someTable(({ verb }) => verb !== '' || dice.chance(0.5));
      if (event !== undefined && dice.chance(0.6)) statements.push(event);
      else if (event !== undefined) draft.events.push(event);
      if (table !== undefined) statements.push(anyChange(dice, table));
    }
    const end = dice.weighted([
      [5, 'each'],
      [4, 'commit'],
      [1, 'rollback'],
    ] as const);
    return { do: 'sql', end, statements };
  });
}

function structureStep(draft: Draft): Step {
  const { dice } = draft;
  const make = dice.weighted([
    [6, anyStructureChange],
    [2, anyTypeChange],
    [1, newTable],
  ]);
  const statements = make(draft);
  const single = statements.length < 2 || statements.some(({ sql }) => sql.startsWith('VACUUM'));
  return { do: 'sql', end: single ? 'each' : 'commit', statements };
}

export function anyEdit({ dice, tables }: Draft): PipelineOptions {
  return dice.pick<() => PipelineOptions>([
    () => ({ writers: dice.between(1, 3) }),
    () => ({ readers: dice.between(1, 4) }),
    () => ({ workers: dice.between(1, 4) }),
    () => ({ lanes: dice.between(1, 5) }),
    () => ({ order: dice.pick(['key', 'transaction']) }),
    () => ({ onBadRow: 'park' }),
    () => ({ namespaces: [tables[0]!.schema].map((schema) => (/^\w+$/.test(schema) ? `${schema}.*` : '*')) }), // prettier-ignore
    () => ({ transforms: [{ on: ['*'], filter: 'true' }] }),
  ])();
}
