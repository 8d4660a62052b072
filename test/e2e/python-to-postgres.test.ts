import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { AdiomPeer } from '../support/adiom-peer.ts';
import { findPython, MISSING_PYTHON, startPython } from '../support/python.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();
const isPythonThere = findPython() !== undefined;
if (!isPythonThere)
  process.stdout.write(`${MISSING_PYTHON}: the test of a pipeline from Python is skipped\n`);

const ROWS = 3_000;
const type = 'DATA_TYPE_MONGO_BSON';
const namespace = 'memory.notes';

it.runIf(isPythonThere)(
  'the example in Python → postgres: ends equal, killed in the copy and while it follows',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-python-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const example = path.join(projectRoot(), 'test', 'examples', 'memory_connector.py');
    const address = await startPython(example);
    const peer = new AdiomPeer(address);
    onTestFinished(() => peer.close());
    const expected = new Map<number, string>();
    const write = async (entries: [number, string][]): Promise<void> => {
      const data = entries.map(([_id, k]) => Buffer.from(BSON.serialize({ _id, k })));
      await peer.call('WriteData', { namespace, data, type });
      for (const [id, k] of entries) expected.set(id, k);
    };
    const remove = async (id: number): Promise<void> => {
      const data = Buffer.alloc(4);
      data.writeInt32LE(id);
      const updates = [{ id: [{ name: '_id', type: 16, data }], type: 'UPDATE_TYPE_DELETE' }];
      await peer.call('WriteUpdates', { namespace, updates, type });
      expected.delete(id);
    };
    await write(Array.from({ length: ROWS }, (_, i) => [i, `copied ${i}`]));
    const url = await postgres.createDatabase();
    await queryPostgres(
      url,
      'CREATE SCHEMA memory; CREATE TABLE memory.notes (_id int PRIMARY KEY, k text)',
    );
    const count = async (where: string): Promise<number> =>
      Number(
        (await queryPostgres(url, `SELECT count(*) AS n FROM memory.notes WHERE ${where}`))[0]?.[
          'n'
        ],
      );
    const file = path.join(folder, 'pipeline.yaml');
    const name = `python-${process.pid}`;
    await writeFile(
      file,
      JSON.stringify({ name, source: { url: `grpc://${address}` }, target: { url } }),
    );

    const first = weir.start(['run', file]);
    await first.waitForLine(/"msg":"reader epoch began"|epoch began/);
    first.kill('SIGKILL');
    await first.exited;
    await write([[1, 'changed meanwhile']]);
    const second = weir.start(['run', file]);
    await waitFor('the copy is in', async () => (await count('true')) === ROWS);
    await write(Array.from({ length: 300 }, (_, i) => [i * 11, `followed ${i}`]));
    await waitFor('some changes are in', async () => (await count(`k LIKE 'followed%'`)) > 0);
    second.kill('SIGKILL');
    await second.exited;
    for (let id = 0; id < 100; id += 3) await remove(id);
    const last = await weir.run(['run', file, '--until', 'caught-up']);
    expect(last.code, last.stderr).toBe(0);
    const rows = await queryPostgres(url, 'SELECT _id, k FROM memory.notes');
    expect(new Map(rows.map((row) => [row['_id'], row['k']]))).toEqual(expected);
  },
);
