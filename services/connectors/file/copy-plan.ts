import path from 'node:path';
import { toPosition } from '../../../shared/change/position.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { findBoundaries } from './boundaries.ts';
import type { FileNamespace } from './file-namespace.ts';
import type { DataFile } from './folder-listing.ts';
import { readHeader } from './infer-schema.ts';
import type { FileCursor } from './read-slice.ts';
import type { FileSettings } from './settings.ts';

const CHUNK_BYTES = 16 << 20;

/** Files have no log: everything is before its beginning. */
export const LOG_START = toPosition(1n, 0n);

export async function planCopy(
  settings: FileSettings,
  scope: SourceScope,
  namespaces: readonly FileNamespace[],
): Promise<PipelinePlan> {
  const plans: NamespacePlan[] = [];
  let lastId = 0;
  for (const { files, relation, tableSchema } of namespaces) {
    const chunks: Chunk[] = [];
    for (const file of scope.mode === 'changes' ? [] : files.files)
      for (const cursor of await cutFile(file, settings))
        chunks.push({
          id: ++lastId,
          namespace: files.namespace,
          cursor,
          how: 'load',
          dataType: TUPLES,
          estimatedBytes: cursor.to - cursor.from,
        });
    plans.push({
      relation,
      definition: null,
      ...(tableSchema !== undefined && { tableSchema }),
      start: LOG_START,
      settled: LOG_START,
      state: 'new',
      chunks,
      chunksDone: 0,
      rowsDone: 0,
    });
  }
  return {
    identity: identityOf(settings),
    start: LOG_START,
    snapshot: null,
    lanes: scope.lanes,
    namespaces: plans,
  };
}

/** The same for the same files, read the same way. */
export function identityOf({ folder, encoding, delimiter }: FileSettings): string {
  return `file:${folder}?encoding=${encoding}&delimiter=${encodeURIComponent(delimiter)}`;
}

/** Compressed files are one piece, since nobody can begin to unpack in their middle. */
export async function cutFile(file: DataFile, settings: FileSettings): Promise<FileCursor[]> {
  const { name, format, gzip, bytes, modifiedMs } = file;
  if (bytes === 0) return [];
  const header = format === 'csv' ? await readHeader(file, settings) : [];
  const whole: FileCursor = {
    name,
    format,
    gzip,
    delimiter: file.delimiter ?? settings.delimiter,
    header,
    from: 0,
    to: bytes,
    hasHeader: format === 'csv',
    bytes,
    modifiedMs,
  };
  if (gzip) return [whole];
  const ends = await findBoundaries(path.join(settings.folder, name), bytes, CHUNK_BYTES, format);
  const starts = format === 'csv' ? ends : [0, ...ends];
  return starts.slice(0, -1).map((from, i) => ({
    ...whole,
    hasHeader: false,
    from,
    to: starts[i + 1]!,
  }));
}
