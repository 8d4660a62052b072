import type { LogicalType } from '../schema/logical-type.ts';
import { parseTypeName } from '../schema/type-name.ts';
import type { Column } from './relation.ts';

/** What of a column says its type. */
export type ColumnType = Pick<Column, 'type' | 'logical'>;

/** What values a column holds. A name that is nobody's standard one gives `other`. */
export function logicalOf({ type, logical }: ColumnType): LogicalType {
  return logical ?? parseTypeName(type);
}
