import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { ServedChanges } from '../../services/connectors/postgres/served/served-changes.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { ErrorCode } from '../../shared/errors/codes.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';

const source = usePostgres({ settings: { wal_level: 'logical' } });
let url: string;
let pipeline: SourcePipeline;

beforeEach(async () => {
  url = await source.createDatabase();
  await queryPostgres(
    url,
    'CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 10)',
  );
  pipeline = new SourcePipeline(url);
  onTestFinished(() => pipeline.close());
});

async function confirmed(): Promise<unknown> {
  const rows = await queryPostgres(
    url,
    'SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE database = current_database()',
  );
  return rows.map((row) => row['confirmed_flush_lsn']);
}

const errorsOf = (findings: Finding[]) => findings.filter(({ level }) => level === 'error');

/** By a check, and by a start in the same words. */
async function expectRefused(code: ErrorCode, says: RegExp): Promise<void> {
  const told = errorsOf(await pipeline.check());
  expect(told).toMatchObject([{ code, message: expect.stringMatching(says) as unknown }]);
  await expect(pipeline.open()).rejects.toMatchObject({ code, message: told[0]!.message });
}

it('leaves the slot of another target alone where a target is empty, and says what to run', async () => {
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  const { known } = pipeline;
  const before = await confirmed();
  pipeline.known = null;
  await expectRefused('STATE_CONFLICT', /for another target.*`weir reset`/s);
  expect(await confirmed()).toEqual(before);

  await queryPostgres(url, 'INSERT INTO items VALUES (11)');
  pipeline.known = known;
  await pipeline.open();
  pipeline.follow();
  await pipeline.catchUp();
  expect(pipeline.model.table('public.items').size).toBe(11);
});

it('leaves a slot alone of which nobody says whose it is', async () => {
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  const [publication] = await queryPostgres(
    url,
    `SELECT format('COMMENT ON PUBLICATION %I IS NULL', pubname) AS forget FROM pg_publication WHERE pubname NOT LIKE '%inserts'`,
  );
  await queryPostgres(url, String(publication!['forget']));
  const { known } = pipeline;
  pipeline.known = null;
  await expectRefused('STATE_CONFLICT', /for another target/);
  pipeline.known = known;
  expect(errorsOf(await pipeline.check())).toEqual([]);
  await pipeline.open();
});

it('makes its own slot anew where it ended before the plan was in the target', async () => {
  await pipeline.open();
  await pipeline.stop();
  await queryPostgres(url, 'INSERT INTO items VALUES (11)');
  pipeline.known = null;
  await pipeline.open();
  await pipeline.copy();
  expect(pipeline.model.table('public.items').size).toBe(11);
  expect(await confirmed()).toHaveLength(1);
});

it('does not follow a slot that was made for another target, though it holds the place', async () => {
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  const { known } = pipeline;
  await pipeline.source.reset();
  pipeline.known = null;
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  pipeline.known = { ...known!, start: pipeline.known!.start };
  await expectRefused('POSITION_LOST', /made for another target/);
});

it('tells a slot that other programs follow from that of a pipeline of the same name', async () => {
  const served = new ServedChanges({
    pipeline: pipeline.name,
    url,
    log: silentLog(),
    confirmAfterMs: null,
  });
  onTestFinished(() => served.close());
  await served.begin();
  await expect(pipeline.open()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  await served.begin();
  await pipeline.source.reset();
  await pipeline.open();
  await pipeline.copy();
  await pipeline.stop();
  await expect(served.begin()).rejects.toMatchObject({ code: 'POSITION_LOST' });
});
