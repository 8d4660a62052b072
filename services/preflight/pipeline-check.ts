import { unmatchedNames } from '../../shared/config/unmatched-names.ts';
import { describeUrl } from '../../shared/config/redact-url.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { RelationBarrier } from '../../shared/change/barrier.ts';
import { toFinding } from '../../shared/connector/to-finding.ts';
import type { Relation, RelationPlan } from '../../shared/change/relation.ts';
import { connectHub, hostsOf } from '../../shared/hub/hub.ts';
import { countWaiting } from '../../shared/hub/streams.ts';
import { PipelineEnds } from '../wiring/pipeline-ends.ts';
import { notCarriedFinding } from './not-carried-finding.ts';
import { loadChains } from '../wiring/transform-chains.ts';
import { readKnown, shapedChanges, UNASKED, type KnownPipeline } from './known-pipeline.ts';
import { promisesFor, type PromiseHeld } from './promises.ts';
import { type CheckedTransforms, checkTransforms, transformPromises } from './transforms-check.ts';

export interface CheckReport {
  pipeline: string;
  fit: boolean;
  parts: CheckedPart[];
  namespaces: { namespace: string; target: string; identity: Relation['identity'] }[];
  promises: PromiseHeld[];
}

export interface CheckedPart {
  part: 'source' | 'transforms' | 'target' | 'nats';
  /** Where it is, without credentials. */
  address: string;
  findings: Finding[];
}

/**
 * Preflight of a whole pipeline: everything that is wrong at once, as far as the servers can be reached. `known`: also what
 * a start would stop at because of what the target has of it already; a start itself finds that out.
 */
export async function checkPipeline(
  spec: PipelineSpec,
  { known: asked = false } = {},
): Promise<CheckReport> {
  const ends = await PipelineEnds.load(spec);
  const chains = await loadChains(spec);
  ends.requireBoth();
  const known = asked ? await readKnown(ends, spec, chains) : UNASKED;
  const source = await checkSource(ends, spec, known);
  const { findings: atSource, relations, parts: named, besides } = source;
  const transforms = checkTransforms(spec, chains, relations);
  const changed = await shapedChanges(source.changes, chains);
  const atTarget = await checkTarget(ends, spec, transforms.relations, besides, changed.changes);
  atTarget.push(...known.findings, ...changed.findings);
  const misfit = ends.misfit();
  if (misfit !== null)
    atTarget.push({ level: 'error', subject: 'form of the data', message: misfit });
  const types = ends.typesMisfit();
  if (types !== null) atTarget.push({ level: 'error', subject: 'types', message: types });
  atSource.push(...nameFindings(spec, relations, named));
  if (spec.order === 'transaction' && ends.sourceCan.positions === 'checkpoint')
    atSource.push({
      level: 'error',
      subject: 'order',
      message: 'the source does not report where its transactions end; use order: key',
    });
  const parts: CheckedPart[] = [
    { part: 'source', address: describeUrl(spec.source.url.reveal()), findings: atSource },
    ...transformsPart(spec, transforms),
    { part: 'target', address: describeUrl(spec.target.url.reveal()), findings: atTarget },
    await checkNats(spec),
  ];
  return {
    pipeline: spec.name,
    fit: parts.every(({ findings }) => findings.every(({ level }) => level !== 'error')),
    parts,
    namespaces: relations.map(({ relation: { namespace, identity } }) => ({
      namespace,
      target: transforms.targetOf(namespace),
      identity,
    })),
    promises: [
      ...promisesFor(
        spec,
        transforms.relations.map(({ relation }) => relation),
        ends.targetCan,
        ends.sourceCan,
      ),
      ...transformPromises(transforms),
    ],
  };
}

function transformsPart(
  { transforms }: PipelineSpec,
  { findings }: CheckedTransforms,
): CheckedPart[] {
  if (transforms.length === 0) return [];
  const address = transforms.map(({ kind }) => kind).join(', ');
  return [{ part: 'transforms', address, findings }];
}

interface CheckedSource {
  findings: Finding[];
  relations: RelationPlan[];
  parts: string[];
  changes?: RelationBarrier[];
  besides?: unknown;
}

async function checkSource(
  ends: PipelineEnds,
  { mode, source: { namespaces }, lanes }: PipelineSpec,
  { plan, reached }: KnownPipeline,
): Promise<CheckedSource> {
  const source = ends.createSource();
  try {
    const {
      findings,
      relations,
      besides,
      changes = [],
      notCarried = [],
    } = await source.check({ mode, namespaces, lanes, ...reached }, plan);
    const alike = ends.sourceInfo.kind === ends.targetInfo.kind;
    if (alike && notCarried.length > 0) findings.push(notCarriedFinding(notCarried));
    const parts = relations.flatMap((plan) => source.partsOf?.(plan) ?? []);
    return { findings, relations, parts, changes, ...(alike && { besides }) };
  } catch (error) {
    return { findings: [toFinding(error)], relations: [], parts: [] };
  } finally {
    await source.close();
  }
}

async function checkTarget(
  ends: PipelineEnds,
  { order, onBadRow }: PipelineSpec,
  relations: RelationPlan[],
  besides: unknown,
  changes: readonly RelationBarrier[],
): Promise<Finding[]> {
  const sink = ends.createSink();
  try {
    if (order === 'transaction' && sink.createOrderedWriter === undefined)
      return [
        {
          level: 'error',
          subject: 'order',
          message: 'the target cannot apply whole transactions; use order: key',
        },
      ];
    const findings = await sink.check(relations, besides, changes);
    if (onBadRow === 'park' && sink.parking === null)
      findings.push({
        level: 'error',
        subject: 'onBadRow',
        message: 'is park, and this kind of target cannot put rows aside; use stop',
      });
    return findings;
  } catch (error) {
    return [toFinding(error)];
  } finally {
    await sink.close();
  }
}

async function checkNats(spec: PipelineSpec): Promise<CheckedPart> {
  const { url } = spec.nats;
  if (url === null)
    return {
      part: 'nats',
      address: 'none named',
      findings: [{ level: 'ok', subject: 'server', message: 'weir run starts one of its own' }],
    };
  const address = hostsOf(url.reveal());
  try {
    const hub = await connectHub({ url: url.reveal(), name: `weir-${spec.name}-check` });
    try {
      // Asks JetStream, which may be missing on a server that answers otherwise.
      await countWaiting(hub.control, { pipeline: spec.name, kind: 'lane', lane: 0 });
      return {
        part: 'nats',
        address,
        findings: [{ level: 'ok', subject: 'server', message: 'answers and has JetStream' }],
      };
    } finally {
      await hub.close();
    }
  } catch (error) {
    return { part: 'nats', address, findings: [toFinding(error)] };
  }
}

/** Where the source names them only when the pipeline is made, it is seen then. */
function nameFindings(
  spec: PipelineSpec,
  relations: readonly RelationPlan[],
  parts: readonly string[],
): Finding[] {
  if (relations.length === 0) return [];
  const namespaces = relations.map(({ relation }) => relation.namespace);
  return unmatchedNames(spec, namespaces, parts).map((each) => ({ level: 'error', ...each }));
}
