import type { NewParked, Settle, StateChange } from '../state-step.ts';
import type { Aside } from './aside.ts';
import { shapeOf } from './change-unit.ts';

/**
 * Puts changes aside. `marked`: the lanes say already that entries may be parked.
 */
export function putAside(aside: readonly Aside[], marked: boolean): StateChange[] {
  if (aside.length === 0) return [];
  const park = { kind: 'park' as const, entries: aside.map(toNewParked) };
  return marked ? [park] : [park, { kind: 'mark', parked: 'yes' }];
}

/** Takes entries out; last, because it looks at what is left. */
export function settle(given: Omit<Settle, 'kind'>): StateChange[] {
  return [
    { kind: 'settle', ...given },
    { kind: 'mark', parked: 'found' },
  ];
}

/** A truncate empties what is parked of a namespace, too: it would have been in the table. */
export function settleNamespaces(namespaces: readonly string[]): StateChange[] {
  if (namespaces.length === 0) return [];
  return settle({ entries: { kind: 'namespaces', namespaces }, as: 'applied' });
}

export function toNewParked(aside: Aside): NewParked {
  const { relation, source, kind, chain, also, key, tuple, copied, position, counts } = aside;
  const { inserts, updates, deletes } = counts;
  return {
    namespace: relation.namespace,
    ...{ relation, source, kind, chain, also, key, tuple, copied, position },
    ...{ inserts, updates, deletes },
    shape: shapeOfAside(aside),
    reason: aside.reason,
    elsewhere: null,
  };
}

/** Rows that all their values tell apart have no key before the steps: whatever comes waits behind such a one. */
function shapeOfAside({ relation, source, shape }: Aside): string {
  if (shape !== undefined) return shape;
  return source !== null && relation.identity === 'row' ? 'before the steps' : shapeOf(relation);
}
