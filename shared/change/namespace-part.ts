/**
 * Where transforms send rows of one namespace to several of the target, each further one is a namespace of its own in the
 * plan and in frames, called after the one at the source: `shop.orders > shop.archive`.
 */
const MARK = ' > ';

export function partName(namespace: string, target: string): string {
  return namespace + MARK + target;
}

/** The namespace at the source. */
export function sourceOf(namespace: string): string {
  const at = namespace.indexOf(MARK);
  return at < 0 ? namespace : namespace.slice(0, at);
}

/** Where such a part goes; null where it is none. */
export function partTarget(namespace: string): string | null {
  const at = namespace.indexOf(MARK);
  return at < 0 ? null : namespace.slice(at + MARK.length);
}
