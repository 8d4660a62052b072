import { BSON } from 'bson';

/**
 * What partial updates do to a document, step by step: each first removes the fields `unset`, then gives those of `set`
 * their values. Both name fields by paths with dots, through documents, and through arrays by number. `set` makes what is
 * missing on the way, and replaces what is no document there, so that steps may be done once more.
 */
export interface PatchStep {
  set: Fields;
  unset: string[];
}

type Fields = Record<string, unknown>;

/** Values stay as BSON has them: 1 and 1.0 are two. */
const EXACT = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const;

/** The bytes that a partial row has in place of the document. */
export function encodePatch(set: Uint8Array, unset: readonly string[]): Uint8Array {
  return encodeSteps([{ set: readDocument(set), unset: [...unset] }]);
}

export function decodePatch(patch: Uint8Array): PatchStep[] {
  const { steps } = readDocument(patch) as { steps: { set: Fields; unset: unknown[] }[] };
  return steps.map(({ set, unset }) => ({ set, unset: unset.map(String) }));
}

/** The same, the fields to set as a document of their own. */
export function patchSteps(patch: Uint8Array): { set: Uint8Array; unset: string[] }[] {
  return decodePatch(patch).map(({ set, unset }) => ({ set: BSON.serialize(set), unset }));
}

/** The document after the change. New bytes; fields keep their places, new ones come last. */
export function applyPatch(document: Uint8Array, patch: Uint8Array): Uint8Array {
  const fields = readDocument(document);
  for (const { set, unset } of decodePatch(patch)) {
    for (const path of unset) removeAt(fields, path.split('.'));
    for (const [path, value] of Object.entries(set)) setAt(fields, path.split('.'), value);
  }
  return BSON.serialize(fields);
}

/** One patch that does what both do, one after the other. */
export function mergePatches(earlier: Uint8Array, later: Uint8Array): Uint8Array {
  const steps = decodePatch(earlier);
  for (const step of decodePatch(later)) {
    const last = steps.at(-1);
    if (last === undefined || !canJoin(last, step)) {
      steps.push(step);
      continue;
    }
    for (const path of step.unset) delete last.set[path];
    for (const [path, value] of Object.entries(step.set)) put(last.set, path, value);
    last.unset = [...new Set([...last.unset, ...step.unset])];
  }
  return encodeSteps(steps);
}

/** Whether one step can do it: no path of one lies on the way of another, and nothing is made and then removed again. */
function canJoin(first: PatchStep, second: PatchStep): boolean {
  const before = [...Object.keys(first.set), ...first.unset];
  const after = [...Object.keys(second.set), ...second.unset];
  const meet = after.some((path) =>
    before.some((each) => leadsTo(path, each) || leadsTo(each, path)),
  );
  return !meet && !second.unset.some((path) => path.includes('.') && path in first.set);
}

function leadsTo(path: string, further: string): boolean {
  return further.startsWith(`${path}.`);
}

function encodeSteps(steps: readonly PatchStep[]): Uint8Array {
  return BSON.serialize({ steps });
}

function readDocument(bytes: Uint8Array): Fields {
  return BSON.deserialize(bytes, EXACT) as Fields;
}

function setAt(fields: Fields, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path;
  if (rest.length === 0) {
    put(fields, name!, value);
    return;
  }
  const inner = fields[name!];
  const next: Fields = isFields(inner) ? inner : {};
  setAt(next, rest, value);
  put(fields, name!, next);
}

function removeAt(fields: Fields, path: readonly string[]): void {
  const [name, ...rest] = path;
  if (!Object.hasOwn(fields, name!)) return;
  const inner = fields[name!];
  if (rest.length > 0) {
    if (isFields(inner)) removeAt(inner, rest);
  } else if (Array.isArray(fields)) fields[Number(name)] = null;
  else delete fields[name!];
}

/** A field whose name means something to JavaScript is a field like any other. */
function put(fields: Fields, name: string, value: unknown): void {
  Object.defineProperty(fields, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function isFields(value: unknown): value is Fields {
  if (Array.isArray(value)) return true;
  if (typeof value !== 'object' || value === null || value instanceof Date) return false;
  return !('_bsontype' in value);
}
