import type { Sink } from '../../shared/connector/sink.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { targetSubject } from '../../shared/hub/names.ts';
import { serve } from '../../shared/hub/requests.ts';
import type { TargetAnswers, TargetRequest } from '../../shared/progress/target-requests.ts';
import type { Gate } from './gate.ts';

export interface TargetServerOptions {
  hub: Hub;
  pipeline: string;
  sink: Sink;
  gate: Gate;
}

/** Answers for the target: the reader asks here, because only writers talk to the target. Returns how to stop. */
export function serveTarget({ hub, pipeline, sink, gate }: TargetServerOptions): () => void {
  return serve(hub.control, targetSubject(pipeline), 'writers', (request) =>
    answer(sink, gate, request as TargetRequest),
  );
}

async function answer(
  sink: Sink,
  gate: Gate,
  request: TargetRequest,
): Promise<TargetAnswers[TargetRequest['op']]> {
  switch (request.op) {
    case 'begin':
      return sink.beginReader();
    case 'state':
      return sink.readState();
    case 'progress':
      return sink.readProgress();
    case 'plan':
      await sink.savePlan(request.plan, request.readerEpoch);
      gate.nudge();
      return null;
    case 'sideState':
      await sink.writeSideState(request.state);
      return null;
    case 'finish':
      gate.nudge();
      return null;
  }
}
