/** Numbers that look random and follow from a few others; mulberry32 over a mix of them. */
export class RandomNumber {
  #state: number;

  constructor(...from: readonly number[]) {
    let state = 0x9e3779b9;
    for (const each of from) {
      state = mix(state ^ (each >>> 0));
      state = mix(state ^ Math.floor(each / 2 ** 32));
    }
    this.#state = state;
  }

  /** A whole number from 0 to `count` - 1; `count` is below 2^32. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    return Math.floor((mix(this.#state) / 4_294_967_296) * count);
  }
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
