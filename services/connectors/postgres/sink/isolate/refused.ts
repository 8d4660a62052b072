import type { Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';

/** A unit that the target refuses, and why. */
export interface Refused {
  unit: Unit;
  error: WeirError;
}
