import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { findChromium, useBrowser } from '../support/browser.ts';

/** What the page under test has at `window`. */
interface Drawing {
  pressed: string[];
  /** Draws buttons, below a line of text where there is one; gives what is there then. */
  draw: (names: readonly string[], working: string | null) => { text: string[]; kept: boolean };
}

const PAGE = `
  const main = document.createElement('main');
  document.body.append(main);
  window.pressed = [];
  document.addEventListener('click', ({ target }) => window.pressed.push(target.getAttribute('data-do')));
  const buttons = () => [...main.querySelectorAll('button')];
  window.draw = (names, working) => {
    const before = new Map(buttons().map((each) => [each.textContent, each]));
    morph(main, h('main', {},
      working !== null && h('p', {}, working),
      names.map((name) => h('button', { 'data-do': name }, name))));
    return {
      text: [...main.children].map((each) => each.textContent),
      kept: buttons().every((each) => (before.get(each.textContent) ?? each) === each),
    };
  };
`;

const draw = (
  page: Page,
  names: readonly string[],
  working: string | null,
): Promise<ReturnType<Drawing['draw']>> =>
  page.evaluate(([n, w]) => (globalThis as unknown as Drawing).draw(n, w), [
    names,
    working,
  ] as const);

describe.skipIf(findChromium() === undefined)('the document of the console', () => {
  const browser = useBrowser();
  let script: string;

  beforeAll(async () => {
    const file = path.join(projectRoot(), 'services/control/console/dom.ts');
    const { outputText } = ts.transpileModule(await readFile(file, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    script = outputText + PAGE;
  });

  it('a button that is being pressed never becomes the one beside it', async () => {
    const { page } = await browser.open();
    await page.addScriptTag({ type: 'module', content: script });
    const replay = page.getByText('replay', { exact: true });
    for (const [before, names, after] of [
      ['Replaying…', ['replay', 'discard'], null],
      [null, ['replay', 'discard'], 'Replaying…'],
      [null, ['first', 'discard', 'replay'], null],
    ] as const) {
      await draw(page, ['replay', 'discard'], before);
      await replay.hover();
      await page.mouse.down();
      await draw(page, names, after);
      await replay.hover();
      await page.mouse.up();
    }
    const pressed = await page.evaluate(() => (globalThis as unknown as Drawing).pressed);
    expect(pressed).toEqual(['replay', 'replay', 'replay']);
  });

  it('ends as it is wanted, from whatever it was, and keeps what has a name', async () => {
    const { page } = await browser.open();
    await page.addScriptTag({ type: 'module', content: script });
    for (const [names, working] of [
      [['a', 'b', 'c'], 'working'],
      [['c', 'a'], null],
      [[], 'working'],
      [['b'], null],
      [['a', 'c', 'b'], 'working'],
      [['b', 'c', 'a', 'd'], null],
    ] as const) {
      const text = [...(working === null ? [] : [working]), ...names];
      expect(await draw(page, names, working)).toEqual({ text, kept: true });
    }
  });
});
