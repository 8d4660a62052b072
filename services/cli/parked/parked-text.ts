import type { ParkedEntry, ParkedRow } from '../../../shared/connector/parking.ts';

/** One line an entry: which row, what was to be done, why it is aside. No values but those of the key. */
export function entriesText(pipeline: string, entries: readonly ParkedEntry[]): string {
  if (entries.length === 0) return `${pipeline}: nothing is parked`;
  const lines = entries.map((entry) =>
    [String(entry.id), entry.namespace, keyText(entry), whatText(entry), entry.reason].join('  '),
  );
  const count = `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`;
  return [`${pipeline}: ${count} parked`, ...lines].join('\n');
}

/** An entry with all its values. */
export function rowText(row: ParkedRow): string {
  const values = Object.entries(row.values).map(
    ([name, value]) => `  ${name} = ${value ?? 'NULL'}`,
  );
  return [
    `${row.id}  ${row.namespace}  ${keyText(row)}  ${whatText(row)}`,
    `reason    ${row.reason}`,
    `position  ${row.position}`,
    `parked    ${row.parkedAt}`,
    'values',
    ...values,
  ].join('\n');
}

function keyText({ key }: ParkedEntry): string {
  if (key === null) return '(no key)';
  return Object.entries(key)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function whatText({ kind, copied }: ParkedEntry): string {
  return copied ? 'row of the copy' : kind;
}
