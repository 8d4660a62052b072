import type { ClientBase } from 'pg';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';
import {
  type ReadTexts,
  readKeyTexts,
} from '../../../../../shared/state/quarantine/listed-entries.ts';
import { plainTexts } from '../../../../../shared/state/quarantine/plain-texts.ts';
import { refusedRowError } from '../../../../../shared/state/quarantine/refusal.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';

/** What ends a pipeline at this row. */
export async function readRefusedRow(client: ClientBase, entry: Aside): Promise<WeirError> {
  return refusedRowError(entry, await readKeyTexts(textsBy(client), entry));
}

/**
 * Text as the server writes it; where it cannot (a type that it does not have), the bytes in hex. Not inside a
 * transaction, which a failure would end.
 */
export function textsBy(client: ClientBase): ReadTexts {
  return plainTexts((type, bytes) => toText(client, type, bytes));
}

/** What is refused only by the commit is a deferred constraint, of which nobody can say which row it is about. */
export function deferredError(error: unknown): WeirError {
  const found = toPostgresError(error, 'committing at the target');
  if (found.code !== 'ROW_REFUSED') return found;
  return new WeirError(
    'ROW_REFUSED',
    `${found.message} The constraint is deferred, so no single row can be found and put aside: make it NOT DEFERRABLE at the target, or correct what violates it, then start the pipeline again.`,
    { cause: found.cause, details: found.details },
  );
}

/** A Buffer travels as a binary parameter, so the server reads it as what the cast says. */
async function toText(client: ClientBase, type: string, bytes: Buffer): Promise<string> {
  try {
    const { rows } = await client.query<{ text: string }>(`SELECT ($1::${type})::text AS text`, [
      bytes,
    ]);
    return rows[0]!.text;
  } catch (error) {
    if (!(error instanceof Error && 'severity' in error)) throw error;
    return `\\x${bytes.toString('hex')}`;
  }
}
