import type pg from 'pg';
import { toWeirError } from '../../../../shared/errors/weir-error.ts';
import { detach, ignoreFailure } from '../../../../shared/lifecycle/detach.ts';
import { readActivity, type Activity, type Holder } from './session-activity.ts';
import { isTapped } from './socket-tap.ts';

const LOOK_MS = 5_000;
/** The server did not let the watch in so often: it hears the sessions as little. */
const MOST_UNANSWERED = 3;
/** Seen so often at rest, a session has done what it was asked for, and its answer was lost. */
const MOST_AT_REST = 2;

/** A session of this process, as far as the watch knows it. */
class Session {
  readonly pid: number;
  atRest = 0;
  readonly #client: pg.Client;
  #read = -1;
  #query: unknown = null;

  constructor(client: pg.Client, pid: number) {
    this.#client = client;
    this.pid = pid;
  }

  /** Whether it is read by a tap: what its server says comes unasked. */
  get isTapped(): boolean {
    return isTapped(this.#client);
  }

  /** Whether something is awaited of it, and nothing has come since this was last asked. */
  isSilent(): boolean {
    const { bytesRead } = this.#client.connection.stream as unknown as { bytesRead: number };
    const query = (this.#client as unknown as { _activeQuery: unknown })._activeQuery;
    const isSame = bytesRead === this.#read && query === this.#query;
    this.#read = bytesRead;
    this.#query = query;
    return isSame && (this.isTapped || query !== null);
  }

  end(reason: string): void {
    this.#client.connection.stream.destroy(new Error(`the connection was closed: ${reason}`));
  }
}

/**
 * Statements may take as long as they take, so there is no time after which one is given up. But whoever waits may wait for
 * nothing: the network has lost the session or its answer, or the server has stopped. So where a session is silent, a
 * connection of its own asks the server what it does: a session that the server does not know any more, or that has long
 * been at rest there, is ended; one that waits for a lock is told of, with who holds it; and where the server lets nobody in for
 * a while, all that are silent are ended, and tried again by whoever used them.
 */
class SessionWatch {
  readonly #open: () => Promise<pg.Client>;
  readonly #sessions = new Set<Session>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #unanswered = 0;
  problem: string | null = null;

  constructor(open: () => Promise<pg.Client>) {
    this.#open = open;
  }

  add(client: pg.Client, pid: number): void {
    const session = new Session(client, pid);
    this.#sessions.add(session);
    this.#timer ??= setInterval(() => detach(this.#look(), ignoreFailure), LOOK_MS).unref();
    client.connection.stream.once('close', () => {
      this.#sessions.delete(session);
      if (this.#sessions.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.problem = null;
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    const silent = [...this.#sessions].filter((session) => session.isSilent());
    if (silent.length === 0) {
      this.#unanswered = 0;
      this.problem = null;
      return;
    }
    this.#isLooking = true;
    try {
      this.#judge(silent, await this.#ask(silent));
    } catch (thrown) {
      this.#tellUnanswered(silent, toWeirError(thrown));
    } finally {
      this.#isLooking = false;
    }
  }

  async #ask(silent: readonly Session[]): Promise<Activity[]> {
    const client = await this.#open();
    // What it asks is answered at once, or never.
    const giveUp = setTimeout(() => client.connection.stream.destroy(), LOOK_MS);
    try {
      return await readActivity(
        client,
        silent.map(({ pid }) => pid),
      );
    } finally {
      clearTimeout(giveUp);
      client.connection.stream.destroy();
    }
  }

  #judge(silent: readonly Session[], found: readonly Activity[]): void {
    this.#unanswered = 0;
    const waiting: Activity[] = [];
    for (const session of silent) {
      const activity = found.find(({ pid }) => pid === session.pid);
      if (activity === undefined) session.end('the server does not know it any more');
      else if (activity.holders.length > 0) waiting.push(activity);
      session.atRest = activity?.isAtRest === true && !session.isTapped ? session.atRest + 1 : 0;
      if (session.atRest >= MOST_AT_REST) session.end('the answer of the server was lost');
    }
    const longest = waiting.sort((a, b) => b.waitsS - a.waitsS)[0];
    this.problem = longest === undefined ? null : lockSentence(longest);
  }

  /** A server that answers with an error, such as too many connections, is there. */
  #tellUnanswered(
    silent: readonly Session[],
    { message, details }: { message: string; details: Record<string, unknown> },
  ): void {
    if (details['sqlState'] !== undefined) return;
    this.problem = message;
    if (++this.#unanswered < MOST_UNANSWERED) return;
    this.#unanswered = 0;
    for (const session of silent) session.end('the server does not answer any more');
  }
}

/** Of this process: one for each database that it talks to, however many sessions it has there. */
const watches = new Map<string, SessionWatch>();

/** `open` makes a connection of the watch's own. */
export function watchSession(
  url: string,
  client: pg.Client,
  pid: number,
  open: () => Promise<pg.Client>,
): void {
  let watch = watches.get(url);
  if (watch === undefined) watches.set(url, (watch = new SessionWatch(open)));
  watch.add(client, pid);
}

/** What this process waits for at the database without anything having failed: one sentence, or null. */
export function waitingAt(url: string): string | null {
  return watches.get(url)?.problem ?? null;
}

function lockSentence({ waitsS, what, holders }: Activity): string {
  const [first] = holders as [Holder];
  const waits = `a statement has waited ${waitsS} s for a lock on ${what} that`;
  if (first.pid === 0)
    return `${waits} a prepared transaction holds; commit it or roll it back (pg_prepared_xacts)`;
  const others = holders.length === 1 ? '' : `, and ${holders.length - 1} others`;
  const since = first.sinceS === null ? '' : `, in a transaction for ${first.sinceS} s`;
  return `${waits} server process ${first.pid} holds (user ${first.user}, application "${first.application}"${since}${others}); let it end, or end it with SELECT pg_terminate_backend(${first.pid})`;
}
