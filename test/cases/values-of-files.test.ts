import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { dumpQuery } from '../support/psql.ts';
import { usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';

const target = usePostgres();
const weir = useWeir();

/** A type, a text that is no value of it as JSON or CSV has it, and why. */
const WRONG: [string, string, RegExp][] = [
  ['integer', '3000000000', /not within -2147483648 and 2147483647/],
  ['text', String.raw`"\ud83d"`, /half of a surrogate pair/],
  ['text', String.raw`"a\u0000b"`, /U\+0000/],
  ['timestamp with time zone', '"2026-02-30 10:20:30+00"', /no such day/],
];

async function folderOf(columns: [string, string][], files: Record<string, string>) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-values-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const within = path.join(folder, 'data', 'public.t');
  await mkdir(within, { recursive: true });
  const schema = { columns: columns.map(([name, type]) => ({ name, type })), key: ['id'] };
  await writeFile(path.join(within, '_schema.json'), JSON.stringify(schema));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(within, name), text);
  const url = await target.createDatabase();
  const fileOf = async (onBadRow: string, to: string): Promise<string> => {
    const file = path.join(folder, `${onBadRow}.yaml`);
    const source = { url: `file:${folder}/data` };
    await writeFile(file, JSON.stringify({ name: onBadRow, mode: 'snapshot', source, target: { url: to }, onBadRow })); // prettier-ignore
    return file;
  };
  return { url, fileOf, out: `file:${folder}/out` };
}

it('a value of a file that its column cannot hold ends a run with its place, column, key and reason, whatever the target', async () => {
  for (const [type, text, reason] of WRONG) {
    const lines = `{"id": 6, "v": null}\n{"id": 7, "v": ${text}}\n`;
    const { fileOf, out } = await folderOf([['id', 'integer'], ['v', type]], { 'a.jsonl': lines }); // prettier-ignore
    const { code, stderr } = await weir.run(['run', await fileOf('stop', out)]);
    expect([type, code]).toEqual([type, 1]);
    expect(stderr).toContain(`the value of v is none of the type ${type}: `);
    expect(stderr).toMatch(reason);
    expect(stderr).toMatch(/row 2 of public\.t\/a\.jsonl for public\.t, with id = 7/);
  }
});

it('rows of a file that are not understood are put aside with their reasons, and all others arrive as they are meant', async () => {
  const rows = ['1,True,+042,2026-01-31T10:20:30Z', '2,maybe,1,', '3,0, 7 ,2026-01-31 10:20:30+05:30', '4,,x,', 'y,,,']; // prettier-ignore
  const columns: [string, string][] = [['id', 'integer'], ['b', 'boolean'], ['n', 'integer'], ['at', 'timestamp with time zone']]; // prettier-ignore
  const { url, fileOf } = await folderOf(columns, { 'a.csv': `id,b,n,at\n${rows.join('\n')}\n` });
  const file = await fileOf('park', url);
  const { code, stderr } = await weir.run(['run', file]);
  expect(code, stderr).toBe(0);
  expect(await dumpQuery(url, 'SELECT * FROM t ORDER BY id')).toEqual([
    '1\tt\t42\t2026-01-31 10:20:30+00',
    '3\tf\t7\t2026-01-31 04:50:30+00',
  ]);
  expect(await dumpQuery(url, 'SELECT reason FROM weir.parked ORDER BY reason')).toEqual(
    [
      /^the value of b is none of the type boolean: it is neither true nor false \(row 2 .*a\.csv\)$/,
      /^the value of id is none of the type integer: it is no whole number \(row 5 .*a\.csv\)$/,
      /^the value of n is none of the type integer: it is no whole number \(row 4 .*a\.csv\)$/,
    ].map((reason) => expect.stringMatching(reason) as string),
  );
});
