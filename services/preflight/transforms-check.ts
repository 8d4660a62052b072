import { sourceOf } from '../../shared/change/namespace-part.ts';
import type { RelationPlan } from '../../shared/change/relation.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import { isDocumentRelation } from '../../shared/document/document-relation.ts';
import type { PromiseHeld } from './promises.ts';
import type { Chain } from '../transformer/chain.ts';
import { ChainMismatch } from '../transformer/chain-mismatch.ts';
import type { Chains } from '../transformer/chains.ts';

export interface CheckedTransforms {
  findings: Finding[];
  /** What the target gets; namespaces to which the steps do not fit are left out. */
  relations: RelationPlan[];
  /** Namespaces of the source that some step is for, with what is told of promises. */
  changed: { namespace: string; decides: 'key' | 'row' | null }[];
  targetOf: (namespace: string) => string;
}

/** Fits the steps to what the source has, and says where they cannot be done. */
export function checkTransforms(
  { map }: Pick<PipelineSpec, 'map'>,
  chains: Chains | null,
  relations: readonly RelationPlan[],
): CheckedTransforms {
  const findings: Finding[] = [];
  const targets = new Map<string, string>();
  const checked: CheckedTransforms = {
    findings,
    relations: [],
    changed: [],
    targetOf: (namespace) => targets.get(namespace) ?? map[namespace] ?? namespace,
  };
  for (const plan of relations) {
    const { namespace } = plan.relation;
    try {
      checked.relations.push(...(chains?.shapes(plan) ?? [plan]));
      const chain = chains?.chainFor(plan.relation);
      if (!chain) continue;
      checked.changed.push({ namespace, decides: chain.decides });
      if (chain.target !== null) targets.set(namespace, chain.target);
      for (const [part, target] of chain.parts.entries())
        targets.set(chain.relations[part + 1]!.namespace, target);
      findings.push(...chainFindings(chain, map));
    } catch (error) {
      if (!(error instanceof ChainMismatch)) throw error;
      for (const message of error.problems)
        findings.push({ level: 'error', subject: namespace, message });
    }
  }
  findings.push(...meetings(relations, targets, checked.targetOf));
  if (findings.length === 0)
    findings.push({ level: 'ok', subject: 'steps', message: 'fit what the source has' });
  return checked;
}

/** What holds of the namespaces that the steps are for. */
export function transformPromises({ changed }: Pick<CheckedTransforms, 'changed'>): PromiseHeld[] {
  if (changed.length === 0) return [];
  const names = (wanted: typeof changed): string =>
    wanted.map(({ namespace }) => namespace).join(', ');
  const filtered = changed.filter(({ decides }) => decides !== null);
  const moving = changed.filter(({ decides }) => decides === 'row');
  return [
    {
      promise: 'values as they were',
      holds: 'partly',
      why: `rows of ${names(changed)} are what the transforms make of them; weir verify does not compare them`,
    },
    ...(filtered.length === 0
      ? []
      : [
          {
            promise: 'every row accounted for',
            holds: 'yes' as const,
            why: `what the transforms leave out of ${names(filtered)} is counted with the lane's progress`,
          },
        ]),
    ...(moving.length === 0
      ? []
      : [
          {
            promise: 'filters hold at any time',
            holds: 'yes' as const,
            why: `a row of ${names(moving)} that stops passing is deleted at the target, one that comes to pass is put there; an update without the whole row is a bad row (onBadRow)`,
          },
        ]),
  ];
}

function* chainFindings(
  { source, target, decides }: Chain,
  map: PipelineSpec['map'],
): Generator<Finding> {
  const { namespace } = source;
  if (target !== null && map[namespace] !== undefined)
    yield {
      level: 'error',
      subject: namespace,
      message: `is routed to ${target} by a step and renamed to ${map[namespace]!} by map; leave one out`,
    };
  if (decides === 'row')
    yield {
      level: 'warning',
      subject: namespace,
      message: isDocumentRelation(source)
        ? 'its documents may enter and leave with an update, which must then bring the whole document; a partial update is a bad row (a source that offers get_by_ids is asked for the document)'
        : 'its rows may enter and leave with an update, which must then bring the whole row; one that leaves out a large value which it did not change is a bad row (in PostgreSQL, ALTER TABLE … REPLICA IDENTITY FULL at the source brings it)',
    };
}

function meetings(
  relations: readonly RelationPlan[],
  targets: ReadonlyMap<string, string>,
  targetOf: (namespace: string) => string,
): Finding[] {
  const names = new Set([
    ...relations.map(({ relation }) => relation.namespace),
    ...targets.keys(),
  ]);
  const known = new Map<string, string>();
  return [...names].flatMap((name): Finding[] => {
    const target = targetOf(name);
    const namespace = sourceOf(name);
    const other = known.get(target);
    known.set(target, namespace);
    if (other === undefined) return [];
    const message = `goes to ${target}, and so does ${other}; each needs its own`;
    return [{ level: 'error', subject: namespace, message }];
  });
}
