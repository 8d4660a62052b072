import type { EndOptions } from '../../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type { Source, SourceScope } from '../../../shared/connector/source.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { parseChannelUrl } from '../../../shared/grpc/channel-settings.ts';
import { openChannel, readOffer } from './connector-channel.ts';
import { identityOf, makePlan, namesIn } from './plan.ts';
import { GrpcSession } from './session.ts';
import { checkGrpcSource } from './source-check.ts';

/** A connector of somebody else as a source; what it cannot promise is said by `ConnectorInfo.positions`. */
export function createGrpcSource({ url, log }: EndOptions): Source {
  const settings = parseChannelUrl(url);
  const begunAgain = new Set<number>();
  return {
    check: (scope, known) =>
      checkGrpcSource(settings, scope, (id) => known && refuseOther(known, scope, id)),

    async open(scope, known, signal) {
      const channel = openChannel(settings, 'SOURCE_UNFIT');
      try {
        const offer = await readOffer(channel, 'source', signal);
        if (known === null) begunAgain.clear();
        else refuseOther(known, scope, offer.info.id);
        const plan = known ?? (await makePlan(channel, offer, scope, signal));
        const kept = scope.kept ?? null;
        return new GrpcSession({ channel, plan, capabilities: offer.side, kept, begunAgain, log });
      } catch (error) {
        channel.close();
        throw error;
      }
    },

    readRetention: () => Promise.resolve(null),
    giveUpPosition: (reason) => Promise.resolve(new WeirError('RETENTION_LIMIT', reason)),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function refuseOther(known: PipelinePlan, scope: SourceScope, id: string): void {
  const names = namesIn(scope);
  const planned = known.namespaces.map(({ relation }) => relation.namespace);
  const same = names === null || [...names].sort().join() === [...planned].sort().join();
  if (known.identity !== identityOf(id))
    throw new WeirError(
      'POSITION_LOST',
      'the connector says that it is another one than the pipeline was made with, so its cursors mean nothing there; set source.url back, or run `weir reset` and copy again',
    );
  if (!same)
    throw new WeirError(
      'CONFIG_INVALID',
      `the pipeline was made with the namespaces ${planned.join(', ')}; set source.namespaces back, or run \`weir reset\` and copy again`,
    );
}
