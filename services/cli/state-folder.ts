import { homedir } from 'node:os';
import path from 'node:path';

/** Where the state of pipelines is kept whose target cannot hold it. */
export function stateFolder(): string {
  const named = process.env['WEIR_STATE_DIR'];
  if (named !== undefined && named !== '') return path.resolve(named);
  const state = process.env['XDG_STATE_HOME'];
  const base = state !== undefined && state !== '' ? state : path.join(homedir(), '.local/state');
  return path.join(base, 'weir', 'pipelines');
}
