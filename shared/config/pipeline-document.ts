import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  visit,
  type Document,
  type LineCounter,
  type Node,
} from 'yaml';
import { interpolate } from './interpolate.ts';
import type { PipelineProblem } from './pipeline-rules.ts';
import { NUMBER_KEYS } from './pipeline-schema.ts';

/** Puts the environment's values into every text of the document; returns what could not be. */
export function interpolateAll(
  document: Document,
  env: Readonly<Record<string, string | undefined>>,
): PipelineProblem[] {
  const problems: PipelineProblem[] = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.value)) return;
      const path = [...pathOf(ancestors), isScalar(pair.key) ? String(pair.key.value) : ''];
      interpolateScalar(pair.value, path);
    },
    Seq(_, sequence, ancestors) {
      for (const [index, item] of sequence.items.entries())
        if (isScalar(item)) interpolateScalar(item, [...pathOf(ancestors), index]);
    },
  });
  return problems;

  function interpolateScalar(scalar: { value: unknown }, path: (string | number)[]): void {
    if (typeof scalar.value !== 'string') return;
    const { text, missing, malformed } = interpolate(scalar.value, env);
    for (const name of missing)
      problems.push({
        path,
        message: `needs the environment variable ${name}, which is not set (write $\${ for a plain "\${")`,
      });
    if (malformed)
      problems.push({
        path,
        message: 'has a "${" without a name; write ${NAME}, or $${ for a plain "${"',
      });
    const isNumber =
      text !== scalar.value && /^\d{1,9}$/.test(text) && NUMBER_KEYS.has(path.join('.'));
    scalar.value = isNumber ? Number(text) : text;
  }
}

/** The keys on the way to a node, and its places in lists, from its ancestors. */
function pathOf(ancestors: readonly unknown[]): (string | number)[] {
  return ancestors.flatMap((node, i): (string | number)[] => {
    if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
    const place = isSeq(node) ? node.items.indexOf(ancestors[i + 1]) : -1;
    return place < 0 ? [] : [place];
  });
}

/** The line of the key at `path`, or of the nearest block around it where the key is missing. */
export function lineOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step);
      if (pair === undefined) break;
      offset = startOf(pair.key as Node) ?? offset;
      node = pair.value;
    } else if (typeof step === 'number' && typeof node === 'object' && node && 'items' in node) {
      const item: unknown = Array.isArray(node.items) ? node.items[step] : undefined;
      offset = startOf(item as Node | undefined) ?? offset;
      node = item;
    }
  }
  return lines.linePos(offset).line;
}

function startOf(node: Node | undefined): number | undefined {
  return node?.range?.[0];
}
