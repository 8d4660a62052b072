import {
  FIRST_POSITION,
  parsePosition,
  readPosition,
  type Position,
} from '../../../../shared/change/position.ts';
import type { StoreOptions, UpdatesStart } from '../../../../shared/connector/store.ts';
import type { ChangeReceiver, Source, SourceScope } from '../../../../shared/connector/source.ts';
import { TUPLES } from '../../../../shared/connector/data-type.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { runTogether } from '../../../../shared/lifecycle/run-together.ts';
import { readCatalog } from '../catalog/catalog.ts';
import { connect, disconnect } from '../connection/connection.ts';
import { countChanges } from './counted-changes.ts';
import { ConfirmedLater } from './confirmed-later.ts';
import { ControlConnection } from '../connection/control-connection.ts';
import { lsnToPosition } from '../connection/lsn.ts';
import { pipelineObjectName } from '../connection/names.ts';
import { requireSlot } from '../source/own-slot.ts';
import { alignPublications } from '../source/publication.ts';
import { readSlot } from '../source/replication-slot.ts';
import { createPostgresSource } from '../source/source.ts';
import { readLogEnd } from '../connection/server-facts.ts';
import { requireOwner, SERVED } from '../source/slot-owner.ts';
import { readLogIdentity } from '../catalog/source-identity.ts';
import { ReportedHeads } from './reported-heads.ts';

const SCOPE: SourceScope = {
  mode: 'changes',
  namespaces: undefined,
  lanes: 1,
  dataType: TUPLES,
};

/**
 * The changes of a database for a program that keeps its own progress. A replication slot holds them back, named as
 * that of a pipeline of the same name; it moves up to where that program comes back, and to what that program was given
 * long enough ago (`confirmed-later.ts`).
 */
type ServedChangesOptions = Pick<StoreOptions, keyof EndOptions | 'confirmAfterMs'>;

export class ServedChanges {
  readonly #options: ServedChangesOptions;
  readonly #source: Source;
  #beginning: Promise<unknown> = Promise.resolve();
  #counting: AbortController | null = null;
  #stream: { replace: AbortController; ended: Promise<unknown> } | null = null;
  /** Streams of changes, and those that count them, that are open. */
  #open = 0;

  constructor(options: ServedChangesOptions) {
    this.#options = options;
    this.#source = createPostgresSource(options, SERVED);
  }

  /** One after the other: of two that make the slot at once one would fail. */
  begin(): Promise<UpdatesStart> {
    const turn = this.#beginning.then(() => this.#begin());
    this.#beginning = turn.catch(() => undefined);
    return turn;
  }

  async stream(start: UpdatesStart, receiver: ChangeReceiver, signal: AbortSignal): Promise<void> {
    const replace = new AbortController();
    const before = this.#stream;
    before?.replace.abort();
    const both = AbortSignal.any([signal, replace.signal]);
    const running = (before?.ended ?? Promise.resolve()).then(() =>
      this.#follow(start, receiver, both),
    );
    this.#stream = { replace, ended: running.catch(() => undefined) };
    this.#open++;
    try {
      await running;
    } catch (error) {
      // Whoever counts beside it waits for both.
      if (!both.aborted) this.#counting?.abort(error);
      if (!replace.signal.aborted) throw error;
    } finally {
      this.#open--;
    }
    if (replace.signal.aborted)
      throw new WeirError(
        'ALREADY_RUNNING',
        'a later call of StreamUpdates has taken the place of this one; serve each reader under a name of its own',
      );
  }

  /** Beside the stream; a later call ends an earlier one, so that a slot at most is taken for it. */
  async count(
    { position, memory }: UpdatesStart,
    receiver: ChangeReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    this.#counting?.abort();
    const counting = (this.#counting = new AbortController());
    const both = AbortSignal.any([signal, counting.signal]);
    const { planned } = parseMemory(memory);
    const counted = withoutEarlierTruncates(receiver, planned);
    this.#open++;
    try {
      await countChanges(this.#options, position, counted, both);
    } finally {
      this.#open--;
    }
    if (counting.signal.reason instanceof WeirError) throw counting.signal.reason;
  }

  async #follow(
    { position, memory }: UpdatesStart,
    receiver: ChangeReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    const { identity, planned } = parseMemory(memory);
    const known = {
      identity,
      start: position,
      snapshot: { xmin: '0', nextChunkId: 1 },
      lanes: 1,
      namespaces: [],
    };
    const reached = { least: position, most: position };
    const { url, pipeline } = this.#options;
    const session = await this.#source.open({ ...SCOPE, reached }, known, signal);
    const control = await ControlConnection.open(url, `weir ${pipeline} head`).catch(
      async (error: unknown) => {
        await session.close();
        throw error;
      },
    );
    let later: ConfirmedLater | null = null;
    try {
      session.release(position);
      const wanted = withoutEarlierTruncates(receiver, planned);
      const { confirmAfterMs } = this.#options;
      if (confirmAfterMs !== null)
        later = new ConfirmedLater(wanted, confirmAfterMs, (given) => session.release(given));
      const heads = new ReportedHeads(later ?? wanted, position);
      await runTogether(signal, [
        (either) => session.streamUpdates(position, heads, either),
        (either) => heads.watch(control, either),
      ]);
    } finally {
      later?.stop();
      await Promise.all([session.close(), control.close()]);
    }
  }

  async close(): Promise<void> {
    this.#counting?.abort();
    this.#stream?.replace.abort();
    await this.#stream?.ended;
    await this.#source.close();
  }

  /**
   * While somebody reads: everything since the slot's place is still there, and more cannot be told: what was committed is
   * not seen at once by those who read. Else the slot is made anew, at the end of the log: whatever it kept would only come
   * again, and rows that are gone would come back for a while.
   */
  async #begin(): Promise<UpdatesStart> {
    const { url, pipeline } = this.#options;
    const slotName = pipelineObjectName(pipeline);
    const control = await ControlConnection.open(url, `weir ${pipeline} plan`);
    try {
      const slot = await readSlot(control, slotName);
      if (slot !== null) await requireOwner(control, pipeline, SERVED);
      const isRead = this.#open > 0 || (slot !== null && slot.activePid !== null);
      if (slot === null || slot.isLost || !isRead) {
        requireSlot(slot, slotName, null, FIRST_POSITION);
        const session = await this.#source.open(SCOPE, null, new AbortController().signal);
        await session.close();
        const { start: position, identity } = session.plan;
        return toStart(position, { identity, planned: position });
      }
      const position = lsnToPosition(slot.confirmedFlush);
      requireSlot(slot, slotName, null, position);
      await control.run('aligning the publications', async (client) => {
        const { tables } = await readCatalog(client, undefined);
        await alignPublications(client, pipeline, tables, new Set());
      });
      const replication = await connect(url, {
        applicationName: `weir ${pipeline} plan`,
        replication: true,
      });
      try {
        const identity = await readLogIdentity(replication);
        return toStart(position, { identity, planned: lsnToPosition(await readLogEnd(control)) });
      } finally {
        await disconnect(replication);
      }
    } finally {
      await control.close();
    }
  }
}

interface Memory {
  identity: string;
  /** Where the log ended before anything was read: what was emptied by then was read as empty. */
  planned: Position;
}

function toStart(position: Position, memory: Memory): UpdatesStart {
  return { position, memory };
}

function parseMemory(value: unknown): Memory {
  const memory = (value ?? {}) as Partial<Memory>;
  if (typeof memory.identity === 'string' && typeof memory.planned === 'string')
    return { identity: memory.identity, planned: parsePosition(memory.planned) };
  throw new WeirError('CONFIG_INVALID', 'the cursor is none that this connector gave');
}

function withoutEarlierTruncates(receiver: ChangeReceiver, planned: Position): ChangeReceiver {
  return {
    begins: (timeMs) => receiver.begins?.(timeMs),
    change: (...change) => receiver.change(...change),
    barrier(position, barrier) {
      if (barrier.kind === 'truncate' && readPosition(position, 0) < planned) return;
      receiver.barrier(position, barrier);
    },
    commit: (position, timeMs) => receiver.commit(position, timeMs),
    watermark: (position, timeMs) => receiver.watermark(position, timeMs),
    ready: () => receiver.ready(),
  };
}
