import type pg from 'pg';
import type { Position } from '../../../../shared/change/position.ts';
import type { Relation, RelationPlan } from '../../../../shared/change/relation.ts';
import type { Finding } from '../../../../shared/connector/finding.ts';
import type { SinkOptions } from '../../../../shared/connector/end-options.ts';
import type { Parking } from '../../../../shared/connector/parking.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type {
  ChunkHead,
  ChunkOutcome,
  LaneBatch,
  LaneProgress,
  OrderedWriter,
  PipelineProgress,
  PipelineState,
  Sink,
} from '../../../../shared/connector/sink.ts';
import { TypeOverrides } from '../../../../shared/connector/type-overrides.ts';
import type { DesiredState } from '../../../../shared/progress/desired-state.ts';
import type { Barrier, RelationBarrier } from '../../../../shared/change/barrier.ts';
import { isKeptState } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { StoredPipeline } from '../../../../shared/state/stored-pipeline.ts';
import { applyChanges } from './apply/apply-changes.ts';
import { readBoundNow } from './check/bound-together.ts';
import { IsolatingWriter } from './isolate/isolating-writer.ts';
import { UnconvertedDocuments } from './documents/unconverted-documents.ts';
import { DocumentWriter } from './documents/document-writer.ts';
import { describeServer } from '../connection/connection-url.ts';
import { probeConnection } from '../connection/connection.ts';
import { InsertFastPath } from './apply/insert-fast-path.ts';
import { GroupCommit } from './apply/group-commit.ts';
import { isolateNextTime, loadChunk } from './load/load-chunk.ts';
import { NamespaceFinisher } from './load/namespace-finisher.ts';
import { PostgresOrderedWriter } from './ordered/ordered-writer.ts';
import { postgresQuarantine } from './quarantine/postgres-quarantine.ts';
import { parkingOver } from '../../../../shared/state/quarantine/parking-over.ts';
import type { Aside } from '../../../../shared/state/quarantine/aside.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { PostgresState } from './state/postgres-state.ts';
import { requireRecordedTables } from './target/recorded-table.ts';
import { RelationCache } from './target/relation-cache.ts';
import { runBarrier } from './barrier/run-barrier.ts';
import { savePlan } from './plan/save-plan.ts';
import type { PlanTarget } from './target/plan-target.ts';
import { waitingAt } from '../connection/session-watch.ts';
import { SideStateWriter } from './plan/side-state.ts';
import type { SideState, StandaloneSequence } from '../catalog/table-definition.ts';
import { checkTarget } from './check/target-check.ts';
import { createTargetNames } from './target/target-names.ts';
import { NativeTypes } from './target/native-types.ts';
import { writeIsolating } from './isolate/write-isolating.ts';
import type { WriteTarget } from './target/write-target.ts';
import {
  openControlSession,
  openWriterSession,
  type WriterSession,
} from './session/writer-session.ts';
import { WriterPool } from './session/writer-pool.ts';
import { writeTogether } from './apply/write-together.ts';

/** Stands for a lane where a session keeps to batches of several. */
const TOGETHER = -1;

export function createPostgresSink(options: SinkOptions): Sink {
  return new PostgresSink(options);
}

/**
 * Data goes over `workers` connections; what is short and about the pipeline itself has one of its own, so that it
 * never waits for data; building indexes has one for as long as it takes.
 */
class PostgresSink implements Sink {
  readonly #options: SinkOptions;
  readonly #target: PlanTarget;
  readonly #writers: WriterPool;
  readonly #control: WriterPool;
  readonly #relations: RelationCache;
  readonly #finisher: NamespaceFinisher;
  readonly #sideState: SideStateWriter;
  readonly #careful: IsolatingWriter;
  readonly #documents: DocumentWriter;
  readonly #fresh = new InsertFastPath();
  readonly #group = new GroupCommit({
    alone: (batch) => this.#writeAlone(batch),
    together: (batches) => this.#writeTogether(batches),
  });
  readonly parking: Parking;

  constructor(options: SinkOptions) {
    this.#options = options;
    const { pipeline, create, order, url, log } = options;
    const names = createTargetNames(options.map);
    const natives = new NativeTypes(new TypeOverrides(options.types));
    this.#target = { pipeline, create, copies: options.copies ?? true, order, names, natives };
    const applicationName = `weir ${pipeline}`;
    this.#writers = new WriterPool(options.workers, () => openWriterSession(url, applicationName));
    this.#control = new WriterPool(1, () => openControlSession(url, applicationName));
    this.#relations = new RelationCache(this.#target, pipeline);
    this.#finisher = new NamespaceFinisher(options, this.#target);
    this.#sideState = new SideStateWriter(this.#target, log);
    this.#careful = new IsolatingWriter(log);
    this.#documents = new DocumentWriter(this.#target.names, options);
    this.parking = parkingOver(
      postgresQuarantine({
        pipeline,
        relations: this.#relations,
        documents: this.#documents,
        ask: (work) => this.#ask('looking after parked rows at', work),
        write: (work) => this.#write(null, work),
      }),
      options.retrySteps,
    );
  }

  check(
    relations: readonly RelationPlan[],
    besides?: unknown,
    changes?: readonly RelationBarrier[],
  ): Promise<Finding[]> {
    const { url, pipeline } = this.#options;
    return this.#ask('checking', async (client) => {
      await probeConnection(url, { applicationName: `weir ${pipeline} check` });
      const natives = await this.#target.natives.at(client);
      const made = relations.map((plan) => natives.plan(plan));
      const plans = await this.#documents.plans(client, made);
      const standalone = (besides ?? []) as StandaloneSequence[];
      const findings = await checkTarget(client, this.#target, plans, standalone, changes);
      return [...findings, ...natives.findings(relations)];
    });
  }

  readState(): Promise<PipelineState | null> {
    return this.#askState('reading the state of', (state) => state.readState());
  }

  readProgress(): Promise<PipelineProgress | null> {
    return this.#askState('reading the progress of', (state) => state.readProgress());
  }

  writeDesired(desired: DesiredState): Promise<boolean> {
    return this.#askState('noting what is wanted at', (state) => state.writeDesired(desired));
  }

  beginReader(): Promise<number> {
    return this.#askState('starting a reader at', (state) => state.beginReader());
  }

  savePlan(plan: PipelinePlan, readerEpoch: number): Promise<readonly string[]> {
    return this.#ask('storing the plan at', (client) =>
      savePlan(client, this.#target, plan, readerEpoch),
    );
  }

  async writeData(chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<ChunkOutcome> {
    const { pipeline, onBadRow } = this.#options;
    let careful = false;
    try {
      return await this.#write(null, async (session) => {
        const misfits = new UnconvertedDocuments();
        const rows = await this.#documents.chunk(session.client, chunk, parts, misfits);
        const options = {
          misfits,
          repeats: rows.repeats,
          asFailed: rows.asFailed,
          pipeline,
          onBadRow,
          targetOf: (relation: Relation) => this.#relations.targetOf(session.client, relation),
          onCareful: () => (careful = true),
          onParked: (refused: readonly Aside[]) => this.#careful.tell(refused),
        };
        return loadChunk(session, options, rows.chunk, rows.parts);
      });
    } catch (error) {
      this.#documents.forget(chunk.namespace);
      if (careful || !(error instanceof WeirError) || error.code !== 'ROW_REFUSED') throw error;
    }
    await this.#ask('looking for a refused row at', (client) =>
      isolateNextTime(client, pipeline, chunk),
    );
    return 'again';
  }

  async finishNamespaces(): Promise<ReadonlyMap<string, Position>> {
    const doing = 'finishing tables at';
    try {
      return await this.#finisher.finish((work) => this.#ask(doing, work));
    } catch (error) {
      throw this.#told(error, doing);
    }
  }

  readLimits(): Promise<ReadonlyMap<string, Position>> {
    const doing = 'looking for finished tables at';
    return this.#finisher.limits((work) => this.#ask(doing, work));
  }

  openLane(lane: number): Promise<LaneProgress> {
    return this.#write(lane, ({ client }) =>
      new StoredPipeline(new PostgresState(client, this.#options.pipeline)).openLane(lane),
    );
  }

  async writeUpdates(given: LaneBatch): Promise<void> {
    const { pipeline, onBadRow } = this.#options;
    const { batch, misfits, placeOf } = DocumentWriter.concerns(given)
      ? await this.#write(given.before.lane, ({ client }) => this.#documents.batch(client, given))
      : { batch: given, misfits: [], placeOf: undefined };
    const fast = (): Promise<void> => this.#group.write(batch);
    return this.#careful.write(batch, misfits.length > 0 ? null : fast, (care) =>
      this.#writeBatch(batch, (session, targets) =>
        writeIsolating(session, { pipeline, onBadRow, ...care }, batch, targets, misfits, placeOf),
      ),
    );
  }

  #writeAlone(batch: LaneBatch): Promise<void> {
    const { pipeline } = this.#options;
    return this.#fresh.write(batch, () =>
      this.#writeBatch(batch, (session, targets) =>
        applyChanges(session, pipeline, batch, targets, { freshRows: this.#fresh }),
      ),
    );
  }

  #writeTogether(batches: readonly LaneBatch[]): Promise<readonly LaneBatch[]> {
    return this.#write(TOGETHER, (session) =>
      writeTogether(session, this.#options.pipeline, batches, (batch) =>
        this.#targetsOf(session, batch),
      ),
    );
  }

  #writeBatch<T>(
    batch: LaneBatch,
    write: (session: WriterSession, targets: WriteTarget[]) => Promise<T>,
  ): Promise<T> {
    return this.#write(batch.before.lane, async (session) => {
      try {
        return await write(session, await this.#targetsOf(session, batch));
      } catch (error) {
        // Whatever is wrong may be mended at the target: look again next time.
        for (const { relation } of batch.changes) {
          this.#relations.forget(relation.namespace);
          this.#documents.forget(relation.namespace);
        }
        throw error;
      }
    });
  }

  async #targetsOf({ client }: WriterSession, { changes }: LaneBatch): Promise<WriteTarget[]> {
    const targets: WriteTarget[] = [];
    for (const { relation } of changes)
      targets.push(await this.#relations.targetOf(client, relation));
    return targets;
  }

  createOrderedWriter(): OrderedWriter {
    const { url, pipeline, log } = this.#options;
    return new PostgresOrderedWriter({
      target: this.#target,
      relations: this.#relations,
      log,
      open: () => openWriterSession(url, `weir ${pipeline}`),
    });
  }

  arriveAtBarrier(lane: LaneProgress, position: Position): Promise<boolean> {
    return this.#askState(
      'coming to a barrier at',
      (state) => state.arriveAtBarrier(lane, position),
      true,
    );
  }

  barrierDone(position: Position): Promise<boolean> {
    return this.#askState('asking for a barrier at', (state) => state.barrierDone(position), true);
  }

  async runBarrier(batch: LaneBatch, barrier: Barrier): Promise<void> {
    const { onBadRow } = this.#options;
    const refused = await this.#write(batch.before.lane, (session) =>
      runBarrier(session, { ...this.#target, onBadRow }, this.#relations, batch, barrier),
    );
    if (refused.length > 0) this.#careful.tell(refused);
  }

  writeSideState(state: unknown): Promise<void> {
    return this.#ask('setting sequences at', async (client) => {
      const { pipeline, names } = this.#target;
      // Writers look their tables up once; this comes again and again.
      await requireRecordedTables(client, pipeline, names);
      if (isKeptState(state))
        await new StoredPipeline(new PostgresState(client, pipeline, true)).writeSideState(state);
      else if (state !== null && state !== undefined)
        await this.#sideState.write(client, state as SideState);
    });
  }

  readTogether(): Promise<string[]> {
    return this.#ask('looking for unique indexes of', (client) =>
      readBoundNow(client, this.#target.names, this.#options.pipeline),
    );
  }

  problem(): string | null {
    return waitingAt(this.#options.url);
  }

  warnings(): readonly string[] {
    return this.#sideState.warnings;
  }

  reset(): Promise<void> {
    return this.#askState('resetting the pipeline at', (state) => state.reset());
  }

  async close(): Promise<void> {
    await Promise.all([this.#writers.close(), this.#control.close(), this.#finisher.close()]);
  }

  /** `found`: its tables are there, as they are for whoever has a lane. */
  #askState<T>(
    doing: string,
    work: (state: StoredPipeline) => Promise<T>,
    found = false,
  ): Promise<T> {
    const { pipeline, keepsStoredForm } = this.#options;
    return this.#ask(doing, (client) =>
      work(new StoredPipeline(new PostgresState(client, pipeline, found, keepsStoredForm))),
    );
  }

  async #ask<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    try {
      return await this.#control.run(null, ({ client }) => work(client));
    } catch (error) {
      throw this.#told(error, doing);
    }
  }

  async #write<T>(lane: number | null, work: (session: WriterSession) => Promise<T>): Promise<T> {
    try {
      return await this.#writers.run(lane, work);
    } catch (error) {
      throw this.#told(error, 'writing to');
    }
  }

  #told(error: unknown, doing: string): Error {
    return toPostgresError(error, `${doing} ${describeServer(this.#options.url)}`);
  }
}
