import { tmpdir } from 'node:os';
import type { Relation } from '../../shared/change/relation.ts';
import { readPosition, type Position } from '../../shared/change/position.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { LaneProgress, NetChanges, Sink } from '../../shared/connector/sink.ts';
import type { ChangeReceiver, Source, SourceSession } from '../../shared/connector/source.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { toWeirError, type WeirError } from '../../shared/errors/weir-error.ts';
import { reachedBy } from '../../services/source-reader/known-state.ts';
import { createPostgresSink } from '../../services/connectors/postgres/sink/sink.ts';
import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import { silentLog } from './sink-pipeline.ts';
import { waitFor } from './wait-for.ts';

const SCOPE = { mode: 'snapshot+changes' as const, namespaces: undefined, lanes: 1 };

let made = 0;

/** Makes the two ends of a pipeline of that name. */
export interface DirectEnds {
  source: (pipeline: string) => Source;
  sink: (pipeline: string) => Sink;
  /** The form of data that both know; left out, the source chooses. */
  dataType?: string;
}

/**
 * A source, of PostgreSQL where nothing else is said, that writes straight into a sink, in this process: everything that two connectors do
 * with each other, one change after the other in a single lane, without broker and services. `stop` and `start` are a
 * restart of the pipeline.
 */
export class DirectPipeline {
  readonly name = `direct-${process.pid}-${++made}`;
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #dataType: string | undefined;
  #session: SourceSession | undefined;
  #progress: LaneProgress | undefined;
  #readerEpoch = 0;
  #abort = new AbortController();
  #stream: Promise<void> = Promise.resolve();
  #applied: Promise<void> = Promise.resolve();
  #failure: WeirError | undefined;

  constructor(source: string, target: string, ends: DirectEnds = postgresEnds(source, target)) {
    this.#source = ends.source(this.name);
    this.#sink = ends.sink(this.name);
    this.#dataType = ends.dataType;
  }

  /** Opens both ends, copies what is to be copied, and follows. Fails as a start of the pipeline does. */
  async start(): Promise<void> {
    await this.open();
    await this.copy();
    this.follow();
  }

  /** What `weir check` finds of a pipeline that may have run. */
  async check(): Promise<Finding[]> {
    const known = (await this.#sink.readState())?.plan ?? null;
    const { findings, relations, besides, changes } = await this.#source.check(SCOPE, known);
    return [...findings, ...(await this.#sink.check(relations, besides, changes))];
  }

  async open(): Promise<PipelinePlan> {
    this.#abort = new AbortController();
    this.#failure = undefined;
    const state = await this.#sink.readState();
    const scope = {
      ...SCOPE,
      ...reachedBy(state),
      ...(this.#dataType !== undefined && { dataType: this.#dataType }),
      kept: state?.kept,
    };
    this.#session = await this.#source.open(scope, state?.plan ?? null, this.#abort.signal);
    this.#readerEpoch = await this.#sink.beginReader();
    await this.#sink.savePlan(this.#session.plan, this.#readerEpoch);
    this.#progress = await this.#sink.openLane(0);
    return this.#session.plan;
  }

  /** Up to so many chunks. */
  async copy(most = Infinity): Promise<void> {
    const session = this.#session!;
    let left = most;
    for (const { relation, chunks } of session.plan.namespaces)
      for (const chunk of chunks) {
        if (left-- <= 0) return;
        const parts: Buffer[] = [];
        const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
        const { rows } = await session.listData(chunk, receive, this.#abort.signal);
        const head = { relation, rows: () => rows, filtered: () => 0, batchKey: () => `${rows}` };
        await this.#sink.writeData({ ...chunk, ...head }, toParts(parts));
      }
    await this.#sink.finishNamespaces();
  }

  follow(): void {
    const { position } = this.#progress!;
    this.#stream = this.#session!.streamUpdates(
      position,
      this.#receiver(),
      this.#abort.signal,
    ).then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= toWeirError(error);
      },
    );
  }

  /** Waits until the target has everything that was committed, or throws what the pipeline stops with. */
  async catchUp(): Promise<void> {
    try {
      const head = (await this.#session!.head())!;
      await waitFor('the target to hold everything', () =>
        this.#failure !== undefined || this.#progress!.position >= head ? true : undefined,
      );
    } catch (error) {
      this.#failure ??= toWeirError(error);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** As a reader does now and then. */
  async writeSideState(): Promise<void> {
    await this.#sink.writeSideState(await this.#session!.sideState());
  }

  /** What the target has is released, and what the source wants to know of it is kept there. */
  async checkpoint(): Promise<void> {
    this.#session!.release(this.#progress!.position);
    await this.writeSideState();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#stream;
    await this.#applied;
    await this.#session?.close();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#source.reset();
    await Promise.all([this.#source.close(), this.#sink.close()]);
  }

  #receiver(): ChangeReceiver {
    return {
      change: (kind, relation, position, key, row, partial) => {
        const at = readPosition(position, 0);
        const changes = [toNetChanges(kind, relation, Buffer.from(key), Buffer.from(row), partial)];
        this.#then(at, (progress, after) =>
          this.#sink.writeUpdates({ before: progress, after, changes, counts: new Map() }),
        );
      },
      barrier: (position, barrier) => this.#then(readPosition(position, 0), (before, after) => this.#pass(before, after, barrier)), // prettier-ignore
      commit: (position) => this.#reach(readPosition(position, 0)),
      watermark: (position) => this.#reach(readPosition(position, 0)),
      ready: () => this.#applied,
    };
  }

  #reach(position: Position): void {
    this.#then(position, (before, after) =>
      this.#sink.writeUpdates({ before, after, changes: [], counts: new Map() }),
    );
  }

  async #pass(before: LaneProgress, after: LaneProgress, barrier: Barrier): Promise<void> {
    await this.#sink.arriveAtBarrier(before, after.position);
    await this.#sink.runBarrier({ before, after, changes: [], counts: new Map() }, barrier);
  }

  /** One after the other; nothing more after a failure. */
  #then(at: Position, step: (before: LaneProgress, after: LaneProgress) => Promise<void>): void {
    this.#applied = this.#applied.then(async () => {
      const before = this.#progress!;
      if (this.#failure !== undefined || at <= before.position) return;
      const sequence = before.sequence + 1;
      const after = { ...before, readerEpoch: this.#readerEpoch, sequence, position: at };
      try {
        await step(before, after);
        this.#progress = after;
      } catch (error) {
        this.#failure ??= toWeirError(error);
      }
    });
  }
}

function postgresEnds(source: string, target: string): DirectEnds {
  return {
    source: (pipeline) => createPostgresSource({ pipeline, url: source, log: silentLog() }),
    sink: (pipeline) =>
      createPostgresSink({
        pipeline,
        url: target,
        log: silentLog(),
        create: 'missing',
        map: {},
        order: 'key',
        workers: 2,
        stateFolder: tmpdir(),
        onBadRow: 'stop',
      }),
  };
}

function toNetChanges(
  kind: ChangeKind,
  relation: Relation,
  key: Buffer,
  row: Buffer,
  partial: boolean,
): NetChanges {
  const none = { relation, upserts: [], partial: [], deletes: [] };
  if (kind === 'delete') return { ...none, deletes: [key] };
  return partial ? { ...none, partial: [row] } : { ...none, upserts: [row] };
}

async function* toParts(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield await Promise.resolve(part);
}
