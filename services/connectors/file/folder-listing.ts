import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { hasCode } from '../../../shared/ledger/versioned-file.ts';
import { type DataFileName, parseDataFileName } from './data-file.ts';
import { type ManifestEntry, readManifest } from './manifest.ts';

export interface DataFile extends DataFileName {
  /** From the folder on, with `/`. */
  name: string;
  bytes: number;
  modifiedMs: number;
}

export interface NamespaceFiles {
  namespace: string;
  /** Where its schema would be. */
  folder: string;
  files: DataFile[];
}

/**
 * What a folder holds: each folder in it is a namespace of that name, with all files of rows in it, and so is each file
 * of rows beside them. Where this connector has written the folder, what counts is what its manifest lists.
 */
export async function listNamespaces(folder: string): Promise<NamespaceFiles[]> {
  const written = await readManifest(folder);
  const changed = written.find(isBehindRows);
  if (changed !== undefined)
    throw new WeirError(
      'SOURCE_UNFIT',
      `${folder} holds changes beside rows (of ${changed.namespace}), and a file: source reads rows; name a folder that was written with mode: snapshot`,
    );
  const found: NamespaceFiles[] = [];
  for (const entry of await read(folder)) {
    if (/^[._]/.test(entry.name)) continue;
    const within = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      const names = (await read(within)).filter((each) => each.isFile()).map(({ name }) => name);
      const files = await Promise.all(
        names.sort().map((name) => toDataFile(folder, `${entry.name}/${name}`)),
      );
      const namespace = decodeNamespace(entry.name);
      found.push({ namespace, folder: within, files: files.filter((file) => file !== null) });
    } else {
      const file = await toDataFile(folder, entry.name);
      if (file === null) continue;
      const namespace = decodeNamespace(file.stem);
      found.push({ namespace, folder: path.join(folder, `${file.stem}.d`), files: [file] });
    }
  }
  const listed = written.length === 0 ? null : listedRows(written);
  const wanted = listed === null ? found : found.map((each) => only(each, listed));
  const there = wanted.filter(({ files }) => files.length > 0);
  const twice = there.find(({ namespace }, i) =>
    there.some((other, j) => j < i && other.namespace === namespace),
  );
  if (twice !== undefined)
    throw new WeirError(
      'SOURCE_UNFIT',
      `${folder} has ${twice.namespace} twice, as several files or as a file and a folder; put its files into one folder of that name`,
    );
  return there.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

/** It changes rows that were listed before. */
export function isBehindRows({ kind, filled }: ManifestEntry): boolean {
  return kind === 'changes' || filled !== undefined;
}

function listedRows(written: readonly ManifestEntry[]): Set<string> {
  const rows = new Map<string, string>();
  for (const { kind, namespace, file } of written) {
    if (kind === 'rows') rows.set(file!, namespace);
    if (kind === 'truncate') for (const [name, of] of rows) if (of === namespace) rows.delete(name);
  }
  return new Set(rows.keys());
}

function only(each: NamespaceFiles, listed: ReadonlySet<string>): NamespaceFiles {
  return { ...each, files: each.files.filter(({ name }) => listed.has(name)) };
}

/** Null where the name is none of a file of rows. */
export async function toDataFile(folder: string, name: string): Promise<DataFile | null> {
  const parsed = parseDataFileName(path.posix.basename(name));
  if (parsed === null) return null;
  const { size, mtimeMs } = await stat(path.join(folder, name));
  return { ...parsed, name, bytes: size, modifiedMs: mtimeMs };
}

async function read(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    for (const [code, reason] of REASONS)
      if (hasCode(error, code))
        throw new WeirError('SOURCE_UNFIT', `${folder} cannot be read: ${reason}`);
    throw error;
  }
}

const REASONS = [
  ['ENOENT', 'there is no such folder; correct the path in the URL'],
  ['ENOTDIR', 'it is a file; name the folder that it is in'],
  ['EACCES', 'access is denied; let this user read it'],
] as const;

/** Names of namespaces as names of files: what not every file system takes is percent-encoded. */
export function encodeNamespace(namespace: string): string {
  return encodeURIComponent(namespace).replace(/[.*]/g, (char, at: number) =>
    char === '.' && at > 0 ? char : `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function decodeNamespace(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return name;
    throw error;
  }
}
