import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { useNats } from '../support/servers.ts';

const run = promisify(execFile);
const nats = useNats();
const source = path.join(projectRoot(), 'shared', 'datasync');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-datasync-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(path.join(source, 'dist'), { recursive: true, force: true });
});

async function dependenciesOf(installed: string): Promise<Record<string, string>> {
  const manifest = await readFile(path.join(installed, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { dependencies?: Record<string, string> }).dependencies ?? {};
}

/** Packages of this project as files, with all that they need in turn. */
async function packAll(names: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const name of names) {
    const installed = path.join(projectRoot(), 'node_modules', name);
    const options = ['--ignore-scripts', '--json', '--pack-destination', folder];
    const { stdout } = await run('npm', ['pack', installed, ...options]);
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    files.push(`./${filename}`, ...(await packAll(Object.keys(await dependenciesOf(installed)))));
  }
  return files;
}

/** What somebody writes who has nothing but the package. */
const PROGRAM = `
import { createDatasync, natsTransport, localTransport } from '@weir/datasync';

const transports = [
  localTransport(),
  natsTransport({ servers: process.argv[2], bucket: 'packed', create: true }),
];
for (const transport of transports) {
  await using_(createDatasync({ transport }), async (sync) => {
    const told = [];
    await sync.watch({
      name: 'w',
      prefixes: [''],
      async resync({ items }) {
        for await (const { key } of items) told.push('resync ' + key);
      },
      change({ changes }) {
        for (const { kind, key, previous } of changes) told.push([kind, key, previous.value].join(' '));
      },
    });
    const pub = sync.publisher();
    await pub.put('a', 1, { applied: ['w'] });
    await pub.put('a', 2, { applied: ['w'] });
    await pub.delete('a', { applied: ['w'] });
    console.log(transport.name + ': ' + told.filter((each) => !each.startsWith('resync')).slice(-2).join(', '));
  });
}
async function using_(sync, work) {
  try {
    await work(sync);
  } finally {
    await sync.close();
  }
}
`;

test('the package is installed alone into an empty folder and follows a bucket, with nothing of Weir and one dependency', async () => {
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: source,
  });
  const [{ filename, files }] = JSON.parse(packed.stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  expect(files.map((file) => file.path)).toEqual(
    expect.arrayContaining(['README.md', 'dist/index.js', 'dist/index.d.ts', 'package.json']),
  );
  expect(files.filter((file) => /test/.test(file.path))).toEqual([]);
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
  // What it needs comes from here too, so that no registry is asked.
  const needed = await packAll(Object.keys(await dependenciesOf(source)));
  await run('npm', ['install', '--offline', '--no-audit', `./${filename}`, ...needed], {
    cwd: folder,
  });
  const installed = path.join(folder, 'node_modules', '@weir', 'datasync');
  expect(Object.keys(await dependenciesOf(installed))).toEqual(['nats']);
  expect(await readdir(path.dirname(installed))).toEqual(['datasync']);
  await writeFile(path.join(folder, 'program.js'), PROGRAM);
  const { stdout } = await run('node', ['program.js', nats.url], { cwd: folder });
  expect(stdout).toBe('local: put a 1, delete a 2\nnats: put a 1, delete a 2\n');
});

test("the package's types are whole for somebody who compiles against it", async () => {
  await writeFile(
    path.join(folder, 'typed.ts'),
    `import { createDatasync, json, natsTransport, type Change } from '@weir/datasync';
const sync = createDatasync({ transport: natsTransport({ servers: [], bucket: 'b' }) });
const changes: Change<{ n: number }>[] = [];
export const watch = sync.watch({
  name: 'w', prefixes: [''], decode: json<{ n: number }>(),
  resync() {}, change: (event) => void changes.push(...event.changes),
});
// @ts-expect-error: a delete has no value
export const wrong = changes[0]!.value;
`,
  );
  const tsc = path.join(projectRoot(), 'node_modules', '.bin', 'tsc');
  const types = path.join(projectRoot(), 'node_modules', '@types');
  await run(
    tsc,
    [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--typeRoots',
      types,
      '--types',
      'node',
      'typed.ts',
    ],
    { cwd: folder },
  );
});
