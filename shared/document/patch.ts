import { readElements } from './bson-reader.ts';
import { BSON, BsonWriter } from './bson-writer.ts';
import { readTree, removeAt, setAt, type TreeFields, writeTree } from './document-tree.ts';

/**
 * What partial updates do to a document, step by step: each first removes the fields `unset`, then gives those of `set`
 * their values. Both name fields by paths with dots, through documents, and through arrays by number. `set` makes what is
 * missing on the way, and replaces what is no document there, so that steps may be done once more.
 */
interface PatchStep {
  set: TreeFields;
  unset: string[];
}

/** The bytes that a partial row has in place of the document. */
export function encodePatch(set: Uint8Array, unset: readonly string[]): Uint8Array {
  return encodeSteps([{ set: readTree(set), unset: [...unset] }]);
}

/** Its steps, the fields to set as a document of their own. */
export function patchSteps(patch: Uint8Array): { set: Uint8Array; unset: string[] }[] {
  return decodePatch(patch).map(({ set, unset }) => ({ set: writeTree(set), unset }));
}

/** The document after the change. New bytes; fields keep their places, new ones come last. */
export function applyPatch(document: Uint8Array, patch: Uint8Array): Uint8Array {
  const fields = readTree(document);
  for (const { set, unset } of decodePatch(patch)) {
    for (const path of unset) removeAt(fields, path.split('.'));
    for (const [path, value] of set) setAt(fields, path.split('.'), value);
  }
  return writeTree(fields);
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
    for (const path of step.unset) last.set.delete(path);
    for (const [path, value] of step.set) last.set.set(path, value);
    last.unset = [...new Set([...last.unset, ...step.unset])];
  }
  return encodeSteps(steps);
}

/** Whether one step can do it: no path of one lies on the way of another, and nothing is made and then removed again. */
function canJoin(first: PatchStep, second: PatchStep): boolean {
  const before = [...first.set.keys(), ...first.unset];
  const after = [...second.set.keys(), ...second.unset];
  const meet = after.some((path) =>
    before.some((each) => leadsTo(path, each) || leadsTo(each, path)),
  );
  return !meet && !second.unset.some((path) => path.includes('.') && first.set.has(path));
}

function leadsTo(path: string, further: string): boolean {
  return further.startsWith(`${path}.`);
}

/** `{ steps: [{ set: {…}, unset: […] }, …] }` */
function encodeSteps(steps: readonly PatchStep[]): Uint8Array {
  const writer = scratch;
  writer.clear();
  const start = writer.begin();
  writer.head(BSON.array, nameOf('steps'));
  const list = writer.begin();
  steps.forEach(({ set, unset }, i) => {
    writer.head(BSON.document, nameOf(i));
    const step = writer.begin();
    writer.head(BSON.document, nameOf('set'));
    writer.raw(writeTree(set));
    writer.head(BSON.array, nameOf('unset'));
    const paths = writer.begin();
    unset.forEach((path, nth) => {
      const bytes = Buffer.from(path);
      writer.head(BSON.string, nameOf(nth));
      writer.string(bytes, 0, bytes.length);
    });
    writer.end(paths);
    writer.end(step);
  });
  writer.end(list);
  writer.end(start);
  return writer.copyFrom(0);
}

const scratch = new BsonWriter();

function nameOf(name: string | number): Buffer {
  return Buffer.from(`${name}\0`);
}

/** Views of the patch. */
function decodePatch(patch: Uint8Array): PatchStep[] {
  const bytes = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength);
  const [steps] = readElements(bytes);
  return [...readElements(bytes, steps!.from)].map(({ from, to }) => {
    const step = bytes.subarray(from, to);
    const [set, unset] = readElements(step);
    const paths = [...readElements(step, unset!.from)];
    return {
      set: readTree(step.subarray(set!.from, set!.to)),
      unset: paths.map((path) => step.toString('utf8', path.from + 4, path.to - 1)),
    };
  });
}
