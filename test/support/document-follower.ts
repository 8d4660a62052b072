import { BSON } from 'bson';
import { createGrpcSource } from '../../services/connectors/grpc/source.ts';
import {
  FIRST_POSITION,
  maxPosition,
  type Position,
  readPosition,
} from '../../shared/change/position.ts';
import { columnOffsets } from '../../shared/change/tuple.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  KeptState,
  Source,
  SourceScope,
  SourceSession,
} from '../../shared/connector/source.ts';
import { fromDocumentKey, fromDocumentRow } from '../../shared/document/document-relation.ts';
import { foldDocumentRows } from '../../shared/document/fold-rows.ts';
import { waitFor } from './wait-for.ts';
import { silentLog } from './sink-pipeline.ts';
import type { Document } from './adiom-store.ts';

type Tables = Map<string, Map<string, Buffer>>;

/** A reader and a target at once, driven by hand: holds every row that a source gives. */
export class DocumentFollower {
  readonly tables: Tables = new Map();
  readonly source: Source;
  readonly positions: Position[] = [];
  scope: SourceScope = { mode: 'snapshot+changes', namespaces: undefined, lanes: 4 };
  plan: PipelinePlan | null = null;
  kept: unknown = null;
  changes = 0;
  watermark: Position = FIRST_POSITION;
  session: SourceSession | null = null;
  /** Resolves when the stream has ended, with what it failed with. */
  following: Promise<Error | null> = Promise.resolve(null);
  #stop = new AbortController();

  constructor(url: string, scope: Partial<SourceScope> = {}) {
    this.source = createGrpcSource({ pipeline: 'test', url, log: silentLog() });
    this.scope = { ...this.scope, ...scope };
  }

  async open(): Promise<SourceSession> {
    this.#stop = new AbortController();
    const scope = { ...this.scope, kept: this.kept };
    this.session = await this.source.open(scope, this.plan, this.#stop.signal);
    this.plan = this.session.plan;
    return this.session;
  }

  async copy(): Promise<number> {
    let total = 0;
    for (const chunk of this.plan!.namespaces.flatMap((each) => each.chunks)) {
      const parts: Buffer[] = [];
      const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
      const { rows } = await this.session!.listData(chunk, receive, this.#stop.signal);
      const bytes = Buffer.concat(parts);
      let count = 0;
      for (let at = 0; at < bytes.length; count++) {
        const end = columnOffsets(bytes, at).at(-1)!;
        this.#put(chunk.namespace, bytes.subarray(at, end));
        at = end;
      }
      if (count !== rows) throw new Error(`${rows} rows were told and ${count} came`);
      total += rows;
    }
    return total;
  }

  follow(more: Partial<ChangeReceiver> = {}): void {
    const reached = maxPosition(this.positions) ?? this.plan!.start;
    const note = (position: Buffer): Position => {
      const at = readPosition(position, 0);
      const last = this.positions.at(-1);
      if (last !== undefined && at <= last) throw new Error(`position ${at} after ${last}`);
      this.positions.push(at);
      return at;
    };
    const pass = (position: Buffer): void => void (this.watermark = note(position));
    const receiver: ChangeReceiver = {
      reached,
      change: (kind, { namespace }, position, key, row, partial) => {
        note(position);
        this.changes++;
        const id = fromDocumentKey(key).toString('hex');
        const table = this.#table(namespace);
        const before = table.get(id);
        if (kind === 'delete') table.delete(id);
        else if (!partial) this.#put(namespace, row);
        else if (before !== undefined) table.set(id, foldDocumentRows(row, before, false));
      },
      barrier: () => {
        throw new Error('a barrier');
      },
      commit: pass,
      watermark: pass,
      ready: () => undefined,
      ...more,
    };
    this.following = this.session!.streamUpdates(reached, receiver, this.#stop.signal).then(
      () => null,
      (error: unknown) => error as Error,
    );
  }

  /** Ends the session; with `durable` the target has everything that came, and keeps the cursors for it. */
  async close({ durable }: { durable: boolean }): Promise<void> {
    if (durable) {
      this.session!.release(this.watermark);
      await this.keep();
    }
    this.#stop.abort();
    await this.following;
    await this.session!.close();
  }

  async keep(): Promise<void> {
    this.kept = ((await this.session!.sideState()) as KeptState).kept;
  }

  async waitForChanges(count: number): Promise<void> {
    await waitFor(`${count} changes`, () => this.changes >= count);
  }

  /** Rows as documents, by the text of their `_id`. */
  documents(namespace: string): Map<string, Document> {
    const rows = [...this.#table(namespace).values()].map(
      (row) => BSON.deserialize(fromDocumentRow(row).document) as Document,
    );
    return new Map(rows.map((document) => [JSON.stringify(document['_id']), document]));
  }

  /** The same, each value as BSON has it. */
  exact(namespace: string): Map<string, Document> {
    const rows = [...this.#table(namespace).values()].map(
      (row) =>
        BSON.deserialize(fromDocumentRow(row).document, { promoteValues: false }) as Document,
    );
    return new Map(rows.map((document) => [JSON.stringify(document['_id']), document]));
  }

  #put(namespace: string, row: Buffer): void {
    const kept = Buffer.from(row);
    this.#table(namespace).set(fromDocumentRow(kept).id.toString('hex'), kept);
  }

  #table(namespace: string): Map<string, Buffer> {
    let table = this.tables.get(namespace);
    if (table === undefined) this.tables.set(namespace, (table = new Map<string, Buffer>()));
    return table;
  }
}

/** What a store holds, as `DocumentFollower.documents` gives it. */
export function documentsOf(table: ReadonlyMap<string, Document>): Map<string, Document> {
  const all = [...table.values()].map((each) => BSON.deserialize(BSON.serialize(each)) as Document);
  return new Map(all.map((document) => [JSON.stringify(document['_id']), document]));
}
