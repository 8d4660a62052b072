import type { ProblemAnswer } from '../api/answers.ts';

const TOKEN = 'weir-token';

/** Kept for this tab only. */
export function token(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function setToken(value: string): void {
  sessionStorage.setItem(TOKEN, value);
}

export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function headers(): Record<string, string> {
  const shown = token();
  return shown === null ? {} : { authorization: `Bearer ${shown}` };
}

/** What control answers; throws `Refused` with its own sentence, or with one that says that it is not there. */
export async function ask<T>(method: string, path: string, body?: string | object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...headers(),
        ...(body === undefined
          ? {}
          : { 'content-type': typeof body === 'string' ? 'application/yaml' : 'application/json' }),
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new Refused(0, 'control does not answer; look whether it still runs');
  }
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw new Refused(response.status, sentenceIn(text, response.status));
}

function sentenceIn(text: string, status: number): string {
  try {
    return (JSON.parse(text) as ProblemAnswer).detail;
  } catch {
    return `control answered with status ${status}`;
  }
}
