import type { ConnectorLog } from '../../connector/end-options.ts';
import type { Aside } from './aside.ts';

/** Says what was put aside: where, why and how much, and no value of it. */
export function logRefused(log: ConnectorLog, refused: readonly Aside[]): void {
  const groups = new Map<string, { namespace: string; reason: string; rows: number }>();
  for (const { relation, reason } of refused) {
    const { namespace } = relation;
    const name = `${namespace} ${reason}`;
    const group = groups.get(name) ?? { namespace, reason, rows: 0 };
    group.rows++;
    groups.set(name, group);
  }
  for (const group of groups.values()) log.warn(group, 'row put aside: see weir parked list');
}
