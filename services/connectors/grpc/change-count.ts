import type { StreamLSNRequest } from '../../../proto/gen/adiom/v1/adiom.ts';
import { errorPolicy } from '../../../shared/errors/error-policy.ts';
import { isAbort } from '../../../shared/errors/weir-error.ts';
import type { Call, Channel } from '../../../shared/grpc/channel.ts';
import { METHODS } from './connector-channel.ts';
import { createBackoff } from './with-retry.ts';

export interface ChangeCountOptions {
  channel: Channel;
  request: StreamLSNRequest;
  call: Call;
  /** Changes since the request's cursor. */
  onCount: (changes: number) => void;
}

/**
 * Listens to how many changes the source has counted. It only helps to tell how far behind this end is: where the source
 * cannot say, or stops saying, nothing else suffers.
 */
export async function countChanges(options: ChangeCountOptions): Promise<void> {
  const { channel, request, call, onCount } = options;
  const backoff = createBackoff();
  while (!call.signal.aborted) {
    try {
      for await (const { lsn } of channel.stream(METHODS.streamLSN, request, call)) {
        onCount(Number(lsn));
        backoff.reset();
      }
      return;
    } catch (error) {
      if (isAbort(error) || errorPolicy(error) !== 'retry') return;
    }
    await backoff.wait(call.signal);
  }
}
