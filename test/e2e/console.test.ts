import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { expectAccessible, findChromium, screenshot, useBrowser } from '../support/browser.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

if (findChromium() === undefined)
  process.stderr.write('no Chromium here: the tests of the console are left out\n');

const TABLE = 'CREATE TABLE public.t (id int PRIMARY KEY, n int, note text)';
const SMALL = { WEIR_LANE_MIB: '16' };

describe.runIf(findChromium() !== undefined)('the console', () => {
  const source = usePostgres();
  const target = usePostgres();
  const nats = useNats();
  const weir = useWeir();
  const browser = useBrowser();

  async function startControl(more: { tokens?: string } = {}) {
    const state = await mkdtemp(path.join(tmpdir(), 'weir-console-'));
    onTestFinished(() => rm(state, { recursive: true, force: true }));
    const env = {
      WEIR_NATS_URL: nats.url,
      XDG_STATE_HOME: state,
      WEIR_CONTROL_TOKENS: more.tokens,
      ...SMALL,
    };
    const process = weir.start(['control', '--listen', '0', '--state', state], { env });
    const line = await process.waitForLine(/control: http:/);
    return { process, url: /http:\S+/.exec(line)![0] };
  }

  it('a pipeline is created, watched, paused, resumed, mended, compared, stopped and deleted', async () => {
    const { name, file, sourceUrl, targetUrl } = await createPipeline(source, target, {
      onBadRow: 'park',
    });
    await queryPostgres(
      sourceUrl,
      `${TABLE}; INSERT INTO public.t SELECT i, i, 'hush' FROM generate_series(1, 5000) i`,
    );
    await queryPostgres(
      targetUrl,
      `${TABLE}; ALTER TABLE public.t ADD CONSTRAINT odd CHECK (n <> 7)`,
    );
    const { process, url } = await startControl();
    const { page, complaints } = await browser.open();

    await page.goto(url);
    await page.getByText('No pipeline yet').waitFor();
    await expectAccessible(page);
    await screenshot(page, 'fleet-empty');

    await page.getByRole('link', { name: 'New pipeline' }).click();
    await page.getByLabel('The pipeline file').fill('name: UPPER');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText(/name must be 1 to 32/).waitFor();
    await page.getByLabel('The pipeline file').fill(await readFile(file, 'utf8'));
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('fit', { exact: true }).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'new');
    await page.getByRole('button', { name: 'Create and start' }).click();

    await page.getByRole('heading', { name }).waitFor();
    const state = page.locator('h1 + .state');
    await state.getByText(/following|idle/).waitFor();
    await page.getByRole('cell', { name: 'public.t' }).waitFor();
    await page.getByRole('cell', { name: '5,000' }).waitFor();
    await page.locator('.lanes li').nth(3).waitFor();
    await page.locator('#chart-lag canvas').waitFor();
    expect(await page.locator('.tile', { hasText: 'Balance' }).locator('.value').textContent()).toBe('exact'); // prettier-ignore
    await expectAccessible(page);
    await screenshot(page, 'pipeline-light');

    // What changes at the source is seen here without anything being pressed.
    await queryPostgres(
      sourceUrl,
      'UPDATE public.t SET n = n + 100000 WHERE id BETWEEN 101 AND 223',
    );
    await page.getByRole('cell', { name: '123', exact: true }).first().waitFor();

    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('heading', { name: `Pause ${name}?` }).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'confirm');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await state.getByText('paused').waitFor();
    await queryPostgres(sourceUrl, "INSERT INTO public.t VALUES (9000, 1, 'late')");
    // By the keyboard alone.
    await page.getByRole('button', { name: 'Resume' }).focus();
    await page.keyboard.press('Enter');
    await waitFor('the row', async () => (await countRows(targetUrl, 'SELECT count(*) FROM public.t WHERE id = 9000')) === 1); // prettier-ignore
    await state.getByText(/following|idle/).waitFor();

    await page.getByRole('link', { name: 'Parked rows' }).click();
    await page.getByRole('cell', { name: 'id=7' }).waitFor();
    await page.locator('.tile', { hasText: 'Parked' }).getByText('1', { exact: true }).waitFor();
    expect(await page.content()).not.toContain('hush');
    await page.getByRole('button', { name: /^Show entry/ }).click();
    await page.getByText('hush').waitFor();
    await expectAccessible(page);
    await screenshot(page, 'parked');
    await page.getByRole('button', { name: /^Replay entry/ }).click();
    await page.getByText('1 entries were refused again').waitFor();
    await queryPostgres(targetUrl, 'ALTER TABLE public.t DROP CONSTRAINT odd');
    await page.getByRole('button', { name: 'Replay all' }).click();
    await page.getByText('Nothing is parked').waitFor();

    // Whoever removed a row at the target is not known; that a change met none is shown.
    await queryPostgres(targetUrl, 'DELETE FROM public.t WHERE id = 5');
    await queryPostgres(sourceUrl, 'UPDATE public.t SET n = n + 1 WHERE id = 5');
    await page.getByText(/^1 of the applied changes met no row at the target/).waitFor();
    await page.getByRole('link', { name: 'Tables' }).click();
    await page.getByRole('columnheader', { name: 'Met no row' }).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'unmet');

    await page.getByRole('link', { name: 'Compare' }).click();
    await page.getByRole('button', { name: 'Compare now' }).click();
    await page.getByText('5,001 rows in 1 tables').waitFor();
    await page.locator('.section .state', { hasText: 'equal' }).waitFor();
    await expectAccessible(page);
    for (const tab of ['Lanes', 'Details', 'Events']) {
      await page.getByRole('link', { name: tab }).last().click();
      await page.locator('.tabs [aria-current]', { hasText: tab }).waitFor();
      await expectAccessible(page);
      await screenshot(page, `tab-${tab.toLowerCase()}`);
    }
    await page.getByText('pause requested').waitFor();

    for (const [kind, options] of [
      ['dark', { theme: 'dark' }],
      ['phone', { width: 390, height: 844 }],
      ['phone-dark', { theme: 'dark', width: 390, height: 844 }],
    ] as const) {
      const other = await browser.open(options);
      await other.page.goto(`${url}/#/`);
      await other.page.getByRole('link', { name }).waitFor();
      await expectAccessible(other.page);
      await screenshot(other.page, `fleet-${kind}`);
      await other.page.getByRole('link', { name }).click();
      await other.page.locator('#chart-lag canvas').waitFor();
      await other.page.getByRole('cell', { name: 'public.t' }).waitFor();
      await expectAccessible(other.page);
      await screenshot(other.page, `pipeline-${kind}`);
      const wide = await other.page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(wide, `${kind} is not wider than the screen`).toBeLessThanOrEqual(0);
      expect(other.complaints).toEqual([]);
      await other.page.context().close();
    }
    await page.getByRole('button', { name: /^Colors/ }).click();
    await page.getByRole('button', { name: /^Colors: light/ }).click();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');

    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    await state.getByText('stopped').waitFor();
    await page.getByRole('link', { name: 'Details' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No pipeline yet').waitFor();
    expect(complaints.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);

    // Whoever is not there any more tells nothing that could be taken for now.
    await process.stop();
    await page.getByText(/not connected since/).waitFor();
    await screenshot(page, 'lost');
  });

  it('asks for a token, and shows nothing without one', async () => {
    const token = 'a-plain-token-of-bob';
    const { url } = await startControl({ tokens: `bob:${token}` });
    const { page } = await browser.open();
    await page.goto(url);
    await page.getByRole('textbox', { name: 'Token' }).fill('not-the-right-token-of-bob');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('No pipeline yet').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
  });
});
