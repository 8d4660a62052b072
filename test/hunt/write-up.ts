import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { renderStatement, type HuntCase, type Statement } from './hunt-case.ts';
import { verdictText, type Verdict } from './judge/verdict.ts';

/** Writes a case down so that a person can read it and do it by hand; gives the folder. */
export async function writeUp(found: HuntCase, verdict: Verdict, output: string): Promise<string> {
  const folder = path.join(projectRoot(), '.weir', 'hunt', String(found.seed));
  await mkdir(folder, { recursive: true });
  const files: Record<string, string> = {
    'case.sql': toSql(found),
    'case.json': `${JSON.stringify(found, null, 1)}\n`,
    'pipeline.yaml': `${JSON.stringify(found.pipeline, null, 2)}\n`,
    'verdict.txt': `${verdictText(verdict)}\n`,
    'output.txt': output,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}

/** All that happens, in order. */
export function toSql(found: HuntCase): string {
  const lines: string[] = [`-- seed ${found.seed}; npm run hunt -- --seed ${found.seed}`];
  const section = (title: string, statements: readonly Statement[]): void => {
    if (statements.length === 0) return;
    lines.push('', `-- ${title}`, ...statements.map((each) => `${renderStatement(each)};`));
  };
  if (found.roles.source) lines.push('-- the source is read as its owner, who is no superuser');
  if (found.roles.target) lines.push('-- the target is written as its owner, who is no superuser');
  section('settings', found.settings);
  section('source', found.schema);
  section('rows', found.rows);
  if (found.isPrepared) lines.push('', '-- pg_dump --schema-only SOURCE | psql TARGET');
  section('target', found.target);
  for (const step of found.steps) {
    if (step.do === 'sql') section(`source (${step.end})`, step.statements);
    else lines.push('', `-- ${JSON.stringify(step)}`);
  }
  lines.push('', '-- weir run pipeline.yaml --until caught-up', '');
  return lines.join('\n');
}
