/**
 * Arrays as SQL text: `{1,NULL,3}`, `{{a,b},{c,d}}`, elements in double quotes where they would be misread, and before
 * all that the bounds where they do not begin at 1: `[2:3]={1,2}`.
 */
export type ArrayTree = (string | null | ArrayTree)[];

/** Null where the array has bounds of its own, which no list can hold. */
export function parseArrayText(text: string): ArrayTree | null {
  if (text.startsWith('[')) return null;
  let at = 0;

  const element = (): string | null | ArrayTree => {
    if (text[at] === '{') return list();
    if (text[at] === '"') return quoted();
    const from = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
    const bare = text.slice(from, at);
    return bare === 'NULL' ? null : bare;
  };
  const quoted = (): string => {
    let value = '';
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === '\\') at++;
      value += text[at] ?? '';
    }
    at++;
    return value;
  };
  const list = (): ArrayTree => {
    const items: ArrayTree = [];
    at++;
    while (at < text.length && text[at] !== '}') {
      items.push(element());
      if (text[at] === ',') at++;
    }
    at++;
    return items;
  };
  return list();
}

/** Null where no array of SQL is like it: lists of different lengths side by side, or empty ones inside. */
export function toArrayText(tree: ArrayTree): string | null {
  const shape = shapeOf(tree);
  if (shape === null || (tree.length > 0 && shape.includes(0))) return null;
  return write(tree);
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
