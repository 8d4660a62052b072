import type { Column, Relation } from '../../../shared/change/relation.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import { showType } from '../../../shared/schema/show-type.ts';
import { standardType } from '../../../shared/schema/standard-type.ts';

/** What a schema file calls the type of a column: never by a name that only some other store knows. */
export function fileType({ type, logical }: Pick<Column, 'type' | 'logical'>): string {
  return logical === undefined ? type : standardType(logical).native;
}

/** Columns of which the file says less than their source knows. */
export function fileTypeFindings({ namespace, columns }: Relation): Finding[] {
  return columns.flatMap(({ name, logical }): Finding[] => {
    if (logical === undefined) return [];
    const { native, note } = standardType(logical);
    if (note === null) return [];
    const message = `${showType(logical)} becomes ${native}: ${note}`;
    return [{ level: 'ok', subject: `${namespace}.${name}`, message }];
  });
}
