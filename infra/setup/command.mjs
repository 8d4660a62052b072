import { spawn } from 'node:child_process';

const LOG_TAIL_BYTES = 65_536;

/**
 * Runs a program to its end without showing what it prints; that is for the message when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<{ ok: boolean; log: string }>}
 */
export function runCommand(command, args, cwd) {
  const env = { ...process.env };
  // Set by the npm that runs us; an npm below would take it for its own project.
  delete env['npm_config_local_prefix'];
  return new Promise((resolve) => {
    let log = '';
    /** @param {string} chunk */
    const keep = (chunk) => {
      log = (log + chunk).slice(-LOG_TAIL_BYTES);
    };
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ ok: false, log: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, log: log.trim() }));
  });
}

/**
 * The npm that belongs to this Node, also where only `node` is on the path.
 *
 * @param {string[]} args
 * @param {string} cwd
 */
export function runNpm(args, cwd) {
  const script = process.env['npm_execpath'];
  const quiet = [...args, '--no-audit', '--no-fund', '--loglevel=error'];
  return script !== undefined && /npm-cli\.c?js$/.test(script)
    ? runCommand(process.execPath, [script, ...quiet], cwd)
    : runCommand('npm', quiet, cwd);
}

/**
 * The end of a log, indented below the sentence that says what failed.
 *
 * @param {string} log
 */
export function quoteLog(log) {
  return log
    .split('\n')
    .slice(-15)
    .map((line) => `\n    ${line}`)
    .join('');
}
