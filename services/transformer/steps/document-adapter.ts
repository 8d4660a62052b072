import type { BsonValue } from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import { DocumentError } from '../../../shared/document/document-error.ts';
import { idOfDocument, readFields } from '../../../shared/document/document-id.ts';
import { fromDocument } from '../../../shared/document/from-document.ts';
import { toDocument, toId } from '../../../shared/document/to-document.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { valuesIn, writeDocument } from '../document-body.ts';
import { readTuple, type Row, writeKey, writeTuple } from '../row.ts';
import { documentShape, type Shape, StepFailure } from '../step.ts';

/** A row as a document on its way to somebody else. */
export interface Sent {
  row: Row;
  /** By which what comes back is told. */
  id: string;
  /** The same as `adiom.v1` has it. */
  idParts: BsonValue[];
  document: Uint8Array;
}

/** How rows become documents for a while. */
export interface DocumentAdapter {
  shape: Shape;
  /** Throws `StepFailure`. */
  give(row: Row): Sent;
  /** Throws `StepFailure` where the document does not fit. */
  take(row: Row, document: Uint8Array): void;
  /** Of a row of which only the key came. */
  takeKey(row: Row): void;
}

/** Rows of columns; `after`: the fields that come back. */
export function columnAdapter(before: Shape, after: Shape): DocumentAdapter {
  const [from, given] = [relationOf(before), relationOf(after)];
  const places = after.fields.map(({ name }) =>
    before.fields.findIndex((each) => each.name === name),
  );
  return {
    shape: after,
    give(row) {
      if (row.values.includes(undefined))
        throw new StepFailure('the update left values unchanged and did not bring them');
      const document = documentOf(row, from);
      const key = writeKey(from.key.map((place) => row.values[place]));
      return { row, id: idOf(document), idParts: [toId(from, key)], document };
    },
    take(row, document) {
      try {
        row.values = readTuple(fromDocument(given, document)).values;
      } catch (error) {
        if (!(error instanceof DocumentError)) throw error;
        throw new StepFailure(`what came back does not fit: ${error.message}`);
      }
    },
    takeKey(row) {
      const { values } = row;
      row.values = places.map((place) => values[place]);
    },
  };
}

/** Documents go as they are, and any come back. */
export function documentAdapter(before: Shape): DocumentAdapter {
  const { named } = before.documents!;
  const after: Shape = { ...before, ...documentShape(named) };
  const places = named.map((name) => before.fields.findIndex((each) => each.name === name));
  return {
    shape: after,
    give(row) {
      if (row.document!.patch !== null)
        throw new StepFailure(
          'the update brings only what it changes of the document (let the source send whole documents)',
        );
      const document = writeDocument(before, row);
      const parts = readFields(idOfDocument(document) ?? row.document!.id);
      return { row, id: idOf(document), idParts: parts, document };
    },
    take(row, document) {
      const { buffer, byteOffset, byteLength } = document;
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      row.values = valuesIn(after.documents!, bytes);
      row.document = { ...row.document!, bytes };
    },
    takeKey(row) {
      const { values } = row;
      row.values = places.map((place) => values[place]);
    },
  };
}

export function idOf(document: Uint8Array): string {
  return idOfDocument(document)?.toString('latin1') ?? '';
}

function relationOf({ namespace, fields }: Shape): Relation {
  const key = fields.flatMap(({ isKey }, place) => (isKey ? [place] : []));
  const columns = fields.map(({ isKey: _, source: _source, ...field }) => ({
    ...field,
    encoding: 'text' as const,
  }));
  return { namespace, columns, key, identity: 'key', order: 'key' };
}

function documentOf(row: Row, relation: Relation): Uint8Array {
  try {
    return toDocument(relation, writeTuple(row.values));
  } catch (error) {
    if (!(error instanceof WeirError) || error.code === 'INTERNAL') throw error;
    throw new StepFailure(`it cannot be sent as a document: ${error.message}`);
  }
}
