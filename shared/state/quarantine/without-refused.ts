import type { Relation } from '../../change/relation.ts';
import type { WeirError } from '../../errors/weir-error.ts';
import type { Unit } from './change-unit.ts';
import type { Refused } from './quarantine-target.ts';

/** Applies units, or none of them where one is refused. */
export type Attempt = (units: readonly Unit[]) => Promise<WeirError | null>;

/**
 * Applies net changes of one relation without those that the target refuses, which it returns. The whole is tried first;
 * where it is refused the units that are at fault are searched for, and the rest is tried again as a whole: rows may hand
 * a unique value on to each other, which parts of them cannot.
 */
export async function applyWithoutRefused(
  { looseKey }: Pick<Relation, 'looseKey'>,
  units: readonly Unit[],
  attempt: Attempt,
  find: (units: readonly Unit[]) => Promise<Refused[]>,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  let rest = units;
  while (rest.length > 0) {
    const error = await attempt(rest);
    if (error === null) break;
    // One alone, or where equal keys may differ in bytes and one of these may be about the row of another.
    const found =
      rest.length === 1 || looseKey === true
        ? rest.map((unit) => ({ unit, error }))
        : await find(rest);
    if (found.length === 0) throw error;
    refused.push(...found);
    const gone = new Set(found.map(({ unit }) => unit));
    rest = rest.filter((unit) => !gone.has(unit));
  }
  return refused;
}

/** Finds units that are refused by themselves, by halves, where a store has no better way. */
export async function findByHalves(units: readonly Unit[], attempt: Attempt): Promise<Refused[]> {
  const error = await attempt(units);
  if (error === null) return [];
  if (units.length === 1) return [{ unit: units[0]!, error }];
  const middle = units.length >> 1;
  const left = await findByHalves(units.slice(0, middle), attempt);
  return [...left, ...(await findByHalves(units.slice(middle), attempt))];
}
