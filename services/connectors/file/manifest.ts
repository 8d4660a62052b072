import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { naming } from '../../../shared/errors/file-problem.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { hasCode } from '../../../shared/ledger/versioned-file.ts';

/** Lists what is in the folder, in the order in which it counts: a line of JSON for each. */
export const MANIFEST_FILE = '_manifest.jsonl';

/**
 * `rows`: a file of the copy. `changes`: a file of changes, to be applied in its order. `truncate`: what came before of
 * that namespace is gone. `schema`: the namespace has other columns from here on.
 */
export interface ManifestEntry {
  kind: 'rows' | 'changes' | 'truncate' | 'schema';
  namespace: string;
  /** From the folder on; one that is listed twice counts where it comes first. */
  file?: string;
  rows?: number;
  columns?: { name: string; type: string }[];
  /** Of a schema: what the rows listed before have in columns that came, as text; left out, nothing. */
  filled?: Record<string, string>;
}

/** Appended in one write each, so that several processes may do so. */
export async function appendManifest(
  folder: string,
  entries: readonly ManifestEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const file = path.join(folder, MANIFEST_FILE);
  const handle = await open(file, 'a');
  try {
    // Behind a line that was cut off a new one begins.
    const lines = Buffer.from(`\n${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
    const { bytesWritten } = await naming(file, handle.write(lines));
    if (bytesWritten < lines.length) throw cutOff(file);
    await naming(file, handle.sync());
  } finally {
    await handle.close();
  }
}

/** A disk that has little room left takes a part of a write, and says no more of it. */
function cutOff(file: string): WeirError {
  return new WeirError(
    'FILE_REFUSED',
    `${file} cannot be written: the disk is full; make room on it`,
  );
}

/** Each file once. A line that was cut off by a crash is passed over: what it would have said is appended again. */
export async function readManifest(folder: string): Promise<ManifestEntry[]> {
  let text: string;
  try {
    text = await readFile(path.join(folder, MANIFEST_FILE), 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
  const seen = new Set<string>();
  return text.split('\n').flatMap((line) => {
    const entry = parseLine(line);
    if (entry === null || (entry.file !== undefined && seen.has(entry.file))) return [];
    if (entry.file !== undefined) seen.add(entry.file);
    return [entry];
  });
}

function parseLine(line: string): ManifestEntry | null {
  if (!line.endsWith('}')) return null;
  try {
    return JSON.parse(line) as ManifestEntry;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
