import type { Relation } from '../../shared/change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Chains } from './chains.ts';

/** Turns a plan of what the source has into one of what the target gets, and back. */
export interface PlanShape {
  toTarget(plan: PipelinePlan): PipelinePlan;
  /** Throws CONFIG_INVALID where the target was made by other steps, to which these do not fit. */
  toSource(plan: PipelinePlan): PipelinePlan;
}

export function createPlanShape(chains: Chains): PlanShape {
  return {
    toTarget: (plan) => mapNamespaces(plan, (each) => ({ ...each, ...chains.shape(each) })),
    toSource: (plan) =>
      mapNamespaces(plan, (each) => {
        const { origin } = each.relation;
        const source = origin === undefined ? each : { ...each, ...origin };
        const expected = chains.shape(source).relation;
        const was = each.relation;
        if ((expected.origin === undefined) !== (origin === undefined) || !isSame(expected, was))
          throw otherSteps(was.namespace);
        return source;
      }),
  };
}

function mapNamespaces(
  plan: PipelinePlan,
  change: (namespace: NamespacePlan) => NamespacePlan,
): PipelinePlan {
  return { ...plan, namespaces: plan.namespaces.map(change) };
}

function isSame(a: Relation, b: Relation): boolean {
  const columns = ({ columns, key }: Relation): string =>
    JSON.stringify([columns.map(({ name, type }) => [name, type]), key]);
  return columns(a) === columns(b);
}

function otherSteps(namespace: string): WeirError {
  return new WeirError(
    'CONFIG_INVALID',
    `the transforms would make other columns of ${namespace} than those that the target has from this pipeline; set them back, or run \`weir reset\` and copy anew`,
  );
}
