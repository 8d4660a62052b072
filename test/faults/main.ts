import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

/** `npm run faults -- --minutes N [--seed S]`: random faults for that long. */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const { minutes, seed } = values;
if (!(Number(minutes) > 0) || (seed !== undefined && !/^\d+$/.test(seed))) {
  process.stderr.write('faults: use --minutes N, above 0, and --seed S, a whole number\n');
  process.exit(2);
}
const child = spawn('npx', ['vitest', 'run', '--project', 'faults', 'test/faults/random-faults'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    WEIR_FAULT_MINUTES: minutes,
    ...(seed === undefined ? {} : { WEIR_FAULT_SEED: seed }),
  },
});
child.once('close', (code) => process.exit(code ?? 1));
