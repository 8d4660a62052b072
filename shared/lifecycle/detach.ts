/**
 * Lets work go on that nobody waits for. A rejection that nobody handles ends the process, so whoever begins such work says
 * what its failure means.
 */
export function detach(work: Promise<unknown>, onFailure: (error: unknown) => void): void {
  work.catch(onFailure);
}

/** Where a failure needs nothing: it cannot be, or what it means is seen elsewhere. */
export function ignoreFailure(): void {}
