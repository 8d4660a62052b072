import { runCommand } from './command.mjs';
import { existsSync } from 'node:fs';
import path from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * A browser for the tests of the console. It needs many libraries, so it is installed, and only where nobody minds: by root
 * in CI. Elsewhere the tests run where there is one, and are left out, aloud, where there is none.
 *
 * @param {(line: string) => void} say
 */
export async function provideChromium(say) {
  if ((process.env['WEIR_CHROMIUM'] ?? '') !== '' || isThere()) return;
  const mayInstall = process.env['CI'] !== undefined && process.getuid?.() === 0;
  if (mayInstall && existsSync('/usr/bin/apt-get')) {
    say('installing Chromium (apt-get install chromium)');
    await runCommand('apt-get', ['update'], '/');
    const packages = ['install', '-y', '--no-install-recommends', 'chromium'];
    const { ok } = await runCommand('apt-get', packages, '/');
    if (ok && isThere()) return;
  }
  say(
    'no Chromium here (install it, or name one in WEIR_CHROMIUM): the tests of the console are left out',
  );
}

function isThere() {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  return NAMES.some((name) => directories.some((each) => existsSync(path.join(each, name))));
}
