import { partTarget, sourceOf } from '../../shared/change/namespace-part.ts';
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
    toTarget: (plan) => ({ ...plan, namespaces: plan.namespaces.flatMap(toTarget) }),
    toSource: (plan) => ({
      ...plan,
      namespaces: plan.namespaces.flatMap((each) =>
        partTarget(each.relation.namespace) === null ? [toSource(each, plan)] : [],
      ),
    }),
  };

  /** Chunks come with the first, which has their rows counted; the others are ready where it is. */
  function toTarget(each: NamespacePlan): NamespacePlan[] {
    const [first, ...parts] = chains.shapes(each);
    const none = { chunks: [], chunksDone: 0, rowsDone: 0 };
    const plan = withoutSchema(each);
    return [{ ...plan, ...first! }, ...parts.map((part) => ({ ...plan, ...none, ...part }))];
  }

  function toSource(each: NamespacePlan, { namespaces }: PipelinePlan): NamespacePlan {
    const { origin, namespace } = each.relation;
    const source = origin === undefined ? each : { ...each, ...origin };
    const expected = chains.shapes(source);
    const was = namespaces.map(({ relation }) => relation);
    const own = was.filter((relation) => sourceOf(relation.namespace) === namespace);
    if (
      (expected[0]!.relation.origin === undefined) !== (origin === undefined) ||
      own.length !== expected.length ||
      !expected.every(({ relation }) => own.some((known) => isSame(known, relation)))
    )
      throw otherSteps(namespace);
    return source;
  }
}

/** What the source says is of its own rows. */
function withoutSchema({ tableSchema: _, ...plan }: NamespacePlan): NamespacePlan {
  return plan;
}

function isSame(a: Relation, b: Relation): boolean {
  const columns = ({ namespace, columns, key }: Relation): string =>
    JSON.stringify([namespace, columns.map(({ name, type }) => [name, type]), key]);
  return columns(a) === columns(b);
}

function otherSteps(namespace: string): WeirError {
  return new WeirError(
    'CONFIG_INVALID',
    `the transforms would make other columns of ${namespace} than those that the target has from this pipeline; set them back, or run \`weir reset\` and copy again`,
  );
}
