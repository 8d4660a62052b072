import type { Relation } from '../../shared/change/relation.ts';
import { columnOffsets, keyOf } from '../../shared/change/tuple.ts';
import { hash64 } from '../../shared/codec/xxhash.ts';
import type { RowReader } from '../../shared/connector/row-reader.ts';
import type {
  BucketHash,
  MappedColumn,
  RowHash,
  Verifier,
} from '../../shared/connector/verifier.ts';
import { fromDocumentRow, isDocumentRelation } from '../../shared/document/document-relation.ts';
import { idOfDocument } from '../../shared/document/document-id.ts';
import { idText } from '../../shared/document/whole-document.ts';
import { writeArray } from '../../shared/row/canonical/array-tree.ts';
import { type CommonForm, commonForm, type ToCommon } from './common-form.ts';

/** Reads both ends of a pipeline and compares in Weir, where the stores cannot do so in the same way themselves. */
export function createStreamedVerifiers(
  readers: { source: RowReader; target: RowReader },
  map: Readonly<Record<string, string>>,
): { source: Verifier; target: Verifier } {
  const ends = new BothEnds(readers, map);
  return { source: new StreamedVerifier(ends, 'source'), target: new StreamedVerifier(ends, 'target') }; // prettier-ignore
}

type End = 'source' | 'target';

/** What both ends hold, and the form in which they are compared. */
class BothEnds {
  readonly readers: Readonly<Record<End, RowReader>>;
  readonly #map: Readonly<Record<string, string>>;
  readonly #pairs = new Map<string, { source: Relation; target: Relation; form: CommonForm }>();

  constructor(readers: Record<End, RowReader>, map: Readonly<Record<string, string>>) {
    this.readers = readers;
    this.#map = map;
  }

  /** By the names at the source. */
  async read(namespaces: readonly string[] | undefined): Promise<Relation[]> {
    const found = await this.readers.source.relations('source', namespaces);
    const names = found.map(({ namespace }) => this.#map[namespace] ?? namespace);
    const held = await this.readers.target.relations('target', names);
    return found.map((source, i) => {
      const target = held.find(({ namespace }) => namespace === names[i]);
      if (target === undefined) return source;
      const form = commonForm(source, target);
      this.#pairs.set(source.namespace, { source, target, form });
      return form.relation;
    });
  }

  targets(): Relation[] {
    return [...this.#pairs.values()].map(({ target, form }) => ({
      ...(isDocumentRelation(target) ? form.relation : target),
      namespace: target.namespace,
    }));
  }

  mapped({ namespace }: Relation): ReadonlyMap<number, string> {
    return this.#pairs.get(namespace)?.form.mapped ?? new Map<number, string>();
  }

  /** The rows of one end in the common form. */
  async rows(
    end: End,
    { namespace }: Relation,
    take: (row: Buffer | null, own: Buffer) => void,
    onChanged?: (place: number) => void,
  ): Promise<void> {
    const { source, target, form } = this.#pairs.get(namespace)!;
    const own = end === 'source' ? source : target;
    const toCommon: ToCommon = end === 'source' ? form.fromSource : form.fromTarget;
    const { signal } = new AbortController();
    await this.readers[end].read(own, (tuple) => take(toCommon(tuple, onChanged), tuple), signal);
  }
}

/** Hashes rows as they come by: what is kept is a hash for each bucket, or the rows of a few. */
class StreamedVerifier implements Verifier {
  readonly #ends: BothEnds;
  readonly #end: End;
  /** Values that the target's types change, by namespace and place of the column, of the last time that all were read. */
  readonly #changed = new Map<string, Map<number, number>>();

  constructor(ends: BothEnds, end: End) {
    this.#ends = ends;
    this.#end = end;
  }

  async relations(_end: End, namespaces?: readonly string[]): Promise<Relation[]> {
    return this.#end === 'source' ? this.#ends.read(namespaces) : this.#ends.targets();
  }

  mapped(relation: Relation): MappedColumn[] {
    const changed = this.#changed.get(relation.namespace);
    return [...this.#ends.mapped(relation)].map(([place, said]) => {
      return { said, changed: changed?.get(place) ?? 0 };
    });
  }

  async bucketHashes(_: string, relation: Relation, buckets: number): Promise<BucketHash[]> {
    const sums = new Map<number, { rows: number; first: bigint; second: bigint }>();
    const changed = new Map<number, number>();
    const onChanged = (place: number): void =>
      void changed.set(place, (changed.get(place) ?? 0) + 1);
    const take = (row: Buffer | null, own: Buffer): void => {
      const bucket = bucketOf(keyBytes(relation, row, own), buckets);
      const sum = sums.get(bucket) ?? { rows: 0, first: 0n, second: 0n };
      sums.set(bucket, sum);
      sum.rows++;
      sum.first = BigInt.asUintN(64, sum.first + hash64(row ?? own));
      sum.second = BigInt.asUintN(64, sum.second + hash64(row ?? own, SECOND));
    };
    await this.#ends.rows(this.#end, relation, take, onChanged);
    this.#changed.set(relation.namespace, changed);
    return [...sums].map(([bucket, { rows, first, second }]) => ({
      bucket,
      rows,
      hash: `${first}:${second}`,
    }));
  }

  rowHashes(_: string, relation: Relation, buckets: number, bucket: number): Promise<RowHash[]> {
    return this.#hashes(relation, (key) => bucketOf(key, buckets) === bucket);
  }

  rowsByKey(_: string, relation: Relation, keys: readonly string[]): Promise<RowHash[]> {
    const wanted = new Set(keys);
    return this.#hashes(relation, (_key, text) => wanted.has(text()));
  }

  close(): Promise<void> {
    return this.#ends.readers[this.#end].close();
  }

  /** Equal ones come as one with their number. */
  async #hashes(
    relation: Relation,
    isWanted: (key: Buffer, text: () => string) => boolean,
  ): Promise<RowHash[]> {
    const found = new Map<string, RowHash>();
    await this.#ends.rows(this.#end, relation, (row, own) => {
      const key = keyBytes(relation, row, own);
      const text = (): string => keyText(relation, row, own);
      if (!isWanted(key, text)) return;
      const hash = hashText(row ?? own);
      const id = `${text()} ${hash}`;
      const known = found.get(id);
      if (known === undefined) found.set(id, { key: text(), hash, count: 1 });
      else known.count++;
    });
    return [...found.values()];
  }
}

const SECOND = 2n;

function hashText(row: Buffer): string {
  return `${hash64(row)}:${hash64(row, SECOND)}`;
}

function bucketOf(key: Buffer, buckets: number): number {
  return Number(hash64(key) % BigInt(buckets));
}

/** Of a document that is no row, its id. */
function keyBytes(relation: Relation, row: Buffer | null, own: Buffer): Buffer {
  if (row === null) return idOfDocument(fromDocumentRow(own).document) ?? own;
  return relation.identity === 'key' ? keyOf(row, relation.key) : row;
}

/** Without a key the hash of the row. */
function keyText(relation: Relation, row: Buffer | null, own: Buffer): string {
  if (row === null) return `document ${keyBytes(relation, row, own).toString('hex')}`;
  if (relation.identity !== 'key') return hashText(row);
  if (isDocumentRelation(relation)) return idText(relation, fromDocumentRow(row).id);
  const offsets = columnOffsets(row);
  return writeArray(
    relation.key.map((place) => row.toString('utf8', offsets[place]! + 4, offsets[place + 1])),
  );
}
