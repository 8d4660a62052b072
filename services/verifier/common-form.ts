import { logicalOf } from '../../shared/change/column-type.ts';
import type { Column, Relation } from '../../shared/change/relation.ts';
import { columnOffsets, toTuple } from '../../shared/change/tuple.ts';
import { DocumentError } from '../../shared/document/document-error.ts';
import {
  fromDocumentRow,
  isDocumentRelation,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { idOfDocument } from '../../shared/document/document-id.ts';
import { sortedDocument } from '../../shared/document/sorted-document.ts';
import { fromExtendedJson } from '../../shared/document/from-extended-json.ts';
import { isWholeDocumentRelation } from '../../shared/document/whole-document.ts';
import { fromDocument } from '../../shared/document/from-document.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import {
  isUnknownMapping,
  type ValueMapping,
  valueMapping,
} from '../../shared/row/mapped/mapped-value.ts';
import { showType } from '../../shared/schema/show-type.ts';

/** How rows of two stores are brought to one form, in which equal rows have equal bytes. */
export interface CommonForm {
  relation: Relation;
  fromSource: ToCommon;
  fromTarget: ToCommon;
  /** Columns whose types differ, by their places: what is compared is what the target's type makes of a value. */
  mapped: ReadonlyMap<number, string>;
}

/**
 * New bytes or the same; null where a document is no row of the relation. `onChanged` is told the place of each column of
 * which the target's type has made another value.
 */
export type ToCommon = (tuple: Buffer, onChanged?: (place: number) => void) => Buffer | null;

const NOTHING: ReadonlyMap<number, string> = new Map();

const same: ToCommon = (tuple) => tuple;

/** Columns of `source` that the target does not have are for the caller to tell. */
export function commonForm(source: Relation, target: Relation): CommonForm {
  const [isFrom, isTo] = [isDocumentRelation(source), isDocumentRelation(target)];
  if (isFrom && isTo)
    return { relation: source, fromSource: same, fromTarget: same, mapped: NOTHING };
  if (isTo) return { relation: source, fromSource: same, fromTarget: ofDocument(source), mapped: NOTHING }; // prettier-ignore
  if (isFrom && isWholeDocumentRelation(target))
    return { relation: source, fromSource: sorted, fromTarget: fromWhole, mapped: NOTHING };
  if (isFrom) {
    const relation = { ...target, namespace: source.namespace };
    return { relation, fromSource: ofDocument(relation), fromTarget: same, mapped: NOTHING };
  }
  const places = source.columns.map(({ name }) =>
    target.columns.findIndex((column) => column.name === name),
  );
  const mappings = source.columns.map((column, i) => {
    const held = target.columns[places[i]!];
    return held === undefined ? null : mappingOf(column, held);
  });
  const isSameOrder = places.every((place, i) => place === i);
  return {
    relation: source,
    fromSource: mappings.every((each) => each === null) ? same : mapper(mappings),
    fromTarget: isSameOrder && places.length === target.columns.length ? same : picker(places),
    mapped: new Map(
      source.columns.flatMap((column, i) => {
        const held = target.columns[places[i]!];
        const said = held === undefined ? null : describe(column, held);
        return said === null ? [] : [[i, said]];
      }),
    ),
  };
}

function ofDocument(relation: Relation): ToCommon {
  return (row) => {
    try {
      return fromDocument(relation, fromDocumentRow(row).document);
    } catch (error) {
      if (error instanceof DocumentError) return null;
      throw error;
    }
  };
}

/** Without the order of fields, which a table of whole documents does not keep. */
const sorted: ToCommon = (row) => {
  const document = sortedDocument(fromDocumentRow(row).document);
  return toDocumentRow(idOfDocument(document)!, document);
};

/** Of a row of a table of whole documents; null where it holds none. */
const fromWhole: ToCommon = (row) => {
  const [id, document] = viewsOf(row).map((value) => value?.toString('utf8'));
  try {
    const whole = sortedDocument(fromExtendedJson(document!));
    return toDocumentRow(sortedDocument(fromExtendedJson(`{"_id":${id}}`)), whole);
  } catch (error) {
    // It is nothing that Weir has written there.
    if (error instanceof Refusal) return null;
    throw error;
  }
};

/** Null where both columns hold the same values. */
function mappingOf(source: Column, target: Column): ValueMapping | null {
  return valueMapping(logicalOf(source), logicalOf(target));
}

/** As people read it; null where both columns hold the same values. */
function describe(source: Column, target: Column): string | null {
  const [from, to] = [logicalOf(source), logicalOf(target)];
  const isUnknown = isUnknownMapping(from, to);
  if (!isUnknown && mappingOf(source, target) === null) return null;
  return `${source.name} (${showType(from)} as ${showType(to)}${isUnknown ? ', compared as text' : ''})`;
}

function mapper(mappings: readonly (ValueMapping | null)[]): ToCommon {
  return (tuple, onChanged) => {
    const values = viewsOf(tuple);
    return toTuple(
      values.map((value, place) => {
        const mapping = mappings[place];
        if (value === null || mapping === null || mapping === undefined) return value;
        const text = value.toString('utf8');
        try {
          const mapped = mapping(text);
          if (mapped.isChanged) onChanged?.(place);
          return mapped.text;
        } catch (error) {
          // It cannot be there, whatever is.
          if (error instanceof Refusal) return value;
          throw error;
        }
      }),
    );
  };
}

function picker(places: readonly number[]): ToCommon {
  return (tuple) => {
    const values = viewsOf(tuple);
    return toTuple(places.map((place) => values[place] ?? null));
  };
}

function viewsOf(tuple: Buffer): (Buffer | null)[] {
  const offsets = columnOffsets(tuple);
  return offsets
    .slice(0, -1)
    .map((at, i) => (tuple.readInt32BE(at) < 0 ? null : tuple.subarray(at + 4, offsets[i + 1])));
}
