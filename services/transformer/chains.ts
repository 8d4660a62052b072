import type { Relation, RelationPlan } from '../../shared/change/relation.ts';
import { shapeText } from '../../shared/change/shape-text.ts';
import type { TransformStep } from '../../shared/config/transform-step.ts';
import { type Chain, compileChain } from './chain.ts';
import type { StepContext } from './step.ts';

/** The chains of a pipeline by relation; each is fitted once. */
export class Chains {
  readonly #steps: readonly TransformStep[];
  readonly #context: StepContext;
  readonly #known = new Map<string, Chain | null>();

  constructor(steps: readonly TransformStep[], context: StepContext) {
    this.#steps = steps;
    this.#context = context;
  }

  /** Null where no step is for it. Throws `ChainMismatch`. */
  chainFor(relation: Relation): Chain | null {
    const shape = shapeText(relation);
    let chain = this.#known.get(shape);
    if (chain === undefined) {
      chain = compileChain(this.#steps, relation, this.#context);
      this.#known.set(shape, chain);
    }
    return chain;
  }

  /** What the target gets of it, with what the source has. Throws `ChainMismatch`. */
  shape(plan: RelationPlan): RelationPlan {
    const { relation, definition } = plan;
    const chain = this.chainFor(relation);
    if (chain === null) return schemaAnd(plan, { relation, definition });
    // Defaults, indexes and foreign keys are of other rows.
    const origin = { relation, definition };
    return { relation: { ...chain.relation, origin }, definition: null };
  }

  /** The same with what further namespaces of the target get of it. */
  shapes(plan: RelationPlan): RelationPlan[] {
    const parts = this.chainFor(plan.relation)?.relations.slice(1) ?? [];
    return [this.shape(plan), ...parts.map((relation) => ({ relation, definition: null }))];
  }
}

function schemaAnd({ tableSchema }: RelationPlan, plan: RelationPlan): RelationPlan {
  return tableSchema === undefined ? plan : { ...plan, tableSchema };
}
