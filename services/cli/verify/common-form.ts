import { logicalOf } from '../../../shared/change/column-type.ts';
import type { Column, Relation } from '../../../shared/change/relation.ts';
import { columnOffsets, toTuple } from '../../../shared/change/tuple.ts';
import { DocumentError } from '../../../shared/document/document-error.ts';
import { fromDocumentRow, isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { fromDocument } from '../../../shared/document/from-document.ts';
import { parseDigits } from '../../../shared/row/canonical/number-digits.ts';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import { columnCodec } from '../../../shared/row/canonical/column-codec.ts';
import { floatText } from '../../../shared/row/canonical/shortest-float.ts';
import type { LogicalType } from '../../../shared/schema/logical-type.ts';
import { showType } from '../../../shared/schema/show-type.ts';

/** How rows of two stores are brought to one form, in which equal rows have equal bytes. */
export interface CommonForm {
  relation: Relation;
  fromSource: ToCommon;
  fromTarget: ToCommon;
  /** Columns whose types differ: what is compared is what the target's type makes of a value. */
  mapped: string[];
}

/** New bytes or the same; null where a document is no row of the relation. */
export type ToCommon = (tuple: Buffer) => Buffer | null;

const same: ToCommon = (tuple) => tuple;

/** Columns of `source` that the target does not have are for the caller to tell. */
export function commonForm(source: Relation, target: Relation): CommonForm {
  const [isFrom, isTo] = [isDocumentRelation(source), isDocumentRelation(target)];
  if (isFrom && isTo) return { relation: source, fromSource: same, fromTarget: same, mapped: [] };
  if (isTo) return { relation: source, fromSource: same, fromTarget: ofDocument(source), mapped: [] }; // prettier-ignore
  if (isFrom) {
    const relation = { ...target, namespace: source.namespace };
    return { relation, fromSource: ofDocument(relation), fromTarget: same, mapped: [] };
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
    mapped: source.columns.flatMap((column, i) => {
      if (mappings[i] === null) return [];
      const [from, to] = [column, target.columns[places[i]!]!].map((each) => showType(logicalOf(each))); // prettier-ignore
      return [`${column.name} (${from} as ${to})`];
    }),
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

type Mapping = (text: string) => string;

/** Null where both columns hold the same values. */
function mappingOf(source: Column, target: Column): Mapping | null {
  const [from, to] = [logicalOf(source), logicalOf(target)];
  if (showType(from) === showType(to) || to.kind === 'other' || from.kind === 'other') return null;
  const codec = columnCodec(target);
  return (text) => {
    try {
      return codec.read(coarser(text, to));
    } catch (error) {
      // It cannot be there, whatever is.
      if (error instanceof Refusal) return text;
      throw error;
    }
  };
}

/** What a type makes of a number that it does not hold exactly. */
function coarser(text: string, type: LogicalType): string {
  if (type.kind === 'float') {
    const held = type.bits === 32 ? Math.fround(Number(text)) : Number(text);
    // A finite one beyond what it holds is none of it.
    return Number.isFinite(held) ? floatText(held, type.bits) : text;
  }
  if (type.kind === 'decimal' && type.scale !== null) return rounded(text, type.scale);
  return text;
}

/** Halves away from zero, as SQL rounds decimals. */
function rounded(text: string, scale: number): string {
  const parsed = parseDigits(text);
  if (parsed === null || parsed.scale <= scale) return text;
  const unit = 10n ** BigInt(parsed.scale - scale);
  const whole = (BigInt(parsed.digits || '0') + unit / 2n) / unit;
  return `${parsed.negative ? '-' : ''}${whole}e${-scale}`;
}

function mapper(mappings: readonly (Mapping | null)[]): ToCommon {
  return (tuple) => {
    const values = viewsOf(tuple);
    return toTuple(
      values.map((value, i) => (value === null ? null : (mappings[i]?.(value.toString('utf8')) ?? value))), // prettier-ignore
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
