import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { useNats } from '../support/servers.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir, type WeirProcess } from '../support/weir-process.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const nats = useNats();
const weir = useWeir();
let made = 0;

/** 6 MB in chunks of a quarter of one, then changes. */
const SOURCE = 'random:?seed=3&rows=6000&size=1000&chunk=250&changes=4000&transaction=10';
const ENV = { WEIR_LOG_LEVEL: 'info', WEIR_LANE_MIB: '16' };
const READ_ONLY = /read-only; mount it for writing.*\[EROFS\]/;

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-disks-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function pipelineTo(url: string): Promise<string> {
  const file = path.join(await folderOf(), 'pipeline.yaml');
  const name = `disk-${process.pid}-${++made}`;
  const spec = { name, source: { url: SOURCE }, target: { url }, nats: { url: nats.url } };
  await writeFile(file, JSON.stringify(spec));
  return file;
}

function says(run: WeirProcess, pattern: RegExp): Promise<unknown> {
  return waitFor(String(pattern), () => pattern.test(run.output));
}

/** What the same rows and changes come to where there is room. */
async function expectWhole(folder: string): Promise<void> {
  const whole = await folderOf();
  const file = await pipelineTo(`file:${whole}`);
  expect((await weir.run(['run', file, '--until', 'caught-up'], { env: ENV })).code).toBe(0);
  expect(await readWrittenFolder(folder)).toEqual(await readWrittenFolder(whole));
}

async function expectGoesOn(run: WeirProcess): Promise<void> {
  const { code, stdout, stderr } = await run.exited;
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/balance +exact: all 4,000 changes/);
  expect(stderr).not.toMatch(/defect/);
}

test('files go on where a disk was full, once there is room, and are whole', async () => {
  const disk = await SmallDisk.mount(2_000);
  if (disk === undefined) return;
  const file = await pipelineTo(`file:${disk.folder}`);
  const run = weir.start(['run', file, '--until', 'caught-up'], { env: ENV });
  await says(run, /FILE_REFUSED.*random\.table_1.*the disk is full; make room/);
  await disk.remount('size=64m');
  await expectGoesOn(run);
  await expectWhole(disk.folder);
});

test('files go on where a disk was read-only for a while, and are whole', async () => {
  const disk = await SmallDisk.mount(64_000);
  if (disk === undefined) return;
  const file = await pipelineTo(`file:${disk.folder}`);
  const run = weir.start(['run', file, '--until', 'caught-up'], { env: ENV });
  await says(run, /reader epoch began/);
  // Refused as long as a file is open for writing.
  await waitFor('the disk to be read-only', () => disk.remount('ro').then(() => true, () => false)); // prettier-ignore
  const isDone = (): boolean => /copy is in the target/.test(run.output);
  await waitFor('the disk to be noticed', () => READ_ONLY.test(run.output) || isDone());
  await disk.remount('rw');
  await expectGoesOn(run);
  await expectWhole(disk.folder);
});

test('the state of a pipeline goes on where its disk was full, and counts each change once', async () => {
  const disk = await SmallDisk.mount(40);
  if (disk === undefined) return;
  const file = await pipelineTo(`null:?state=${disk.folder}`);
  const run = weir.start(['run', file, '--until', 'caught-up'], { env: ENV });
  await says(run, /FILE_REFUSED.*the disk is full; make room/);
  await disk.remount('size=64m');
  await expectGoesOn(run);
});

test.each([
  ['file:', (folder: string) => `file:${folder}`],
  ['null:', (folder: string) => `null:?state=${folder}`],
])('a folder on a read-only disk is refused by the check (%s)', async (_, urlOf) => {
  const disk = await SmallDisk.mount(1_000);
  if (disk === undefined) return;
  await disk.remount('ro');
  const { code, stdout, stderr } = await weir.run(['check', await pipelineTo(urlOf(disk.folder))]);
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/EROFS.*writable/);
});

test.each(['full', 'read-only'])(
  'where the folder of the note for `weir status` is on a %s disk, the run says so',
  async (kind) => {
    const disk = await SmallDisk.mount(100);
    if (disk === undefined) return;
    await mkdir(path.join(disk.folder, 'weir'));
    if (kind === 'full')
      await writeFile(path.join(disk.folder, 'all'), Buffer.alloc(200_000)).catch(() => undefined);
    else await disk.remount('ro');
    const env = { ...ENV, XDG_STATE_HOME: disk.folder };
    const file = await pipelineTo('null:?state=/tmp');
    const { code, stderr } = await weir.run(['run', file, '--until', 'caught-up'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /weir: \S+ cannot be written: the (disk is full|file system is read-only)/,
    );
    expect(stderr).not.toMatch(/defect/);
    const status = await weir.run(['status'], { env: { ...env, WEIR_NATS_URL: nats.url } });
    expect(status.stdout + status.stderr).not.toMatch(/defect/);
  },
);

test('a report that cannot be written is told with its file', async () => {
  const file = await pipelineTo(`file:${await folderOf()}`);
  const args = ['run', file, '--until', 'caught-up', '--report', '/nowhere/report.json'];
  const { code, stderr } = await weir.run(args, { env: ENV });
  expect(code).toBe(1);
  expect(stderr).toMatch(/\/nowhere\/report\.json cannot be written: there is no such/);
});
