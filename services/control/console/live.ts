import { headers, Refused } from './api.ts';

export interface LiveHandlers {
  on(kind: string, data: unknown): void;
  onState(connected: boolean): void;
  onRefused(error: Refused): void;
}

/** Heartbeats come every ten seconds: after this long without a byte the connection is taken for dead. */
const SILENCE_MS = 25_000;

/**
 * Follows `/v1/stream` for as long as the page lives, and comes back by itself with the id of the last event. `fetch`
 * instead of EventSource, which cannot show a token.
 */
export async function follow(handlers: LiveHandlers): Promise<never> {
  let lastId: string | null = null;
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const response = await fetch('/v1/stream', {
        headers: { ...headers(), ...(lastId === null ? {} : { 'last-event-id': lastId }) },
        signal: silence.signal,
      });
      if (response.status === 401) handlers.onRefused(new Refused(401, 'a token is needed'));
      if (!response.ok || response.body === null) throw new Error('refused');
      handlers.onState(true);
      waitMs = 500;
      let text = '';
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        const blocks = (text + value).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) lastId = take(block, handlers) ?? lastId;
      }
    } catch {
      // Whatever it was: the page says that it is not connected, and tries again.
    } finally {
      clearTimeout(timer);
    }
    handlers.onState(false);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function take(block: string, handlers: LiveHandlers): string | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trimStart());
  }
  const data = fields.get('data');
  if (data !== undefined) handlers.on(fields.get('event') ?? 'message', JSON.parse(data));
  return fields.get('id');
}
