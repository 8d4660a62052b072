import type { HuntCase, Statement } from '../hunt-case.ts';
import { Dice } from './dice.ts';
import { Draft, toCreate } from './draft.ts';
import { COLUMN_FEATURES } from './features/column-features.ts';
import type { Feature } from './features/feature.ts';
import { INDEX_FEATURES } from './features/index-features.ts';
import { KEY_FEATURES } from './features/key-features.ts';
import { LEFT_OUT_FEATURES } from './features/left-out-features.ts';
import { PARTITION_FEATURES } from './features/partition-features.ts';
import { RELATION_FEATURES } from './features/relation-features.ts';
import { SETTINGS_FEATURES } from './features/settings-features.ts';
import { TYPE_FEATURES } from './features/type-features.ts';
import { disturb } from './disturbances.ts';
import { chooseMode } from './modes.ts';
import { quoteIdent } from './names.ts';
import { insertRow } from './rows.ts';
import { makeSteps } from './steps.ts';
import { addTable } from './table.ts';

export const FEATURES: readonly Feature[] = [
  ...KEY_FEATURES,
  ...COLUMN_FEATURES,
  ...TYPE_FEATURES,
  ...INDEX_FEATURES,
  ...RELATION_FEATURES,
  ...PARTITION_FEATURES,
  ...LEFT_OUT_FEATURES,
  ...SETTINGS_FEATURES,
];

export interface ServerFacts {
  /** Of the source. */
  version: number;
  targetVersion: number;
  /** Of both ends. */
  extensions: ReadonlySet<string>;
}

/** The case of a seed on such servers: mostly ordinary, with one to three odd things. */
export function generateCase(seed: number, server: ServerFacts): HuntCase {
  const dice = new Dice(seed);
  const draft = new Draft(dice, server, {
    names: dice.weighted([[5, 0], [3, 0.1], [1, 0.5]]), // prettier-ignore
    types: dice.weighted([[5, 0.02], [3, 0.15], [1, 0.6]]), // prettier-ignore
  });
  for (
    let i = dice.weighted([
      [5, 0],
      [3, 1],
      [1, 3],
    ]);
    i > 0;
    i--
  ) {
    // prettier-ignore
    const schema = draft.names.schema();
    draft.schemas.push(schema);
    draft.prelude.push({ sql: `CREATE SCHEMA ${quoteIdent(schema)}` });
  }
  const tables = dice.weighted([
    [12, dice.between(1, 4)],
    [6, dice.between(5, 12)],
    [1, dice.between(13, 30)],
  ]);
  for (let i = 0; i < tables; i++) addTable(draft, { small: tables > 12 });
  for (const feature of someFeatures(draft)) {
    draft.uses(feature);
    feature.apply(draft);
  }
  chooseMode(draft);
  const rows = dice.shuffle(
    draft.tables.flatMap((table) => Array.from({ length: table.rows }, () => insertRow(dice, table))), // prettier-ignore
  );
  // Drawn before the steps, which add tables of their own.
  const schema = [...draft.prelude, ...draft.tables.flatMap(createAll), ...draft.tables.flatMap(({ late }) => late)]; // prettier-ignore
  const { settings, roles, last, target, pipeline } = draft;
  const steps = disturb(dice, makeSteps(draft), pipeline);
  const isPrepared = dice.chance(0.15);
  if (isPrepared && dice.chance(0.2)) pipeline.create = 'never';
  return { seed, settings, roles, schema, rows: [...rows, ...last], target, isPrepared, ...(draft.isNewer ? { isNewer: true } : {}), pipeline, steps }; // prettier-ignore
}

function createAll(table: Draft['tables'][number]): Statement[] {
  // A child table is made by its parent's statements.
  return table.verb === '' ? [] : [toCreate(table), ...table.after];
}

function someFeatures(draft: Draft): Feature[] {
  const { dice, version, extensions } = draft;
  const fitting = FEATURES.filter(
    ({ since, extension }) =>
      (since ?? 0) <= version && (extension === undefined || extensions.has(extension)),
  ).map((feature) => [feature.weight, feature] as const);
  const count = dice.weighted([[1, 0], [4, 1], [4, 2], [3, 3], [2, 6], [0.5, 15]]); // prettier-ignore
  return Array.from({ length: count }, () => dice.weighted(fitting));
}
