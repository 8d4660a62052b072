import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { commonDataType, TRANSFORMED } from '../../../shared/connector/data-type.ts';
import type { NamespacePlan } from '../../../shared/connector/plan.ts';
import type { SourceSession } from '../../../shared/connector/source.ts';
import { isAbort, WeirError } from '../../../shared/errors/weir-error.ts';
import { ChainMismatch } from '../../transformer/chain-mismatch.ts';
import type { Chains } from '../../transformer/chains.ts';
import { FirstRows, sampleRows, type SampledRow } from '../../transformer/sample.ts';
import { PipelineEnds } from '../../wiring/pipeline-ends.ts';
import { loadChains } from '../../wiring/transform-chains.ts';

export interface SampledNamespace {
  namespace: string;
  target: string;
  /** Steps that cannot be done to it at all. */
  problems: string[];
  /** Whether any step is for it. */
  transformed: boolean;
  rows: SampledRow[];
}

/**
 * Takes the first rows of each namespace's copy through the steps. Nothing is written anywhere, and what is read is of
 * a snapshot that is given back: the pipeline itself may run meanwhile.
 */
export async function samplePipeline(
  spec: PipelineSpec,
  most: number,
): Promise<SampledNamespace[]> {
  const chains = await loadChains(spec);
  const ends = await PipelineEnds.load({ ...spec, name: `${spec.name.slice(0, 24)}-sample` });
  const source = ends.createSource();
  try {
    const signal = new AbortController().signal;
    const { namespaces } = spec.source;
    const dataType = commonDataType(ends.sourceInfo.gives, [...TRANSFORMED]);
    const scope = {
      mode: 'snapshot',
      namespaces,
      lanes: 1,
      ...(dataType !== null && { dataType }),
    } as const;
    const session = await source.open(scope, null, signal);
    const sampled: SampledNamespace[] = [];
    for (const plan of session.plan.namespaces)
      sampled.push(await sampleNamespace(spec, chains, session, plan, most));
    return sampled;
  } finally {
    await source.close();
  }
}

async function sampleNamespace(
  { map }: PipelineSpec,
  chains: Chains | null,
  session: SourceSession,
  { relation, chunks }: NamespacePlan,
  most: number,
): Promise<SampledNamespace> {
  const { namespace } = relation;
  const about = { namespace, target: map[namespace] ?? namespace, problems: [], rows: [] };
  try {
    const chain = chains?.chainFor(relation) ?? null;
    const first = new FirstRows(most);
    for (const chunk of chunks) {
      if (first.isFull) break;
      const enough = new AbortController();
      try {
        const { refused = [] } = await session.listData(
          chunk,
          (bytes) => {
            first.take(bytes);
            if (first.isFull) enough.abort();
          },
          enough.signal,
        );
        if (refused[0] !== undefined) throw new WeirError('ROW_REFUSED', refused[0].message);
      } catch (error) {
        if (!isAbort(error)) throw error;
      }
    }
    const rows = await sampleRows(chain, relation, first.rows);
    const target = chain?.target ?? about.target;
    return { ...about, target, transformed: chain !== null, rows };
  } catch (error) {
    if (!(error instanceof ChainMismatch)) throw error;
    return { ...about, transformed: true, problems: [...error.problems] };
  }
}
