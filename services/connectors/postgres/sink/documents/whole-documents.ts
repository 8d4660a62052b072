import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { keyOf } from '../../../../../shared/change/tuple.ts';
import { fromDocumentRow } from '../../../../../shared/document/document-relation.ts';
import { applyPatch } from '../../../../../shared/document/patch.ts';
import { fromExtendedJson } from '../../../../../shared/document/from-extended-json.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { DocumentRows } from './document-rows.ts';
import type { UnconvertedDocument } from './unconverted-document.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import { BEHIND } from '../../../../../shared/state/quarantine/aside.ts';
import { parkedEntries } from '../state/parked-entries.ts';
import { readRowsOf } from '../../catalog/table-rows.ts';
import type { TargetName } from '../target/target-names.ts';

/** The documents that a table of whole ones has now under the keys of partial rows. */
export async function documentsAt(
  client: ClientBase,
  name: TargetName,
  rows: DocumentRows,
  partial: readonly Buffer[],
): Promise<Map<Buffer, Uint8Array>> {
  if (partial.length === 0) return new Map();
  const ids = partial.map((row) => rows.key(keyOf(row, [0])).toString('utf8', 4));
  const [from] = await readRowsOf(client, [name.sql]);
  const found = await client.query<{ place: string; document: string }>(
    `SELECT k.place, t.document::text AS document FROM unnest($1::jsonb[]) WITH ORDINALITY AS k(id, place)
     JOIN ${from} t ON t._id = k.id`,
    [ids],
  );
  return new Map(
    found.rows.map(({ place, document }) => [
      partial[Number(place) - 1]!,
      fromExtendedJson(document),
    ]),
  );
}

/** The document after a partial row. */
export function patchedBy(row: Buffer, before: Uint8Array): Uint8Array {
  return applyPatch(before, fromDocumentRow(row).document);
}

/**
 * Partial updates of whole documents that are parked, which nobody knows before those are applied: they wait. Of a key
 * only its lane parks changes; where a replay has applied it meanwhile, they are parked by themselves.
 */
export async function waitingPatches(
  client: ClientBase,
  pipeline: string,
  rows: DocumentRows,
  relation: Relation,
  partial: readonly Buffer[],
): Promise<Map<Buffer, UnconvertedDocument>> {
  const waiting = new Map<Buffer, UnconvertedDocument>();
  if (partial.length === 0) return waiting;
  const places = partial.map((row) => rows.placeOf(relation, keyOf(row, relation.key)));
  const parked = await parkedEntries(client, pipeline).among(places.map(({ chain }) => chain));
  for (const [nth, row] of partial.entries()) {
    const place = places[nth]!;
    if (!parked.has(nameOf(place.chain))) continue;
    const error = new WeirError('ROW_REFUSED', BEHIND);
    waiting.set(row, { kind: 'update', bytes: Buffer.from(row), relation, place, error });
  }
  return waiting;
}
