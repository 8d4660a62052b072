import type { PipelinePlan } from '../../shared/connector/plan.ts';

/** How the plan of the target differs from that of the source, where a transformer makes other rows. */
export interface PlanShape {
  toTarget(plan: PipelinePlan): PipelinePlan;
  /** Throws CONFIG_INVALID where the target was made for other rows than it would get now. */
  toSource(plan: PipelinePlan): PipelinePlan;
}
