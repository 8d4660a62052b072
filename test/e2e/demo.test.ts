import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();

const demoFolders = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('weir-demo-'));

it('the demo ends with 0 and a report of equal ends, and shows no password', async () => {
  const { code, stdout, stderr } = await weir.run(['demo', '--rows', '5000', '--seconds', '4']);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/verified .* rows in 13 tables are equal/);
  expect(stdout).toMatch(/shop\.order_items .* yes\n/);
  expect(stdout + stderr).not.toMatch(/postgres:\/\/[^\s@]*:[^\s@]*@/);
});

it('Ctrl-C ends the demo with 130 and leaves nothing behind', async () => {
  const before = await demoFolders();
  const demo = weir.start(['demo', '--rows', '5000']);
  const line = await demo.waitForLine(/starting the services/);
  expect(line).not.toBe('');
  demo.kill('SIGINT');
  const { code, stdout } = await demo.exited;
  expect(code).toBe(130);
  expect(stdout).toMatch(/removing everything/);
  await waitFor('the folder of the demo is gone', async () =>
    (await demoFolders()).every((name) => before.includes(name)),
  );
});
