import type { Codec } from './codec.ts';
import { type ArrayTree, parseArray, writeArray } from './array-tree.ts';

/**
 * `{1,NULL,3}`, `{{a,b},{c,d}}`, before it the bounds where one of them does not begin at 1: `[2:3]={1,2}`. Elements are in
 * their own canonical form, in double quotes where they would be misread.
 */
export function arrayCodec(element: Codec): Codec {
  const readTree = (tree: ArrayTree): ArrayTree =>
    tree.map((item) =>
      item === null ? null : Array.isArray(item) ? readTree(item) : element.read(item),
    );
  return {
    isCanonical: () => false,
    read(text) {
      const { tree, bounds } = parseArray(text);
      return bounds + writeArray(readTree(tree));
    },
  };
}
