import { waitFor } from './wait-for.ts';

export interface StreamedEvent {
  event: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** Reads server-sent events as the standard says (HTML, section 9.2), until closed. */
export class EventStream {
  readonly events: StreamedEvent[] = [];
  /** Lines that only show that the other end is there. */
  comments = 0;
  readonly #abort = new AbortController();

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const stream = new EventStream();
    const response = await fetch(url, { headers, signal: stream.#abort.signal });
    if (!response.ok || response.body === null) throw new Error(`no stream: ${response.status}`);
    void stream.#read(response.body);
    return stream;
  }

  next(what: string, matches: (event: StreamedEvent) => boolean): Promise<StreamedEvent> {
    return waitFor(`the event ${what}`, () => this.events.find(matches), { timeoutMs: 60_000 });
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const bytes of body) {
        text += decoder.decode(bytes, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line): [string, string] => {
        const [name = '', ...rest] = line.split(':');
        return [name, rest.join(':').trimStart()];
      }),
    );
    const data = fields.get('data');
    if (data === undefined) return void this.comments++;
    this.events.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id'),
      data: JSON.parse(data) as Record<string, unknown>,
    });
  }
}
