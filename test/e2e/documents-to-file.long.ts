import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Document } from '../support/adiom-store.ts';
import { idText, ORDERS, PEOPLE, SCORES, transformedShop } from '../support/documents-shop.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const weir = useWeir();

it('documents → transformer → file: come to what the steps make of them', async () => {
  const out = await mkdtemp(path.join(tmpdir(), 'weir-documents-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const { shop, file, options } = await transformedShop(
    `file:${out}`,
    `documents-file-${process.pid}`,
  );
  const first = weir.start(['run', file], options);
  await waitFor('rows are in', async () => (await readdir(out)).includes('_manifest.jsonl'));
  shop.change(100);
  await waitFor('some changes are in', async () =>
    (await readFile(path.join(out, '_manifest.jsonl'), 'utf8')).includes('"changes"'),
  );
  first.kill('SIGKILL');
  await first.exited;
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  const written = await readWrittenFolder(out);
  for (const namespace of [PEOPLE, ORDERS, SCORES]) {
    const documents = [...written.get(namespace)!.values()].map(({ document }) => document);
    expect(new Map(documents.map((each) => [idText(each as Document), each]))).toEqual(
      shop.expected(namespace),
    );
  }
});
