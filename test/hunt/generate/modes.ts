import { nameOf, ordinaryTables } from './ordinary-tables.ts';
import type { Draft } from './draft.ts';
import { makeTransforms } from './transforms.ts';

/** What the pipeline file says beside its ends. */
export function chooseMode(draft: Draft): void {
  const { dice, pipeline } = draft;
  if (dice.chance(0.2)) pipeline.lanes = dice.between(1, 6);
  if (dice.chance(0.1)) pipeline.writers = 2;
  if (dice.chance(0.15)) {
    pipeline.order = 'transaction';
    delete pipeline.lanes;
  } else if (dice.chance(0.1)) pipeline.onBadRow = 'park';
  if (dice.chance(0.1)) chooseNamespaces(draft);
  if (dice.chance(0.16)) pipeline.mode = dice.pick(['snapshot', 'changes']);
  if (dice.chance(0.05)) pipeline.onWaitingDdl = 'wait';
  if (dice.chance(0.15)) makeMap(draft);
  if (pipeline.mode === 'changes') return;
  if (dice.chance(0.2)) makeTransforms(draft);
}

/** Only some tables, or all by a pattern. */
function chooseNamespaces(draft: Draft): void {
  const { dice, pipeline } = draft;
  const some = dice.some(ordinaryTables(draft), dice.between(1, 4)).map(nameOf);
  pipeline.namespaces = dice.chance(0.3) || some.length === 0 ? ['*'] : some;
}

/** Other names at the target; two tables may swap theirs. */
function makeMap(draft: Draft): void {
  const { dice, pipeline } = draft;
  const names = dice.shuffle(ordinaryTables(draft).map(nameOf));
  const [first, second] = names;
  if (first === undefined) return;
  if (second !== undefined && dice.chance(0.3)) {
    pipeline.map = { [first]: second, [second]: first };
    return;
  }
  const fresh = (name: string): string => `${dice.pick(['public', 'moved'])}.${name.slice(name.indexOf('.') + 1)}_there`; // prettier-ignore
  pipeline.map = Object.fromEntries(names.slice(0, dice.between(1, 2)).map((name) => [name, fresh(name)])); // prettier-ignore
}
