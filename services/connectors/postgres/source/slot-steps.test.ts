import { expect, it } from 'vitest';
import { type SlotSteps, slotSteps } from './slot-steps.ts';

const KEPT = { isForStandbys: true };
const LOST_ON_FAILOVER = { isForStandbys: false };
/** Before 17 slots have no such option. */
const PLAIN = { isForStandbys: null };

const NOTHING: SlotSteps = { keepOnStandbys: false, drop: false, make: null };

it.each<[string, Parameters<typeof slotSteps>, Partial<SlotSteps>]>([
  ['a new pipeline makes its slot', [false, null, true], { make: 'permanent' }],
  ['one that an earlier start left is made again', [false, KEPT, true], { drop: true, make: 'permanent' }],
  ['a known pipeline keeps its slot', [true, KEPT, false], {}],
  ['a known one that still copies takes a snapshot beside it', [true, KEPT, true], { make: 'temporary' }],
  ['standbys are told of one made before they could keep it', [true, LOST_ON_FAILOVER, false], { keepOnStandbys: true }],
  ['a server that cannot is not asked', [true, PLAIN, false], {}],
  ['whatever is dropped is not kept on standbys before', [false, LOST_ON_FAILOVER, true], { drop: true, make: 'permanent' }],
])('%s', (_what, given, steps) => {
  expect(slotSteps(...given)).toEqual({ ...NOTHING, ...steps });
}); // prettier-ignore
