import type { Position } from '../../../../shared/change/position.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  ChunkReceiver,
  SourceScope,
  SourceSession,
} from '../../../../shared/connector/source.ts';
import type { Chunk } from '../../../../shared/connector/chunk.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { pause } from '../../../../shared/lifecycle/backoff.ts';
import { ignoreFailure } from '../../../../shared/lifecycle/detach.ts';
import { runTogether } from '../../../../shared/lifecycle/run-together.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { connect } from '../connection/connection.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { lsnToPosition, positionToLsn, type Lsn } from '../connection/lsn.ts';
import type { LockWatch } from './lock-watch.ts';
import { pipelineObjectName, quoteIdent } from '../connection/names.ts';
import { PgOutputDecoder } from './log/pgoutput.ts';
import { toSourceError } from '../connection/postgres-error.ts';
import { publicationNames } from './publication.ts';
import { ReleasedPosition } from './log/released-position.ts';
import { streamReplication } from './log/replication-stream.ts';
import { awaitInactiveSlot, changesApplicationName } from './replication-slot.ts';
import { emitMarker, readLogEnd, type ServerFacts } from '../connection/server-facts.ts';
import { knownPartitions, readSideState } from './source-side-state.ts';
import { noteSlotOwner } from './slot-owner.ts';
import type { SnapshotReaders } from './snapshot/snapshot-readers.ts';
import { StreamRelations, TextStreamNeeded } from './log/stream-relations.ts';
import { StructureWatch } from './structure-watch.ts';
import type { TableDefinition } from '../catalog/table-definition.ts';

const HEARTBEAT_MS = 10_000;
/** Between two looks at the catalog for changes that the log does not tell. */
const STRUCTURE_MS = 3_000;
/** A chunk is read in less, unless the target or the broker is slow. */
const PATIENCE_MS = 5_000;

export interface SessionOptions extends EndOptions {
  plan: PipelinePlan;
  scope: Pick<SourceScope, 'namespaces' | 'onWaitingDdl'>;
  /** Of the plan, as they were when the publications were chosen. */
  tables: readonly SourceTable[];
  encoding: 'binary' | 'text';
  facts: ServerFacts;
  /** Holds the pipeline's lock; closed with the session. */
  control: ControlConnection;
  /** Null where nothing is to be copied. */
  readers: SnapshotReaders | null;
  /** Null where nothing is followed. */
  slotStart: Lsn | null;
  /** Of a slot that is not noted to be kept yet. */
  newOwner: string | null;
  watch: LockWatch;
}

/** An open pipeline at a PostgreSQL source. */
export class PostgresSourceSession implements SourceSession {
  readonly plan: PipelinePlan;
  readonly #options: SessionOptions;
  readonly #released: ReleasedPosition | null;
  readonly #relations: StreamRelations;
  readonly #structure: StructureWatch;
  #looking: Promise<void> = Promise.resolve();
  readonly #endWatch: () => void;
  /** Chunks that have not been read yet; the snapshot is given back when there are none. */
  readonly #unread: Set<number>;
  /** What the target has of them, or what has been found out. */
  readonly #partitions: Map<string, boolean>;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.plan = options.plan;
    const { slotStart, control, plan, tables, encoding } = options;
    this.#released = slotStart === null ? null : new ReleasedPosition(lsnToPosition(slotStart));
    this.#relations = new StreamRelations(control, plan, tables, encoding);
    this.#structure = new StructureWatch(control, options.pipeline, tables);
    this.#partitions = knownPartitions(plan);
    const unrecorded = plan.namespaces.filter(({ definition }) => !isRecorded(definition));
    if (unrecorded.length > 0 && slotStart !== null)
      options.log.info(
        { namespaces: unrecorded.length },
        'plan of an earlier version: what the tables and columns are is taken from the source as it is now',
      );
    this.#endWatch = this.#watchLocks();
    this.#unread = new Set(plan.namespaces.flatMap((n) => n.chunks.map((chunk) => chunk.id)));
  }

  async listData(
    chunk: Chunk,
    receive: ChunkReceiver,
    signal: AbortSignal,
  ): Promise<{ rows: number }> {
    const { readers, control } = this.#options;
    await this.#keepSlot();
    const namespace = this.plan.namespaces.find((n) => n.relation.namespace === chunk.namespace);
    if (readers === null || namespace === undefined)
      throw new WeirError('INTERNAL', `chunk ${chunk.id} is not in the plan`);
    const both = AbortSignal.any([signal, control.lost]);
    const result = await readers.listData(namespace.relation, chunk, receive, both);
    this.#unread.delete(chunk.id);
    // An open snapshot keeps the server from cleaning up; nobody needs it any more.
    if (this.#unread.size === 0) await this.#closeReaders();
    return result;
  }

  async streamUpdates(
    from: Position,
    receiver: ChangeReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    const released = this.#released;
    if (released === null)
      throw new WeirError('NOT_SUPPORTED', 'This pipeline copies only; it follows no changes.');
    await this.#keepSlot();
    const both = AbortSignal.any([signal, this.#options.control.lost]);
    if (receiver.together !== undefined) this.#relations.together = receiver.together;
    await runTogether(both, [
      (either) => this.#follow(from, receiver, released, either),
      (either) => this.#watchStructure(either),
    ]);
    const { lost } = this.#options.control;
    if (lost.aborted && !signal.aborted) throw this.#toError(lost.reason);
  }

  async #follow(
    from: Position,
    receiver: ChangeReceiver,
    released: ReleasedPosition,
    signal: AbortSignal,
  ): Promise<void> {
    let start = from;
    for (;;) {
      const decoder = new PgOutputDecoder({
        receiver,
        resolver: this.#relations,
        from: start,
        binary: this.#relations.encoding === 'binary',
      });
      try {
        await this.#stream(start, decoder, receiver, released, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof TextStreamNeeded)) throw this.#toError(error);
        this.#relations.useText();
        start = decoder.last.toString('hex') as Position;
        this.#options.log.info(
          {},
          'stream goes on in text, for a column without a portable binary form',
        );
      }
    }
  }

  release(position: Position): void {
    this.#released?.advance(position);
  }

  async head(): Promise<Position> {
    const { control, facts } = this.#options;
    if (this.#released !== null) await this.#look();
    const end = await readLogEnd(control);
    if (this.#released !== null && !facts.isStandby) await emitMarker(control);
    return lsnToPosition(end);
  }

  async sideState(): Promise<unknown> {
    const { control, tables, scope } = this.#options;
    const oids = tables.map((table) => table.oid);
    return control.run('reading sequences and partitions', (client) =>
      readSideState(client, oids, this.#partitions, scope.namespaces),
    );
  }

  async close(): Promise<void> {
    await this.#closeReaders();
    await this.#options.control.close();
  }

  /** While something is copied; whoever waits for it for too long is given way to. */
  #watchLocks(): () => void {
    const { readers, watch, scope } = this.#options;
    if (readers === null) return () => undefined;
    const end = watch.begin();
    if (scope.onWaitingDdl !== 'wait')
      watch.onWaitsForUs = (waits) => {
        const late = waits.find(({ waitedMs }) => waitedMs > PATIENCE_MS);
        if (late !== undefined) readers.giveWay(late.sentence);
      };
    return end;
  }

  async #closeReaders(): Promise<void> {
    this.#endWatch();
    await this.#options.readers?.close();
  }

  /** Whoever reads has the plan in the target: from now on the slot is that target's. */
  #keepSlot(): Promise<void> {
    const { newOwner, control, pipeline } = this.#options;
    if (newOwner === null) return Promise.resolve();
    this.#kept ??= noteSlotOwner(control, pipeline, { owner: newOwner, state: 'kept' });
    return this.#kept;
  }
  #kept: Promise<void> | undefined;

  async #watchStructure(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await pause(STRUCTURE_MS, signal);
    }
  }

  /**
   * What has changed in the catalog comes through the stream, where the log ended after the look. One after the other,
   * and none while something is on its way.
   */
  #look(): Promise<void> {
    const look = this.#looking.then(async () => {
      if (this.#relations.due !== null) return;
      const { control } = this.#options;
      try {
        await this.#relations.compare(
          () => this.#structure.read(),
          () => readLogEnd(control),
        );
      } catch (error) {
        this.#structure.forget();
        throw error;
      }
      if (this.#relations.due === null) return;
      // Once it is told, look again: more may have come.
      this.#structure.forget();
      await emitMarker(control);
    });
    // Whoever asked for this look is told how it failed; the next one begins all the same.
    this.#looking = look.catch(ignoreFailure);
    return look;
  }

  async #stream(
    start: Position,
    decoder: PgOutputDecoder,
    receiver: ChangeReceiver,
    released: ReleasedPosition,
    signal: AbortSignal,
  ): Promise<void> {
    const { url, pipeline, control } = this.#options;
    const slotName = pipelineObjectName(pipeline);
    const slot = await awaitInactiveSlot(control, slotName, pipeline, signal);
    if (slot === null || slot.isLost || lsnToPosition(slot.confirmedFlush) > start)
      throw positionLost(slotName, slot, start);
    const client = await connect(url, {
      applicationName: changesApplicationName(pipeline),
      replication: true,
    });
    const heartbeat = setInterval(() => {
      if (Date.now() - decoder.lastCommitAtMs < HEARTBEAT_MS) return;
      // Losing the control connection ends the stream by `lost`; here it need only be said.
      emitMarker(control).catch((error: unknown) =>
        this.#options.log.warn({ error: String(error) }, 'heartbeat failed'),
      );
    }, HEARTBEAT_MS);
    try {
      await streamReplication({
        client,
        start: this.#startStatement(slotName, start),
        decoder,
        receiver,
        released,
        signal,
      });
    } finally {
      clearInterval(heartbeat);
      // Also where the wish to stop came before the stream began.
      client.connection.stream.destroy();
    }
  }

  #startStatement(slotName: string, start: Position): string {
    const { pipeline, facts } = this.#options;
    const names = publicationNames(pipeline);
    const options = [`proto_version '1'`, `publication_names '${names.changes},${names.inserts}'`];
    if (facts.version >= 140_000) {
      options.push(`messages 'true'`);
      if (this.#relations.encoding === 'binary') options.push(`binary 'true'`);
    }
    return `START_REPLICATION SLOT ${quoteIdent(slotName)} LOGICAL ${positionToLsn(start)} (${options.join(', ')})`;
  }

  #toError(error: unknown): unknown {
    return toSourceError(error, `following the changes of ${this.#options.control.where}`);
  }
}

/** The slot no longer has what comes after `start`. */
export function positionLost(
  slotName: string,
  slot: { isLost: boolean; lostReason: string | null; confirmedFlush: Lsn } | null,
  start: Position,
): WeirError {
  let what = `has moved on to ${slot?.confirmedFlush ?? ''}, past ${positionToLsn(start)} where the target stands: the target lost what it had committed (it was restored, or failed over to a standby that was behind), or someone moved the slot`;
  if (slot === null) what = 'was dropped';
  else if (slot.isLost)
    what = `was invalidated by the server (${slot.lostReason ?? 'lost'}), because it had fallen too far behind or was of no use for too long`;
  return new WeirError(
    'POSITION_LOST',
    `The replication slot ${slotName} of the source ${what}; changes committed after ${positionToLsn(start)} that the target does not hold are gone: run \`weir reset\` and copy again.`,
  );
}

function isRecorded(definition: unknown): boolean {
  return (definition as TableDefinition | null | undefined)?.record !== undefined;
}
