import { it, onTestFinished } from 'vitest';
import { AdiomRelay } from '../support/adiom-relay.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { serveStore } from '../support/served-store.ts';
import {
  availableValueTables,
  changeValues,
  createValueTables,
  expectValuesEqual,
} from '../support/value-rounds.ts';

const source = usePostgres();
const target = useTargetPostgres();

async function createRelay(): Promise<{ relay: AdiomRelay; sourceUrl: string; targetUrl: string }> {
  const sourceUrl = await source.createDatabase();
  const targetUrl = await target.createDatabase();
  const name = `served-${sourceUrl.slice(-8)}`;
  const from = await serveStore(sourceUrl, { name });
  const to = await serveStore(targetUrl);
  const relay = new AdiomRelay(from.address, to.address);
  onTestFinished(async () => {
    await relay.stop();
    relay.close();
  });
  return { relay, sourceUrl, targetUrl };
}

it('served at both ends: another program copies values of every type as documents and follows them, and both are equal', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay();
  const tables = await availableValueTables(sourceUrl, targetUrl);
  await createValueTables(sourceUrl, tables);
  await createValueTables(targetUrl, tables);
  await queryPostgres(targetUrl, `TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
  await queryPostgres(sourceUrl, 'CREATE TABLE last (id int PRIMARY KEY)');
  await queryPostgres(targetUrl, 'CREATE TABLE last (id int PRIMARY KEY)');
  const plan = await relay.plan();
  await relay.copy(plan);
  await expectValuesEqual({ sourceUrl, targetUrl }, tables);
  relay.follow();
  await changeValues(sourceUrl, tables);
  await queryPostgres(sourceUrl, 'INSERT INTO last VALUES (1)');
  await relay.sees('public.last');
  await expectValuesEqual({ sourceUrl, targetUrl }, tables);
});
