import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { maxPosition, minPosition } from '../../shared/change/position.ts';
import type { PipelineState } from '../../shared/connector/sink.ts';
import type { SourceScope } from '../../shared/connector/source.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';

/** How far the lanes of a pipeline have come that the target knows. */
export function reachedBy(known: PipelineState | null): Pick<SourceScope, 'reached'> {
  const positions = known?.lanes.map(({ position }) => position) ?? [];
  const least = minPosition(positions);
  const most = maxPosition(positions);
  return least === null || most === null ? {} : { reached: { least, most } };
}

/** Where the lanes stand says nothing under another order or number of them. */
export function refuseOtherOrder(spec: PipelineSpec, known: PipelineState | null): void {
  if (known === null) return;
  const wrong =
    known.order !== spec.order
      ? `order: ${known.order}, and the file says ${spec.order}`
      : known.plan.lanes !== spec.lanes
        ? `lanes: ${known.plan.lanes}, and the file says ${spec.lanes}`
        : null;
  if (wrong !== null)
    throw new WeirError(
      'CONFIG_INVALID',
      `pipeline ${spec.name} was made with ${wrong}; set it back, or run \`weir reset\` and copy again`,
    );
}
