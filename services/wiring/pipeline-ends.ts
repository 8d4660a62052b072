import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type {
  Connector,
  ConnectorInfo,
  SinkCapabilities,
  SourceCapabilities,
} from '../../shared/connector/connector.ts';
import type { ConnectorLog, EndOptions, SinkOptions } from '../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import type { Source } from '../../shared/connector/source.ts';
import type { Verifier } from '../../shared/connector/verifier.ts';
import { commonDataType, TRANSFORMED } from '../../shared/connector/data-type.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { parseLogLevel } from '../../shared/logging/log-level.ts';
import { createLogger } from '../../shared/logging/logger.ts';
import { connectorFor } from '../connectors/registry.ts';
import { cannotFanOut, fansOut } from '../transformer/fans-out.ts';
import { stateFolder } from '../supervisor/state-folder.ts';
import { createStreamedVerifiers } from '../verifier/streamed-verifiers.ts';
import { loadNamespaceMap } from './transform-chains.ts';

/** Both connectors of a pipeline, for commands that talk to the stores themselves. Nothing is connected yet. */
export class PipelineEnds {
  readonly #spec: PipelineSpec;
  readonly #source: Connector;
  readonly #target: Connector;
  readonly #map: PipelineSpec['map'];
  readonly #log: ConnectorLog;

  private constructor(
    spec: PipelineSpec,
    source: Connector,
    target: Connector,
    map: PipelineSpec['map'],
  ) {
    this.#spec = spec;
    this.#map = map;
    this.#source = source;
    this.#target = target;
    // The command's own output is what the user asked for; only warnings come between.
    const level = parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'warn');
    this.#log = createLogger({ service: 'cli', pipeline: spec.name, level });
  }

  static async load(spec: PipelineSpec): Promise<PipelineEnds> {
    const source = await connectorFor(spec.source.url.reveal());
    const target = await connectorFor(spec.target.url.reveal());
    return new PipelineEnds(spec, source, target, await loadNamespaceMap(spec));
  }

  /** Throws NOT_SUPPORTED where one of the ends is no such end, the source first. */
  requireBoth(): void {
    if (this.#source.createSource === undefined) lacks('source.url', 'read from');
    if (this.#target.createSink === undefined) lacks('target.url', 'written to');
  }

  createSource(): Source {
    const url = this.#spec.source.url.reveal();
    const source = this.#source.createSource?.({ pipeline: this.#spec.name, url, log: this.#log });
    return source ?? lacks('source.url', 'read from');
  }

  createSink(): Sink {
    return createSinkOf(this.#target, this.#spec, {
      map: this.#map,
      log: this.#log,
      keepsStoredForm: true,
    });
  }

  /** In the stores themselves where both are of one kind, else in Weir. */
  createVerifiers(): { source: Verifier; target: Verifier } {
    const [source, target] = [this.#source, this.#target];
    const [from, to] = [this.#spec.source, this.#spec.target].map(({ url }) => ({
      pipeline: this.#spec.name,
      log: this.#log,
      url: url.reveal(),
    })) as [EndOptions, EndOptions];
    const isSameKind = source.getInfo().kind === target.getInfo().kind;
    if (isSameKind && source.createVerifier !== undefined)
      return { source: source.createVerifier(from), target: source.createVerifier(to) };
    if (source.createRowReader === undefined || target.createRowReader === undefined) {
      const { kind } = (source.createRowReader === undefined ? source : target).getInfo();
      throw new WeirError(
        'NOT_SUPPORTED',
        `weir verify cannot read back the rows of a ${kind}: end; compare counts with weir status`,
      );
    }
    const { mode } = this.#spec;
    const readPlan = (): Promise<PipelinePlan | null> => this.#readPlan();
    const readers = {
      source: source.createRowReader({ ...from, mode, readPlan }),
      target: target.createRowReader({ ...to, mode, readPlan }),
    };
    return createStreamedVerifiers(readers, this.#map);
  }

  async #readPlan(): Promise<PipelinePlan | null> {
    const sink = this.createSink();
    try {
      return (await sink.readState())?.plan ?? null;
    } finally {
      await sink.close();
    }
  }

  get sourceInfo(): ConnectorInfo {
    return this.#source.getInfo();
  }

  get targetInfo(): ConnectorInfo {
    return this.#target.getInfo();
  }

  /** Why `types` of the pipeline file cannot be followed; null where it can. */
  typesMisfit(): string | null {
    return typesMisfit(this.#spec, this.targetInfo);
  }

  get sourceCan(): SourceCapabilities {
    return this.sourceInfo.source ?? lacks('source.url', 'read');
  }

  get targetCan(): SinkCapabilities {
    return this.targetInfo.sink ?? lacks('target.url', 'written to');
  }

  /** Why the target cannot take what the source gives; null where it can. */
  misfit(): string | null {
    const { kind: from, gives } = this.#source.getInfo();
    const { kind: to, takes } = this.#target.getInfo();
    if (fansOut(this.#spec.transforms) && this.targetInfo.spreads !== true) return cannotFanOut(to);
    if (this.#spec.transforms.length > 0) return transformedMisfit(gives, takes);
    if (commonDataType(gives, takes) !== null) return null;
    return `it accepts none of the formats that a source of the kind ${from} sends, as ${to} accepts others; choose another target`;
  }
}

/** What a sink is beside what the pipeline file says. */
type SinkParts = Pick<SinkOptions, 'log' | 'map' | 'keepsStoredForm' | 'retrySteps'>;

/** Throws NOT_SUPPORTED where the connector has no sink. */
export function createSinkOf(connector: Connector, spec: PipelineSpec, parts: SinkParts): Sink {
  const { name, mode, target, types, order, workers, onBadRow } = spec;
  const sink = connector.createSink?.({
    ...parts,
    pipeline: name,
    url: target.url.reveal(),
    create: target.create,
    copies: mode !== 'changes',
    types,
    order,
    workers,
    onBadRow,
    stateFolder: stateFolder(),
  });
  return sink ?? lacks('target.url', 'written to');
}

export function typesMisfit(
  { types }: Pick<PipelineSpec, 'types'>,
  { kind, makesTypes }: ConnectorInfo,
): string | null {
  if (makesTypes === true || Object.keys(types).length === 0) return null;
  return `types is for targets that make columns of types of their own, as ${kind} does not; remove it`;
}

function transformedMisfit(
  gives: readonly string[],
  takes: readonly string[] | 'any',
): string | null {
  const seen = gives.filter((type) => TRANSFORMED.includes(type));
  if (seen.length === 0)
    return 'the source gives neither rows as text nor documents, which is what transforms see';
  if (commonDataType(seen, takes) !== null) return null;
  return 'it does not take the rows or documents of this source as transforms see them; choose another target, or leave the transforms out';
}

function lacks(key: string, verb: string): never {
  throw new WeirError('NOT_SUPPORTED', `${key} names a kind of store that cannot be ${verb}`);
}
