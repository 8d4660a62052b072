import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { Finding } from '../connector/finding.ts';

/** Whether a pipeline's folder can be made and written; `elsewhere` says how to name another one. */
export async function checkStateFolder(folder: string, elsewhere: string): Promise<Finding> {
  const root = path.dirname(folder);
  try {
    await access(nearestThere(root), constants.W_OK);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const message = `the pipeline's state cannot be kept in ${root} (${reason}); make the folder writable, or name another ${elsewhere}`;
    return { level: 'error', subject: 'state', message };
  }
  return {
    level: 'ok',
    subject: 'state',
    message: `is kept in ${root}, which all writers of the pipeline must share`,
  };
}

/** The folder, or the one above it in which it will be made. */
function nearestThere(folder: string): string {
  return existsSync(folder) ? folder : nearestThere(path.dirname(folder));
}
