import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';

const maps = new Map<string, SourceMap | null>();

/** Where in the sources a place in `dist` comes from, from 0; null where it is none of ours. */
export function sourcePlace(
  url: string,
  line: number,
  column: number,
): { file: string; line: number } | null {
  if (!url.startsWith(`file://${projectRoot()}/dist/`)) return null;
  const built = fileURLToPath(url);
  const found = mapOf(built)?.findEntry(line, column);
  if (found === undefined || !('originalSource' in found)) return null;
  const file = path.resolve(path.dirname(built), found.originalSource);
  return { file: path.relative(projectRoot(), file), line: found.originalLine };
}

function mapOf(built: string): SourceMap | null {
  let map = maps.get(built);
  if (map === undefined) {
    const file = `${built}.map`;
    map = existsSync(file)
      ? new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload)
      : null;
    maps.set(built, map);
  }
  return map;
}
