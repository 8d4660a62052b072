import { homedir } from 'node:os';
import path from 'node:path';

/** Weir's own folder among the state of this user. */
export function userFolder(): string {
  const state = process.env['XDG_STATE_HOME'];
  const base = state !== undefined && state !== '' ? state : path.join(homedir(), '.local/state');
  return path.join(base, 'weir');
}

/** Where the state of pipelines is kept whose target cannot hold it. */
export function stateFolder(): string {
  const named = process.env['WEIR_STATE_DIR'];
  return named !== undefined && named !== ''
    ? path.resolve(named)
    : path.join(userFolder(), 'pipelines');
}
