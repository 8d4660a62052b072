import type { ParkedSelection, ReplayStep } from '../connector/parking.ts';

/**
 * Pass after pass for as long as one brings something in and leaves something: what was refused may have waited for a
 * value that a row behind it held. `left`: entries that stayed.
 */
export async function replayParked(
  replay: (step: {
    selection: ParkedSelection;
    after: number;
    until: number | null;
  }) => Promise<ReplayStep>,
  selection: ParkedSelection,
): Promise<{ replayed: number; left: number }> {
  let replayed = 0;
  let until: number | null = null;
  for (;;) {
    const pass = { replayed: 0, left: 0 };
    for (let next: ReplayStep['next'] = { selection, after: 0 }; next !== null;) {
      const step: ReplayStep = await replay({ ...next, until });
      until = step.until;
      pass.replayed += step.replayed;
      pass.left += step.left;
      next = step.next;
    }
    replayed += pass.replayed;
    if (pass.replayed === 0 || pass.left === 0) return { replayed, left: pass.left };
  }
}
