import { it } from 'vitest';
import { queryPostgres } from '../support/servers.ts';
import { useServedRelay } from '../support/served-relay.ts';
import {
  availableValueTables,
  changeValues,
  createValueTables,
  expectValuesEqual,
} from '../support/value-rounds.ts';

const createRelay = useServedRelay();

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
