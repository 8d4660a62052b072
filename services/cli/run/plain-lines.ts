/** What is new in words is told soon; numbers that moved on now and then, for whoever reads it later. */
const NUMBERS_MS = 60_000;

/** Which of the lines about a pipeline, one every few seconds, are worth writing where they stay. */
export class PlainLines {
  #line = '';
  #atMs = -Infinity;

  /** `often`: the numbers are the news, as while a copy is on its way. */
  isWorth(line: string, nowMs: number, often: boolean): boolean {
    const isDue = often || nowMs - this.#atMs >= NUMBERS_MS;
    const isNew = isDue ? settled(line) !== settled(this.#line) : words(line) !== words(this.#line);
    if (!isNew) return false;
    this.#line = line;
    this.#atMs = nowMs;
    return true;
  }
}

/** The lag of a pipeline at rest is never the same and says nothing. */
function settled(line: string): string {
  return line.replace(/ · lag [\d.]+ m?s/, '');
}

function words(line: string): string {
  return settled(line)
    .replaceAll(/ · [\d,]+(\/s applied| in flight| changes read)/g, '')
    .replaceAll(/[\d,.]+/g, '0');
}
