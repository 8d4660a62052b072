/**
 * A value that its column cannot hold as it is. `reason` says why of "it", in words that hold no value: `it is no whole
 * number`.
 */
export class Refusal extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'Refusal';
    this.reason = reason;
  }
}

/** For the end of an expression that found nothing. */
export function refuse(reason: string): never {
  throw new Refusal(reason);
}
