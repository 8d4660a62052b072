import type { LogicalType } from '../../schema/logical-type.ts';
import { parseDigits } from '../canonical/number-digits.ts';

/** Whether a value of one type is what one of the other is, however both are written: `5` and `5.00`, a day and its begin. */
export function sameValue(
  from: LogicalType,
  to: LogicalType,
): (before: string, after: string) => boolean {
  const [left, right] = [familyOf(from), familyOf(to)];
  const plain = left === right ? left : null;
  if (plain === null) return (before, after) => before === after;
  return (before, after) => before === after || plain(before) === plain(after);
}

/** How values of its family are written so that equal ones have equal texts; null where that is how they are. */
function familyOf({ kind }: LogicalType): ((text: string) => string) | null {
  if (kind === 'integer' || kind === 'float' || kind === 'decimal') return plainNumber;
  if (kind === 'date' || kind === 'timestamp') return plainInstant;
  return kind === 'time' ? plainTime : null;
}

function plainNumber(text: string): string {
  const parsed = parseDigits(text);
  if (parsed === null) return text;
  const digits = parsed.digits.replace(/0+$/, '');
  if (digits === '') return '0';
  const power = parsed.digits.length - digits.length - parsed.scale;
  return `${parsed.negative ? '-' : ''}${digits}e${power}`;
}

function plainInstant(text: string): string {
  return text.replace(' 00:00:00', '').replace('+00', '');
}

function plainTime(text: string): string {
  return text.replace(/\+00$/, '');
}
