import type { Relation } from '../../shared/change/relation.ts';
import { BsonError } from '../../shared/document/bson-reader.ts';
import { type IdPart, readFields, toDocumentId } from '../../shared/document/document-id.ts';
import {
  fromDocumentKey,
  fromDocumentRow,
  toDocumentKey,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { toJson } from '../../shared/document/json-text.ts';
import { Misfit } from '../../shared/document/misfit.ts';
import { sliceOf, toValue } from './bson-value.ts';
import { readPatch, valuesIn, valuesInPatch, writeDocument, writePatch } from './document-body.ts';
import { createRow, type DocumentBody, MISSING, type Row, type Value } from './row.ts';
import type { RowForm } from './row-form.ts';
import { type DocumentShape, type Shape, StepFailure } from './step.ts';

/** Of documents (`document-relation.ts`). */
export function documentForm(source: Relation, before: DocumentShape, after: Shape): RowForm {
  const read = (kind: Row['kind'], tuple: Buffer, partial: boolean): Row => {
    const { id, document } = fromDocumentRow(tuple);
    return attempt(kind, tuple, id, () => {
      const patch = partial ? readPatch(document) : null;
      if (partial && patch === null) throw new BsonError('an update has several parts');
      const values = patch === null ? valuesIn(before, document) : valuesInPatch(before, patch);
      const single = singleId(id);
      if (single !== null) values[0] = toValue(single.type, single.data);
      return [values, { id, bytes: partial ? null : document, patch }];
    });
  };
  const keyAlone = (id: Buffer, came: Buffer): Row =>
    attempt('delete', came, id, () => [idValues(before, id), { id, bytes: null, patch: null }]);
  return {
    read,
    readKey: (key) => keyAlone(fromDocumentKey(key), key),
    keyAlone: (tuple) => keyAlone(fromDocumentRow(tuple).id, tuple),
    describeKey: ({ document }) => describeId(document!.id),
    isPartial: ({ document }) => document!.patch !== null,
    write(row) {
      const bytes =
        row.document!.patch === null ? writeDocument(after, row) : writePatch(after, row);
      return toDocumentRow(idOf(row), bytes);
    },
    writeKey: (row) => toDocumentKey(idOf(row)),
  };

  function attempt(
    kind: Row['kind'],
    came: Buffer,
    id: Buffer,
    work: () => [Value[], DocumentBody],
  ): Row {
    const isKey = kind === 'delete';
    try {
      const [values, document] = work();
      return createRow(kind, values, isKey, came, document);
    } catch (error) {
      if (!(error instanceof BsonError)) throw error;
      const row = createRow(kind, [], isKey, came, { id, bytes: null, patch: null });
      row.failure = `a document of ${source.namespace} is not BSON: ${error.message}`;
      return row;
    }
  }
}

/** The id of the document that goes on; where it is `_id` alone, as steps have left that. */
function idOf({ values, document }: Row): Buffer {
  const value = values[0];
  if (singleId(document!.id) === null || (!Buffer.isBuffer(value) && value !== null))
    return document!.id;
  const [type, data] = value === null ? [NULL, NONE] : [value[0]!, value.subarray(1)];
  return toDocumentId([{ name: '_id', type, data }]);
}

const NULL = 0x0a;
const NONE = Buffer.alloc(0);

/** The one part of an id that is `_id` alone; null where it has others. */
function singleId(id: Buffer): IdPart | null {
  const [part, ...more] = readFields(id);
  return part?.name === '_id' && more.length === 0 ? part : null;
}

function idValues({ named }: DocumentShape, id: Buffer): Value[] {
  const parts = new Map(readFields(id).map((part) => [part.name, part]));
  return named.map((name) => {
    const part = parts.get(name);
    return part && toValue(part.type, part.data);
  });
}

/**
 * Of an id with other parts than `_id` nothing may be changed or left out: what the id has, and what the document has
 * under the same name, would no longer be the same.
 */
export function requireSameId({ named }: DocumentShape, shape: Shape, row: Row): void {
  const { id } = row.document!;
  if (singleId(id) !== null) return;
  for (const part of readFields(id)) if (!staysPart(part)) throw changedPart(part);

  function staysPart({ name, type, data }: IdPart): boolean {
    const source = named.indexOf(name);
    if (source < 0) return shape.documents!.open;
    const place = shape.fields.findIndex((field) => field.source === source);
    if (place < 0 || shape.fields[place]!.name !== name) return false;
    const value = row.values[place];
    if (value === undefined || value === MISSING) return true;
    const own = toValue(type, data);
    return own === null ? value === null : Buffer.isBuffer(value) && value.equals(own);
  }
}

function changedPart({ name }: IdPart): StepFailure {
  return new StepFailure(
    `they change or leave out ${name}, which is in the id of the document; of ids with several parts none may be changed`,
  );
}

function describeId(id: Buffer): string {
  try {
    return readFields(id)
      .map(({ name, type, data }) => `${name} = ${valueText(type, data)}`)
      .join(', ');
  } catch (error) {
    if (error instanceof BsonError) return 'an id that is not BSON';
    throw error;
  }
}

function valueText(type: number, data: Uint8Array): string {
  try {
    return toJson(sliceOf(Buffer.concat([Buffer.from([type]), data])));
  } catch (error) {
    if (error instanceof Misfit) return 'a value that has no text';
    throw error;
  }
}
