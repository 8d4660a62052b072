import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import type { Position } from '../../shared/change/position.ts';
import type { Column } from '../../shared/change/relation.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { Source, SourceScope, SourceSession } from '../../shared/connector/source.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { toWeirError, type WeirError } from '../../shared/errors/weir-error.ts';
import { silentLog } from './sink-pipeline.ts';
import { TableModel } from './table-model.ts';
import { waitFor } from './wait-for.ts';

let count = 0;

/** A source driven by hand into a `TableModel`; `stop()` and `start()` again are a restart of the pipeline. */
export class SourcePipeline {
  readonly name: string;
  readonly model = new TableModel();
  readonly source: Source;
  session: SourceSession | undefined;
  /** What the target would have of the plan. */
  known: PipelinePlan | null = null;
  /** Everything up to it has been given. */
  progress: Position | undefined;
  /** What the stream failed with. */
  failure: WeirError | undefined;
  /** What copies are read in: as the stream is, so that a row of one equals the same row of the other. */
  format: Column['encoding'] | undefined;
  readonly #scope: SourceScope;
  #abort = new AbortController();
  #stream: Promise<void> | undefined;

  constructor(url: string, scope: Partial<SourceScope> = {}) {
    this.name = `source-test-${process.pid}-${++count}`;
    this.#scope = { mode: 'snapshot+changes', namespaces: undefined, lanes: 4, ...scope };
    this.source = createPostgresSource({ pipeline: this.name, url, log: silentLog() });
  }

  get plan(): PipelinePlan {
    return this.#session.plan;
  }

  get #session(): SourceSession {
    if (this.session === undefined) throw new Error('the pipeline is not open');
    return this.session;
  }

  /** What a check says before `open`. */
  async check(): Promise<Finding[]> {
    return (await this.source.check(this.#scope, this.known)).findings;
  }

  async open(): Promise<PipelinePlan> {
    this.#abort = new AbortController();
    this.session = await this.source.open(this.#scope, this.known, this.#abort.signal);
    this.known = structuredClone(this.plan);
    this.format ??= this.plan.namespaces[0]?.relation.columns[0]?.encoding;
    for (const namespace of this.known.namespaces) {
      if (namespace.state === 'restart') this.model.table(namespace.relation.namespace).clear();
      namespace.state = namespace.chunks.length === 0 ? 'ready' : 'copying';
    }
    return this.plan;
  }

  /** Reads the chunks that are missing, or as many of them, and notes them as done. */
  async copy(limit = Infinity): Promise<void> {
    for (const namespace of this.plan.namespaces) {
      const noted = this.known!.namespaces.find(
        (n) => n.relation.namespace === namespace.relation.namespace,
      )!;
      for (const chunk of namespace.chunks.slice(0, limit)) {
        noted.rowsDone += await this.read(chunk);
        noted.chunksDone++;
        noted.chunks = noted.chunks.filter((c) => c.id !== chunk.id);
      }
      if (noted.chunks.length === 0) noted.state = 'ready';
    }
  }

  async read(chunk: Chunk): Promise<number> {
    const parts: Buffer[] = [];
    const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
    const format = this.format ?? 'binary';
    const wanted = { ...chunk, dataType: `postgres.copy.${format}` };
    const { rows } = await this.#session.listData(wanted, receive, this.#abort.signal);
    const { relation } = this.plan.namespaces.find(
      (n) => n.relation.namespace === chunk.namespace,
    )!;
    const loaded = this.model.load(relation, Buffer.concat(parts), format);
    if (loaded !== rows) throw new Error(`chunk ${chunk.id}: ${rows} announced, ${loaded} came`);
    return rows;
  }

  follow(): void {
    const from = this.progress ?? this.plan.start;
    this.#stream = this.#session.streamUpdates(from, this.model, this.#abort.signal).then(
      () => undefined,
      (error: unknown) => {
        this.failure = toWeirError(error);
      },
    );
  }

  /** As a restart that finds an interrupted copy: changes up to its new snapshot, the chunks, and changes again. */
  async resumeCopy(): Promise<void> {
    this.follow();
    await this.#reach(
      this.plan.namespaces.reduce(
        (last, n) => (n.settled > last ? n.settled : last),
        this.plan.start,
      ),
    );
    await this.copy();
  }

  /** Waits until everything committed so far has come. */
  async catchUp(): Promise<void> {
    await this.#reach((await this.#session.head())!);
    this.progress = this.model.reached;
  }

  async #reach(position: Position): Promise<void> {
    await waitFor('a position in the stream', () => {
      if (this.failure !== undefined) return true;
      return this.model.reached >= position;
    });
    if (this.failure !== undefined) throw this.failure;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#stream;
    this.#stream = undefined;
    await this.session?.close();
    this.session = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.source.reset();
    await this.source.close();
  }
}

/** What the tables hold now, read by a copy of its own. */
export async function copyOfNow(
  url: string,
  namespaces: string[],
  format: Column['encoding'] | undefined,
): Promise<TableModel> {
  const pipeline = new SourcePipeline(url, { mode: 'snapshot', namespaces });
  pipeline.format = format;
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  await pipeline.source.close();
  return pipeline.model;
}
