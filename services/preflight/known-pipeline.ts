import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { SourceScope } from '../../shared/connector/source.ts';
import type { RelationBarrier } from '../../shared/change/barrier.ts';
import { toFinding } from '../../shared/connector/to-finding.ts';
import { reachedBy, refuseOtherOrder } from '../source-reader/known-state.ts';
import { createPlanShape } from '../transformer/plan-shape.ts';
import type { Chains } from '../transformer/chains.ts';
import type { PipelineEnds } from '../wiring/pipeline-ends.ts';

/** What the target has of a pipeline, as its source knows it. */
export interface KnownPipeline {
  /** Null where the target has nothing; undefined where that is not known. */
  plan: PipelinePlan | null | undefined;
  reached: Pick<SourceScope, 'reached'>;
  findings: Finding[];
}

export const UNASKED: KnownPipeline = { plan: undefined, reached: {}, findings: [] };

/** As a reader asks for it that begins. */
export async function readKnown(
  ends: PipelineEnds,
  spec: PipelineSpec,
  chains: Chains | null,
): Promise<KnownPipeline> {
  const sink = ends.createSink();
  try {
    const state = await sink.readState();
    refuseOtherOrder(spec, state);
    const plan = state?.plan ?? null;
    const shape = chains === null ? null : createPlanShape(chains);
    return {
      plan: plan === null || shape === null ? plan : shape.toSource(plan),
      reached: reachedBy(state),
      findings: [],
    };
  } catch (error) {
    const finding = toFinding(error, 'pipeline');
    // Where the target cannot be asked, its own check says why.
    const isTold = finding.code === 'UNREACHABLE' || finding.code === 'ACCESS_DENIED';
    return { ...UNASKED, findings: isTold ? [] : [finding] };
  } finally {
    await sink.close();
  }
}

/** What has changed at the source, as the target would be told of it. */
export async function shapedChanges(
  changes: readonly RelationBarrier[] = [],
  chains: Chains | null,
): Promise<{ changes: RelationBarrier[]; findings: Finding[] }> {
  if (chains === null || changes.length === 0) return { changes: [...changes], findings: [] };
  const { transformRelation } = await import('../transformer/barrier-transform.ts');
  const shaped: RelationBarrier[] = [];
  const findings: Finding[] = [];
  for (const change of changes)
    try {
      shaped.push(transformRelation(change, chains));
    } catch (error) {
      findings.push(toFinding(error, change.after.relation.namespace));
    }
  return { changes: shaped, findings };
}
