import type { HuntCase, NetworkFault, ServerName, Step } from '../hunt-case.ts';
import type { Dice } from './dice.ts';

/**
 * Puts faults of the network and commits in two phases between the steps of a case. What the network does is over by
 * itself, and the same run has to catch up with it.
 */
export function disturb(dice: Dice, steps: Step[], pipeline: HuntCase['pipeline']): Step[] {
  let disturbed = steps;
  if (dice.chance(0.12)) disturbed = inTwoPhases(dice, disturbed);
  if (dice.chance(0.15)) disturbed = overBadWires(dice, disturbed);
  if (pipeline.mode === 'snapshot') return disturbed.filter(({ do: what }) => what !== 'sql' && what !== 'finish prepared' && what !== 'await catch-up'); // prettier-ignore
  return disturbed;
}

/** Some transaction is prepared, and finished one or two steps later; now and then it waits while the pipeline starts. */
function inTwoPhases(dice: Dice, steps: readonly Step[]): Step[] {
  const result = [...steps];
  const fitting = result.flatMap((step, i) => (step.do === 'sql' && step.end === 'commit' ? [i] : [])); // prettier-ignore
  if (fitting.length === 0) return result;
  const at = dice.pick(fitting);
  const { statements } = result[at] as Step & { do: 'sql' };
  const name = `p${dice.letters(2)}`;
  const prepared: Step = { do: 'sql', end: 'prepare', name, statements };
  const finish: Step = {
    do: 'finish prepared',
    name,
    end: dice.chance(0.8) ? 'commit' : 'rollback',
  };
  result.splice(at, 1);
  const first = dice.chance(0.2) ? 0 : at;
  result.splice(first, 0, prepared);
  result.splice(first + dice.between(1, 3), 0, finish);
  return result;
}

function overBadWires(dice: Dice, steps: readonly Step[]): Step[] {
  const result = [...steps];
  for (let i = dice.between(1, 3); i > 0; i--) {
    const at = dice.pick<ServerName>(['source', 'target', 'broker']);
    const how = dice.weighted<NetworkFault>([
      [4, 'cut'],
      [3, 'refuse'],
      [3, 'hold'],
      [1, 'lose'],
      [at === 'target' ? 3 : 0, 'lose answer'],
    ]);
    // Behind the start.
    result.splice(dice.between(1, result.length), 0, { do: 'network', at, how, ms: dice.between(50, 4_000) }); // prettier-ignore
  }
  if (!steps.some((step) => step.do === 'edit')) result.push({ do: 'await catch-up' });
  return result;
}
