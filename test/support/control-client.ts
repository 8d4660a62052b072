import type { ProblemAnswer } from '../../services/control/api/answers.ts';
import { waitFor } from './wait-for.ts';

/** A program that talks to the control API. */
export class ControlClient {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token?: string) {
    this.url = url;
    this.#token = token;
  }

  /** The answer as it came. */
  send(method: string, path: string, body?: string | object, headers: Record<string, string> = {}) {
    const type = typeof body === 'string' ? 'application/yaml' : 'application/json';
    return fetch(this.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': type }),
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  /** What was answered; throws the problem where it was refused. */
  async ask<T>(method: string, path: string, body?: string | object): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.ask('GET', path);
  }

  /** How it was refused; throws where it was not. */
  async problem(method: string, path: string, body?: string | object): Promise<ProblemAnswer> {
    const response = await this.send(method, path, body);
    if (response.ok) throw new Error(`${method} ${path} was not refused: ${await response.text()}`);
    return (await response.json()) as ProblemAnswer;
  }

  /** Repeats a question until its answer `matches`. */
  until<T>(path: string, what: string, matches: (answer: T) => boolean): Promise<T> {
    return waitFor(
      what,
      async () => {
        const answer = await this.get<T>(path);
        if (!matches(answer)) throw new Error(JSON.stringify(answer).slice(0, 2_000));
        return answer as T & object;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  }
}
