import { refuse } from './refusal.ts';

/** An array of SQL taken apart: elements as text, null is NULL, and arrays where it has more dimensions. */
export type ArrayTree = (string | null | ArrayTree)[];

const BOUNDS = /^(?:\[-?\d{1,10}:-?\d{1,10}\])+=/;

/** `bounds`: as they stand before it, `=` included; empty where all of them begin at 1. Throws `Refusal`. */
export function parseArray(text: string): { tree: ArrayTree; bounds: string } {
  const given = BOUNDS.exec(text)?.[0] ?? '';
  let at = given.length;
  const wrong = (): never => refuse('it is no array as {1,2}');

  const element = (): string | null | ArrayTree => {
    if (text[at] === '{') return list();
    if (text[at] === '"') return quoted();
    const from = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
    const bare = text.slice(from, at);
    if (bare === '' || /["{\\]|^[ \t\n\r\v\f]|[ \t\n\r\v\f]$/.test(bare)) wrong();
    return bare.toUpperCase() === 'NULL' ? null : bare;
  };
  const quoted = (): string => {
    let value = '';
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === '\\') at++;
      value += text[at] ?? '';
    }
    expect('"');
    return value;
  };
  const list = (): ArrayTree => {
    const items: ArrayTree = [];
    expect('{');
    while (text[at] !== '}') {
      if (items.length > 0) expect(',');
      items.push(element());
    }
    expect('}');
    return items;
  };
  const expect = (wanted: string): void => {
    if (text[at++] !== wanted) wrong();
  };
  const tree = list();
  if (at !== text.length || !isArray(tree)) wrong();
  return { tree, bounds: boundsOf(given, tree) ?? wrong() };
}

/** Null where they are not those of the array. */
function boundsOf(given: string, tree: ArrayTree): string | null {
  if (given === '') return '';
  const pairs = [...given.matchAll(/\[(-?\d+):(-?\d+)\]/g)].map(([, low, high]) => [
    Number(low),
    Number(high),
  ]);
  const isInt = (each: number): boolean => each >= -(2 ** 31) && each < 2 ** 31;
  if (!pairs.flat().every(isInt)) return null;
  const lengths = pairs.map(([low, high]) => high! - low! + 1);
  if (lengths.join() !== shapeOf(tree)?.join()) return null;
  const plain = pairs.map(([low, high]) => `[${low}:${high}]`).join('');
  return pairs.every(([low]) => low === 1) ? '' : `${plain}=`;
}

/** False where no array of SQL is like it: lists of different lengths side by side, or empty ones inside. */
export function isArray(tree: ArrayTree): boolean {
  const shape = shapeOf(tree);
  return shape !== null && (tree.length === 0 || !shape.includes(0));
}

/** The length of each dimension; null where they differ. */
function shapeOf(tree: ArrayTree): number[] | null {
  const shapes = tree.map((item) => (Array.isArray(item) ? shapeOf(item) : []));
  const first = shapes[0] ?? [];
  if (first === null) return null;
  const isSame = shapes.every((shape) => shape !== null && shape.join() === first.join());
  const isMixed = tree.some(Array.isArray) && !tree.every(Array.isArray);
  return isSame && !isMixed ? [tree.length, ...first] : null;
}

export function writeArray(tree: ArrayTree): string {
  const items = tree.map((item) => {
    if (item === null) return 'NULL';
    if (Array.isArray(item)) return writeArray(item);
    if (item !== '' && !/[{}",\\ \t\n\r\v\f]/.test(item) && !/^null$/i.test(item)) return item;
    return `"${item.replaceAll(/(["\\])/g, '\\$1')}"`;
  });
  return `{${items.join(',')}}`;
}
