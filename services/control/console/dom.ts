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

/** Makes `target` look like `wanted`. What has `data-keep` is left as it is, once it is there. */
export function morph(target: Element, wanted: Element): void {
  const before = [...target.childNodes];
  const after = [...wanted.childNodes];
  for (const [index, next] of after.entries()) {
    const now = before[index];
    if (now === undefined) target.appendChild(next);
    else if (!sameKind(now, next)) target.replaceChild(next, now);
    else if (now instanceof Element && next instanceof Element) morphElement(now, next);
    else if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
  }
  for (const extra of before.slice(after.length)) extra.remove();
}

function sameKind(a: Node, b: Node): boolean {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  if (!(a instanceof Element) || !(b instanceof Element)) return true;
  return a.getAttribute('data-key') === b.getAttribute('data-key');
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
