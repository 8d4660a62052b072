export interface RunEnd {
  /** Null where it was killed. */
  code: number | null;
  output: string;
}

/** One `weir run`, as a process of its own or inside this one. */
export interface Run {
  readonly output: Said;
  readonly running: boolean;
  readonly ended: Promise<RunEnd>;
  /** Without a warning. */
  kill(who: 'all' | 'reader' | 'writer'): void;
  /** As Ctrl-C does. */
  interrupt(): void;
}

/** Everything a run has printed so far. */
export class Said {
  text = '';
  #waiting: (() => void)[] = [];

  add(text: string): void {
    this.text += text;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Until more is said, or the time is over. */
  async more(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Until it has said so, has ended, or the time is over; tells whether it was said. */
export async function says(run: Run, text: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!run.output.text.includes(text) && run.running && Date.now() < deadline)
    await run.output.more(deadline - Date.now());
  return run.output.text.includes(text);
}

/** Its end; undefined where that does not come in time, and then it is killed. */
export async function endWithin(run: Run, timeoutMs: number): Promise<RunEnd | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const end = await Promise.race([run.ended, late]);
  clearTimeout(timer);
  if (end !== undefined) return end;
  run.kill('all');
  return undefined;
}
