import { status } from '@grpc/grpc-js';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { SourceCheck, SourceScope } from '../../../shared/connector/source.ts';
import { findingsOf } from '../../../shared/connector/to-finding.ts';
import { documentRelation } from '../../../shared/document/document-relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { callStatus } from '../../../shared/grpc/call-failure.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import type { ChannelSettings } from '../../../shared/grpc/channel-settings.ts';
import { METHODS, openChannel, readOffer } from './connector-channel.ts';
import { namesIn, planRequests } from './plan.ts';

const DEADLINE_MS = 10_000;

/** Asks for everything but a plan, for which a source may already make something that stays. */
export async function checkGrpcSource(
  settings: ChannelSettings,
  scope: SourceScope,
  /** Throws where the connector with this id is another one than before. */
  requireKnown: (id: string) => unknown = () => undefined,
): Promise<SourceCheck> {
  const channel = openChannel(settings, 'SOURCE_UNFIT');
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const { info, side } = await readOffer(channel, 'source', signal).catch((error: unknown) => {
      throw signal.aborted ? silent(settings) : error;
    });
    const findings: Finding[] = [
      {
        level: 'ok',
        subject: 'connector',
        message: `${info.dbType} ${info.version} answers`.trim(),
      },
    ];
    if (info.id === '')
      findings.push({
        level: 'warning',
        subject: 'connector',
        message:
          'it has no id, so it cannot be told from another one at the same address; see that it stays the same',
      });
    findings.push(...(await findingsOf('connector', () => requireKnown(info.id))));
    const problem = planProblem(() => planRequests(scope, side));
    if (problem !== null)
      findings.push({ level: 'error', subject: 'namespaces', message: problem });
    const names = namesIn(scope);
    if (names === null && problem === null)
      findings.push({
        level: 'ok',
        subject: 'namespaces',
        message: 'the connector names them when the pipeline is made',
      });
    for (const name of names ?? []) findings.push(...(await checkNamespace(channel, name, signal)));
    const relations = (names ?? []).map((name) => ({
      relation: documentRelation(name),
      definition: null,
    }));
    return { findings, relations };
  } finally {
    channel.close();
  }
}

async function checkNamespace(
  channel: Channel,
  namespace: string,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const { count } = await channel.call(METHODS.getNamespaceMetadata, { namespace }, { signal });
    return [{ level: 'ok', subject: namespace, message: `about ${count} documents` }];
  } catch (error) {
    // Only for showing progress, so many connectors do not have it.
    if (callStatus(error) === status.UNIMPLEMENTED) return [];
    const message = error instanceof Error ? error.message : String(error);
    return [{ level: 'error', subject: namespace, message }];
  }
}

function planProblem(ask: () => unknown): string | null {
  try {
    ask();
    return null;
  } catch (error) {
    if (error instanceof WeirError) return error.message;
    throw error;
  }
}

function silent({ address }: ChannelSettings): WeirError {
  return new WeirError(
    'UNREACHABLE',
    `there is no answer from ${address} within ${DEADLINE_MS / 1_000} s; start the connector there or correct the address`,
  );
}
