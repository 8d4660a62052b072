import type { Relation } from '../../../shared/change/relation.ts';
import type { Store, StoreOptions, StoreReader } from '../../../shared/connector/store.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { cutFile, identityOf, LOG_START } from './copy-plan.ts';
import { type FileNamespace, listRelations } from './file-namespace.ts';
import { FilePages } from './file-pages.ts';
import { type FileCursor, readSlice } from './read-slice.ts';
import { streamNothing } from './session.ts';
import { type FileSettings, parseFileUrl } from './settings.ts';
import { createFileWriter } from './store-writer.ts';

/** How long what was read of the folder is good for; a slice tells by itself when its file has changed. */
const LISTED_MS = 30_000;
/** More than that is not read only to count it. */
const COUNTED_BYTES = 64 << 20;

/** A folder of files for programs that keep their own progress: to be read once, and to be written. */
export function createFileStore({ url }: StoreOptions): Store {
  const settings = parseFileUrl(url);
  const pages = new FilePages(settings);
  return {
    readIdentity: () => Promise.resolve(identityOf(settings)),
    reader: createReader(settings, pages),
    writer: createFileWriter(settings),
    close: () => Promise.resolve(pages.close()),
  };
}

function createReader(settings: FileSettings, pages: FilePages): StoreReader {
  let listed: Promise<ReadonlyMap<string, FileNamespace>> | null = null;
  let listedAtMs = 0;

  const list = (): Promise<ReadonlyMap<string, FileNamespace>> => {
    listedAtMs = Date.now();
    const now = readKeyed(settings);
    // What was wrong may be mended meanwhile.
    now.catch(() => (listed = null));
    return (listed = now);
  };
  const known = (): Promise<ReadonlyMap<string, FileNamespace>> =>
    listed === null || Date.now() - listedAtMs > LISTED_MS ? list() : listed;
  const found = async (namespace: string): Promise<FileNamespace> => {
    const each = (await known()).get(namespace);
    if (each !== undefined) return each;
    throw new WeirError('SOURCE_UNFIT', `${namespace} is no longer in the folder; make a new plan`);
  };

  return {
    list: async () => [...(await list()).values()].map(({ relation }) => relation),
    relationOf: async (namespace): Promise<Relation | null> =>
      (await known()).get(namespace)?.relation ?? null,

    /** From the rows of the first files, where there is more than a little. */
    async count(namespace) {
      const { files, relation } = await found(namespace);
      const total = files.files.reduce((sum, { bytes }) => sum + bytes, 0);
      const { signal } = new AbortController();
      let seen = 0;
      let rows = 0;
      for (const file of files.files)
        for (const slice of seen > COUNTED_BYTES ? [] : await cutFile(file, settings)) {
          if (seen > COUNTED_BYTES) break;
          for await (const row of readSlice(slice, relation, settings, signal))
            rows += row.length > 0 ? 1 : 0;
          seen += slice.to - slice.from;
        }
      return seen > COUNTED_BYTES ? Math.round((rows * total) / seen) : rows;
    },

    async cut(namespace) {
      const { files } = await found(namespace);
      const slices: FileCursor[] = [];
      for (const file of files.files) slices.push(...(await cutFile(file, settings)));
      return slices.map((cursor) => ({ namespace, cursor, estimatedRows: 0 }));
    },

    async readPage({ namespace, cursor }, after, bytes) {
      const slice = cursor as FileCursor;
      const { files, relation } = await found(namespace);
      if (!files.files.some(({ name }) => name === slice.name))
        throw new WeirError('SOURCE_UNFIT', `${namespace} has other files by now; make a new plan`);
      const from = after === null ? null : Number(after);
      if (from !== null && !(from > slice.from && (slice.gzip || from < slice.to)))
        throw new WeirError('CONFIG_INVALID', 'the cursor is not of this partition');
      const page = await pages.read(slice, relation, from, bytes);
      return { relation, tuples: page.tuples, next: page.next === null ? null : `${page.next}` };
    },

    begin: () => Promise.resolve({ position: LOG_START, memory: null }),
    streamUpdates: (_start, receiver, signal) => streamNothing(receiver, signal),
  };
}

/** Namespaces whose rows are told apart by a key: documents need an id. */
async function readKeyed(settings: FileSettings): Promise<ReadonlyMap<string, FileNamespace>> {
  const all = await listRelations(settings);
  const keyed = all.filter(({ relation }) => relation.identity === 'key');
  return new Map(keyed.map((each) => [each.relation.namespace, each]));
}
