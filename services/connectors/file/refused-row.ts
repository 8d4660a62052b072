import type { Relation } from '../../../shared/change/relation.ts';
import { toTuple } from '../../../shared/change/tuple.ts';
import type { RefusedRow } from '../../../shared/connector/parking.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { ValueRefusal } from '../../../shared/row/canonical/row-codec.ts';

/** So many are put aside of one chunk; a file that has more is not what its schema says. */
const MOST_REFUSED = 1_000;
const SHOWN_CHARACTERS = 100;

/** Where it stands in its file: how many rows from the beginning of what was read at once. */
interface Place {
  name: string;
  from: number;
  row: number;
}

/** A row of which a value is none of its column's type; any other error goes on. */
export function refusedRow(
  error: unknown,
  values: readonly (string | null)[],
  relation: Relation,
  { name, from, row }: Place,
): RefusedRow {
  if (!(error instanceof ValueRefusal)) throw error;
  const { columns, key, namespace } = relation;
  const column = columns[error.column]!;
  const where = `row ${row}${from > 0 ? ` behind byte ${from}` : ''} of ${name}`;
  const shown = key.map((place) => `${columns[place]!.name} = ${shownText(values[place]!)}`);
  const which = shown.length === 0 ? '' : `, with ${shown.join(', ')}`;
  const reason = `the value of ${column.name} is none of the type ${column.type}: ${error.reason}`;
  return {
    message: `${reason} (${where} for ${namespace}${which}); correct it, or its type in a _schema.json, or set "onBadRow: park"`,
    reason: `${reason} (${where})`,
    tuple: toTuple([...values]),
  };
}

function shownText(text: string | null): string {
  return text === null ? 'NULL' : text.slice(0, SHOWN_CHARACTERS);
}

export function stopAtRefused({ message }: RefusedRow): never {
  throw new WeirError('ROW_REFUSED', message);
}

/** Keeps what is refused, to be put aside. */
export function keepRefused(refused: RefusedRow[]): (row: RefusedRow) => void {
  return (row) => {
    if (refused.length >= MOST_REFUSED) stopAtRefused(row);
    refused.push(row);
  };
}
