import pg from 'pg';

const EVERY_MS = 50;

interface Open {
  atMs: number;
  /** Lanes that have not committed since, with where they stood. */
  lanes: Map<number, string>;
}

/**
 * Times how long after something has struck every lane has committed again, whatever else strikes meanwhile. Lanes
 * without changes are moved about once a second, so up to a second of each time is the wait for that.
 */
export class CommitWatch {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #client: Promise<pg.Client> | null = null;
  #asking = false;
  #lanes = new Map<number, string>();
  #open: Open[] = [];
  readonly #recoveries: number[] = [];

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  struck(): void {
    this.#open.push({ atMs: performance.now(), lanes: new Map(this.#lanes) });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#close();
  }

  toString(): string {
    const sorted = [...this.#recoveries].sort((a, b) => a - b);
    const at = (share: number): string =>
      `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)} ms`;
    return `from a kill to the next commit of every lane: p50 ${at(0.5)}, p99 ${at(0.99)}, of ${sorted.length}`;
  }

  async #look(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.#client ??= connect(this.#url);
      const { rows } = await (
        await this.#client
      ).query<{ lane: number; at: string }>(
        `SELECT lane, reader_epoch || ' ' || sequence || ' ' || position AS at FROM weir.lane`,
      );
      this.#lanes = new Map(rows.map(({ lane, at }) => [lane, at]));
      this.#settle();
    } catch {
      // The target is one of those that are killed.
      await this.#close();
    } finally {
      this.#asking = false;
    }
  }

  #settle(): void {
    const now = performance.now();
    for (const { lanes, atMs } of this.#open) {
      for (const [lane, at] of lanes) if (this.#lanes.get(lane) !== at) lanes.delete(lane);
      if (lanes.size === 0) this.#recoveries.push(now - atMs);
    }
    this.#open = this.#open.filter(({ lanes }) => lanes.size > 0);
  }

  async #close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    this.#client = null;
    await client?.end().catch(() => undefined);
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
