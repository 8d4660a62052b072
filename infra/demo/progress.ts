/** What the demo says as it goes: one line that is rewritten on a terminal, plain lines now and then elsewhere. */
export class Progress {
  readonly #terminal = process.stdout.isTTY;
  readonly #startMs = performance.now();
  #open = false;
  #lastMs = 0;

  /** Something happened: a line that stays. */
  say(text: string): void {
    this.#close();
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(1);
    console.log(`${`${seconds} s`.padStart(8)}  ${text}`);
  }

  /** How it is going: may be called as often as one likes. */
  show(text: string): void {
    if (this.#terminal) {
      process.stdout.write(`\r\u001b[K          ${text}`);
      this.#open = true;
    } else if (performance.now() - this.#lastMs > 2_500) {
      this.#lastMs = performance.now();
      this.say(text);
    }
  }

  /** Before anything else is printed. */
  #close(): void {
    if (this.#open) process.stdout.write('\r\u001b[K');
    this.#open = false;
  }
}
