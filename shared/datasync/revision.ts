declare const revisionBrand: unique symbol;

/** Where a write stands in the one order of its store; greater is later. */
export type Revision = bigint & { readonly [revisionBrand]: true };

export function toRevision(value: bigint | number | string): Revision {
  return BigInt(value) as Revision;
}

export const NO_REVISION = toRevision(0n);
