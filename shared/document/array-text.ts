import { Misfit } from './misfit.ts';

/**
 * Arrays as SQL text: `{1,NULL,3}`, `{{a,b},{c,d}}`, elements in double quotes where they would be misread, and before
 * all that the bounds where they do not begin at 1: `[2:3]={1,2}`.
 */
export type ArrayTree = (string | null | ArrayTree)[];

/** `hasBounds`: it has bounds of its own, which no list can hold. Throws `Misfit` where it is none. */
export function parseArrayText(text: string): { tree: ArrayTree; hasBounds: boolean } {
  const bounds = /^(?:\[-?\d{1,10}:-?\d{1,10}\])+=/.exec(text)?.[0] ?? '';
  let at = bounds.length;

  const element = (): string | null | ArrayTree => {
    if (text[at] === '{') return list();
    if (text[at] === '"') return quoted();
    const from = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
    const bare = text.slice(from, at);
    if (bare === '' || /["{\\]|^\s|\s$/.test(bare)) throw new Misfit('value');
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
    if (text[at++] !== wanted) throw new Misfit('value');
  };
  const tree = list();
  if (at !== text.length || !isArray(tree)) throw new Misfit('value');
  const lengths = [...bounds.matchAll(/\[(-?\d+):(-?\d+)\]/g)].map(([, low, high]) => {
    const isInt = Math.abs(Number(low)) < 2 ** 31 && Math.abs(Number(high)) < 2 ** 31;
    return isInt ? Number(high) - Number(low) + 1 : -1;
  });
  const hasBounds = bounds !== '';
  if (hasBounds && lengths.join() !== shapeOf(tree)?.join()) throw new Misfit('value');
  return { tree, hasBounds };
}

/** Null where no array of SQL is like it: lists of different lengths side by side, or empty ones inside. */
export function toArrayText(tree: ArrayTree): string | null {
  return isArray(tree) ? write(tree) : null;
}

function isArray(tree: ArrayTree): boolean {
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

function write(tree: ArrayTree): string {
  const items = tree.map((item) => {
    if (item === null) return 'NULL';
    if (Array.isArray(item)) return write(item);
    if (item !== '' && !/[{}",\\\s]/.test(item) && !/^null$/i.test(item)) return item;
    return `"${item.replaceAll(/(["\\])/g, '\\$1')}"`;
  });
  return `{${items.join(',')}}`;
}
