import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { RelationPlan } from '../../../shared/change/relation.ts';
import type { Finding } from '../../../shared/connector/finding.ts';

/** Fields that files of changes have beside the columns. */
export const OWN_FIELDS: readonly string[] = ['_op', '_key'];

export async function checkFolder(
  folder: string,
  create: 'missing' | 'never',
  relations: readonly RelationPlan[],
): Promise<Finding[]> {
  if (!existsSync(folder) && create === 'never') {
    const message = `there is no folder ${folder}; make it, or set target.create: missing`;
    return [{ level: 'error', subject: 'folder', message }];
  }
  try {
    await access(nearestThere(folder), constants.W_OK);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const message = `${folder} cannot be written (${reason}); make it writable, or name another in target.url`;
    return [{ level: 'error', subject: 'folder', message }];
  }
  const findings: Finding[] = [];
  for (const { relation } of relations) {
    const taken = relation.columns.find(({ name }) => OWN_FIELDS.includes(name));
    if (taken !== undefined)
      findings.push({
        level: 'error',
        subject: relation.namespace,
        message: `has a column ${taken.name}, which is what files of changes call something else; rename it or leave the namespace out`,
      });
  }
  findings.push({
    level: 'ok',
    subject: 'folder',
    message: `${folder} is written; it holds the pipeline's state, too, and all writers must share it`,
  });
  return findings;
}

/** The folder, or the one above it in which it will be made. */
function nearestThere(folder: string): string {
  return existsSync(folder) ? folder : nearestThere(path.dirname(folder));
}
