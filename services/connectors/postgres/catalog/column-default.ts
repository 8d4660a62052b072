import type { ColumnDefault } from '../../../../shared/schema/table-schema.ts';
import { quoteLiteral } from '../connection/names.ts';

/**
 * The expression of a default that another store has told; null where there is none or where it is no expression: of an
 * identity, and of what only its own store understands.
 */
export function columnDefault(told: ColumnDefault | null): string | null {
  switch (told?.kind) {
    case 'value':
      return quoteLiteral(told.text).trim();
    case 'now':
      return 'CURRENT_TIMESTAMP';
    case 'identity':
    case 'native':
    case undefined:
      return null;
  }
}
