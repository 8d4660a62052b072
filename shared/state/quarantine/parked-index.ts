import { sourceOf } from '../../change/namespace-part.ts';
import type { ParkedSelection } from '../../connector/parking.ts';
import type { ParkedRecord } from '../records.ts';
import { nameOf } from './change-unit.ts';
import type {
  OutsideEntries,
  ParkedEntries,
  ParkedPageRequest,
  ParkedSet,
} from './parked-entries.ts';

/** What decides which entries an answer is about. */
export interface ParkedHead extends Pick<
  ParkedRecord,
  'id' | 'namespace' | 'shape' | 'chain' | 'also'
> {
  /** A step failed for it. */
  failed: boolean;
  /** Of its tuple. */
  bytes: number;
}

/** Answers for a store that reads all heads at once; `open` brings the rest of those that are asked for. */
export function parkedIndex<Head extends ParkedHead>(
  readHeads: () => Promise<readonly Head[]>,
  open: (heads: readonly Head[]) => Promise<ParkedRecord[]>,
): ParkedEntries {
  return {
    async shapes(source) {
      const heads = await readHeads();
      const of = heads.filter(({ namespace }) => sourceOf(namespace) === source);
      return new Set(of.map(({ shape }) => shape));
    },
    async among(chains) {
      const names = new Set((await readHeads()).flatMap(chainsOf));
      return new Set(chains.map(nameOf).filter((name) => names.has(name)));
    },
    async read(page) {
      return open(pageOf(await readHeads(), page));
    },
    async count(selection) {
      return (await readHeads()).filter(isIn(selection)).length;
    },
    async lastId() {
      return (await readHeads()).at(-1)?.id ?? 0;
    },
    async outside({ chains, namespaces, before, ids }) {
      const left = new Set(ids);
      const heads = (await readHeads()).filter(({ id }) => id < before && !left.has(id));
      return outsideOf(heads, chains, new Set(namespaces));
    },
    async firstBehind(chains, after, until) {
      const heads = (await readHeads()).filter(({ id }) => id > after && id <= until);
      return chains.flatMap((chain) => heads.find((each) => isOf(each.chain, chain))?.id ?? []);
    },
  };
}

/** Whether an entry is one of a set. */
export function isIn(set: ParkedSet): (head: ParkedHead) => boolean {
  switch (set.kind) {
    case 'all':
      return () => true;
    case 'namespace':
      // Wherever its rows go.
      return ({ namespace }) =>
        namespace === set.namespace || sourceOf(namespace) === set.namespace;
    case 'ids':
      return ({ id }) => set.ids.includes(id);
    case 'namespaces':
      return ({ namespace }) => set.namespaces.includes(namespace);
    case 'done': {
      const ids = new Set(set.ids);
      return ({ id, chain }) =>
        ids.has(id) || set.overtaken.some((each) => id <= each.upTo && isOf(chain, each.chain));
    }
  }
}

function pageOf<Head extends ParkedHead>(
  heads: readonly Head[],
  { selection, wholeChains, after, until, limit, maxBytes, failed }: ParkedPageRequest,
): Head[] {
  const chosen = wholeChains ? ofWholeChains(heads, selection) : isIn(selection);
  const page: Head[] = [];
  let bytes = 0;
  for (const head of heads) {
    if (head.id <= after || (until !== null && head.id > until)) continue;
    if (!chosen(head) || (failed === true && !head.failed)) continue;
    if (page.length === limit || (page.length > 0 && bytes >= maxBytes)) break;
    page.push(head);
    bytes += head.bytes;
  }
  return page;
}

function ofWholeChains(
  heads: readonly ParkedHead[],
  selection: ParkedSelection,
): (head: ParkedHead) => boolean {
  const isChosen = isIn(selection);
  if (selection.kind !== 'ids') return isChosen;
  const chains = new Set(heads.filter(isChosen).flatMap(chainsOf));
  return (head) => isChosen(head) || chainsOf(head).some((chain) => chains.has(chain));
}

function outsideOf(
  heads: readonly ParkedHead[],
  chains: readonly Buffer[],
  namespaces: ReadonlySet<string>,
): OutsideEntries {
  const found = chains.flatMap((chain) => {
    const of = heads.filter((each) => isOf(each.chain, chain) || isOf(each.also, chain));
    return of.length === 0 ? [] : [{ chain, tied: of.some(({ also }) => also !== null) }];
  });
  const shapes = new Map(
    heads
      .filter(({ namespace }) => namespaces.has(namespace))
      .map(({ namespace, shape }) => [JSON.stringify([namespace, shape]), { namespace, shape }]),
  );
  return { chains: found, shapes: [...shapes.values()] };
}

export function chainsOf({ chain, also }: Pick<ParkedHead, 'chain' | 'also'>): string[] {
  return [chain, also].flatMap((each) => (each === null ? [] : [nameOf(each)]));
}

function isOf(one: Buffer | null, other: Buffer): boolean {
  return one !== null && one.equals(other);
}
