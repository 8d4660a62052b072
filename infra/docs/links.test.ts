import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';

const FOLDERS = ['docs', 'infra', 'services', 'shared', 'test'];

const read = (file: string): string => readFileSync(path.join(projectRoot(), file), 'utf8');

function pages(): string[] {
  const below = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(projectRoot(), folder), { recursive: true, encoding: 'utf8' }).map(
      (file) => path.join(folder, file),
    ),
  );
  return [...readdirSync(projectRoot()), ...below].filter(
    (file) => file.endsWith('.md') && !file.includes('node_modules'),
  );
}

const withoutCode = (text: string): string => text.replaceAll(/^ *```.*?^ *```/gms, '');

/** The anchors of a page, as GitHub makes them of its headings. */
function anchors(text: string): Set<string> {
  const headings = withoutCode(text).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** What is wrong with a link from a page, or null. */
function fault(from: string, link: string): string | null {
  const [target = '', anchor] = link.split('#');
  const file = target === '' ? from : path.join(path.dirname(from), target);
  if (!existsSync(path.join(projectRoot(), file))) return `${from}: no file ${link}`;
  if (anchor !== undefined && !anchors(read(file)).has(anchor)) return `${from}: no place ${link}`;
  return null;
}

it('every link of a page leads to a file that exists, and to a heading in it', () => {
  const links = pages().flatMap((page) =>
    [...withoutCode(read(page)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
      ([, link]) => [page, link!] as const,
    ),
  );
  expect(links.length).toBeGreaterThan(50);
  expect(links.map(([page, link]) => fault(page, link)).filter((found) => found !== null)).toEqual(
    [],
  );
});

it('every file and folder of the repository that a page names is there', () => {
  const named = pages().flatMap((page) =>
    [
      ...withoutCode(read(page)).matchAll(
        /`((?:bin|docs|infra|proto|services|shared|test)\/[\w./-]+)`/g,
      ),
    ].map(([, file]) => `${page}: ${file}`),
  );
  expect(
    named.filter((line) => !existsSync(path.join(projectRoot(), line.split(': ')[1]!))),
  ).toEqual([]);
});

it('every alert leads to a heading that says what to do', () => {
  const runbooks = [...read('infra/prometheus/weir.rules.yml').matchAll(/runbook: (\S+)/g)];
  expect(runbooks.length).toBeGreaterThan(5);
  expect(runbooks.map(([, link]) => fault('README.md', link!)).filter((found) => found)).toEqual(
    [],
  );
});
