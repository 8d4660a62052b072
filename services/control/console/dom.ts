/**
 * Pages are made anew from what is known, once a second or so, and the document is changed where that differs: so focus,
 * scrolling and what is typed stay. What people press says so in `data-do` and is heard in one place.
 */
type Child = Node | string | number | null | undefined | false | readonly Child[];

type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function h(tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : String(value));
  }
  append(node, children);
  return node;
}

function append(node: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (typeof child === 'string' || typeof child === 'number')
      node.appendChild(document.createTextNode(String(child)));
    else if (child instanceof Node) node.appendChild(child);
    else append(node, child);
  }
}

/**
 * Makes `target` look like `wanted`. What has `data-keep` is left as it is, once it is there. An element that has a name
 * stays itself wherever it moves to: a button that is being pressed must not become the one beside it.
 */
export function morph(target: Element, wanted: Element): void {
  const after = [...wanted.childNodes];
  let now = target.firstChild;
  for (const [index, next] of after.entries()) {
    const later = after.slice(index);
    while (now !== null && !later.some((each) => isSame(now!, each, each !== next)))
      now = removed(now);
    if (now !== null && isSame(now, next)) {
      morphNode(now, next);
      now = now.nextSibling;
      continue;
    }
    const moved = nameOf(next) === null ? null : findSame(now, next);
    target.insertBefore(moved ?? next, now);
    if (moved !== null) morphNode(moved, next);
  }
  while (now !== null) now = removed(now);
}

/** Takes a node out, and gives the one behind it. */
function removed(node: ChildNode): ChildNode | null {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** The node at or behind `from` that is the same as `next`. */
function findSame(from: ChildNode | null, next: Node): ChildNode | null {
  let each = from;
  while (each !== null && !isSame(each, next)) each = each.nextSibling;
  return each;
}

/** What tells an element from others of its kind: its `data-key`, or what it does and with what. */
function nameOf(node: Node): string | null {
  if (!(node instanceof Element)) return null;
  const key = node.getAttribute('data-key');
  if (key !== null) return key;
  const does = node.getAttribute('data-do');
  return does === null ? null : `${does} ${node.getAttribute('data-id') ?? ''}`;
}

/** Whether one node may become the other; by name alone where it is somewhere else. */
function isSame(a: Node, b: Node, byNameAlone = false): boolean {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  const name = nameOf(a);
  return name === nameOf(b) && !(byNameAlone && name === null);
}

function morphNode(now: Node, next: Node): void {
  if (now instanceof Element && next instanceof Element) morphElement(now, next);
  else if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
}

function morphElement(now: Element, next: Element): void {
  if (now.hasAttribute('data-keep')) return;
  for (const name of now.getAttributeNames())
    if (!next.hasAttribute(name)) now.removeAttribute(name);
  for (const name of next.getAttributeNames()) {
    const value = next.getAttribute(name)!;
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  morph(now, next);
}
