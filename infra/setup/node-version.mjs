import { SetupError } from './setup-error.mjs';

const NEEDED = [20, 19];

/** @param {string} version as `process.versions.node` */
export function provideNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
  throw new SetupError(
    `this is Node ${version}, but Weir needs ${NEEDED.join('.')} or newer; install a newer Node.`,
  );
}
