import type { Source } from '../../shared/connector/source.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { ReaderAnswers, ReaderRequest } from '../../shared/progress/reader-requests.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';
import { stillRunning } from '../../shared/progress/still-running.ts';
import type { ReaderEpoch } from './reader-epoch.ts';

/** What requests are answered from. */
export interface AskedReader {
  epoch: ReaderEpoch | null;
  phase: ReaderStatus['phase'];
  source: Source;
  pipeline: string;
}

export async function answerReader(
  { epoch, phase, source, pipeline }: AskedReader,
  request: ReaderRequest,
): Promise<ReaderAnswers[ReaderRequest['op']]> {
  if (request.op === 'reset') {
    if (epoch !== null) throw stillRunning(pipeline);
    if (phase !== 'paused' && phase !== 'stopped') throw notReady();
    await source.reset();
    return null;
  }
  if (epoch === null) throw notReady();
  switch (request.op) {
    case 'mark':
      return epoch.mark(request.reached);
    case 'sideState':
      await epoch.sendSideState();
      return null;
  }
}

function notReady(): WeirError {
  return new WeirError('UNREACHABLE', 'the source-reader is not ready yet');
}
