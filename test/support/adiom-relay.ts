import { AdiomPeer, type Message } from './adiom-peer.ts';
import { waitFor } from './wait-for.ts';

const type = 'DATA_TYPE_MONGO_BSON';

interface Plan {
  partitions: (Message & { namespace: string })[];
  updates_partitions: { namespaces: string[]; cursor: Buffer }[];
}

interface Updates {
  namespace: string;
  updates: Message[];
  next_cursor: Buffer;
  time: { seconds: unknown } | null;
}

/** A program that copies from one served connector to another and follows; keeps its cursor, writes bytes as they come. */
export class AdiomRelay {
  readonly source: AdiomPeer;
  readonly sink: AdiomPeer;
  cursor: Buffer = Buffer.alloc(0);
  pages = 0;
  /** How often each write is sent again: nothing may come of it. */
  retries = 0;
  messages: Updates[] = [];
  /** What the stream ended with, unless it was stopped. */
  failure: unknown;
  #counting: { cancel(): void } | undefined;
  #stream: { cancel(): void; ended: Promise<unknown> } | undefined;

  constructor(sourceAddress: string, sinkAddress: string) {
    this.source = new AdiomPeer(sourceAddress);
    this.sink = new AdiomPeer(sinkAddress);
  }

  async plan(namespaces: string[] = []): Promise<Plan> {
    const request = { namespaces, initial_sync: true, updates: true };
    const plan = (await this.source.call('GeneratePlan', request)) as unknown as Plan;
    this.cursor = plan.updates_partitions[0]!.cursor;
    return plan;
  }

  async copy({ partitions }: Plan): Promise<void> {
    for (const partition of partitions) {
      let cursor: Buffer = Buffer.alloc(0);
      do {
        const page = await this.source.call('ListData', { partition, type, cursor });
        const { namespace } = partition;
        await this.sink.call('WriteData', { namespace, data: page['data'], type });
        cursor = page['next_cursor'] as Buffer;
        this.pages++;
      } while (cursor.length > 0);
    }
  }

  follow(namespaces: string[] = []): void {
    const request = { namespaces, type, cursor: this.cursor };
    const stream = this.source.stream('StreamUpdates', request);
    const ended = (async () => {
      for await (const message of stream) {
        const { namespace, updates, next_cursor } = message as unknown as Updates;
        this.messages.push(message as unknown as Updates);
        const times = updates.length === 0 ? 0 : this.retries + 1;
        for (let i = 0; i < times; i++)
          await this.sink.call('WriteUpdates', { namespace, updates, type });
        this.cursor = next_cursor;
      }
    })().catch((error: unknown) => (this.failure = error));
    this.#stream = { cancel: () => stream.cancel(), ended };
  }

  /** Listens to how many changes there are behind the cursor that it has now; returns what tells the last count, and what the count ended with. */
  count(): { last: () => number; ended: Promise<unknown> } {
    const stream = this.source.stream('StreamLSN', { namespaces: [], cursor: this.cursor });
    let last = 0;
    const listen = async (): Promise<void> => {
      for await (const { lsn } of stream) last = Number(lsn);
    };
    const ended = listen().catch((error: unknown) => error);
    this.#counting = stream;
    return { last: () => last, ended };
  }

  stopCounting(): void {
    this.#counting?.cancel();
  }

  /** What the stream ended with. */
  async ended(): Promise<unknown> {
    return this.#stream?.ended;
  }

  async stop(): Promise<void> {
    this.#stream?.cancel();
    await this.#stream?.ended;
    this.failure = undefined;
  }

  /** Waits for a message with an update of that namespace, and for all that came with it. */
  async sees(namespace: string): Promise<void> {
    await this.until(`a change of ${namespace}`, () =>
      this.messages.some((each) => each.namespace === namespace && each.updates.length > 0),
    );
    await this.idle();
  }

  /** Waits until a heartbeat says that everything so far was told. */
  async idle(): Promise<void> {
    const seen = this.messages.length;
    await this.until('a heartbeat', () =>
      this.messages.slice(seen).some(({ updates }) => updates.length === 0),
    );
  }

  async until(what: string, probe: () => boolean): Promise<void> {
    await waitFor(what, () => this.failure !== undefined || probe(), { timeoutMs: 60_000 });
    if (this.failure !== undefined) throw this.failure as Error;
  }

  close(): void {
    this.#counting?.cancel();
    this.source.close();
    this.sink.close();
  }
}
