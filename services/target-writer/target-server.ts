import type { Parking } from '../../shared/connector/parking.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { targetSubject } from '../../shared/hub/names.ts';
import { publishNotice } from '../../shared/hub/notices.ts';
import { serve } from '../../shared/hub/requests.ts';
import type { TargetAnswers, TargetRequest } from '../../shared/progress/target-requests.ts';
import { TARGET_REQUEST } from '../../shared/progress/target-request-schema.ts';
import { stillRunning } from '../../shared/progress/still-running.ts';
import type { Gate } from './gate.ts';

export interface TargetServerOptions {
  hub: Hub;
  pipeline: string;
  sink: Sink;
  gate: Gate;
}

/** Entries in one answer, which must fit into a message. */
const PARKED_PAGE = 200;

/** Answers for the target: the reader asks here, because only writers talk to the target. Returns how to stop. */
export function serveTarget(options: TargetServerOptions): () => void {
  const { hub, pipeline } = options;
  return serve(hub.control, targetSubject(pipeline), 'writers', TARGET_REQUEST, (request) =>
    answer(options, request),
  );
}

async function answer(
  { hub, pipeline, sink, gate }: TargetServerOptions,
  request: TargetRequest,
): Promise<TargetAnswers[TargetRequest['op']]> {
  switch (request.op) {
    case 'begin':
      return sink.beginReader();
    case 'state':
      return sink.readState();
    case 'progress':
      return sink.readProgress();
    case 'desire': {
      const known = await sink.writeDesired(request.desired);
      publishNotice(hub.control, pipeline, { kind: 'desired', desired: request.desired });
      return known;
    }
    case 'reset': {
      const progress = await sink.readProgress();
      if (progress?.desired === 'running') throw stillRunning(pipeline);
      await sink.reset();
      publishNotice(hub.control, pipeline, { kind: 'reset' });
      return null;
    }
    case 'plan': {
      const together = await sink.savePlan(request.plan, request.readerEpoch);
      gate.nudge();
      return together;
    }
    case 'sideState':
      await sink.writeSideState(request.state);
      return null;
    case 'together':
      return (await sink.readTogether?.()) ?? [];
    case 'differences': {
      const state = await sink.readState();
      const findings = await sink.check(state?.plan.namespaces ?? []);
      return findings.filter(({ differs }) => differs).map(({ message }) => message);
    }
    case 'finish':
      gate.nudge();
      return null;
    case 'parked':
      return parkingOf(sink).list(request.selection, request.after, PARKED_PAGE);
    case 'showParked':
      return parkingOf(sink).show(request.id);
    case 'replay':
      return parkingOf(sink).replay(request.selection, request.after, request.until);
    case 'discard':
      return parkingOf(sink).discard(request.selection);
  }
}

function parkingOf({ parking }: Pick<Sink, 'parking'>): Parking {
  if (parking !== null) return parking;
  throw new WeirError('NOT_SUPPORTED', 'this kind of target cannot put rows aside');
}
