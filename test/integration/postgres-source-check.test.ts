import { beforeEach, describe, expect, it } from 'vitest';
import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import type { Finding } from '../../shared/connector/finding.ts';
import type { Source } from '../../shared/connector/source.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const postgres = usePostgres({ settings: { wal_level: 'replica' } });
const mode = 'snapshot+changes' as const;
let url: string;

beforeEach(async () => {
  url = await postgres.createDatabase();
});

const sourceAt = (at: string): Source =>
  createPostgresSource({ pipeline: 'checked', url: at, log: silentLog() });

async function check(at: string, namespaces?: string[]): Promise<Finding[]> {
  return (await sourceAt(at).check({ mode, namespaces, lanes: 8 })).findings;
}

describe('checking a source', () => {
  it('names every problem at once, each with its fix', async () => {
    const role = `weak_${Date.now()}`;
    await queryPostgres(
      url,
      `CREATE ROLE ${role} LOGIN; CREATE SCHEMA w; GRANT USAGE ON SCHEMA w TO ${role};
       CREATE TABLE w.closed (id serial PRIMARY KEY);
       CREATE TABLE w.hidden (id int PRIMARY KEY); GRANT SELECT ON w.hidden TO ${role};
       ALTER TABLE w.hidden ENABLE ROW LEVEL SECURITY;
       CREATE UNLOGGED TABLE w.fleeting (id int PRIMARY KEY);
       CREATE TABLE w.keyless (v text)`,
    );
    const findings = await check(url.replace('postgres@', `${role}@`), ['w.*', 'none.*']);
    const said = findings.map((finding) => `${finding.level} ${finding.message}`).join('\n');
    for (const expected of [
      /error wal_level .* ALTER SYSTEM SET wal_level = logical/,
      /error Role weak_\d+ may not replicate; run ALTER ROLE/,
      /error .* GRANT CREATE ON DATABASE/,
      /error No table at the source matches "none\.\*"/,
      /error .* GRANT SELECT ON "w"\."closed"/,
      /error .* publish w\.hidden, which only its owner may/,
      /error Row security of "w"\."hidden" .* BYPASSRLS/,
      /warning .* sequence w\.closed_id_seq/,
      /warning w\.fleeting is unlogged/,
      /warning Updates and deletes of w\.keyless are not followed/,
    ])
      expect(said).toMatch(expected);
    await queryPostgres(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('changes nothing, and opening stops at the same problem', async () => {
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY)');
    await check(url);
    const opening = sourceAt(url).open(
      { mode, namespaces: undefined, lanes: 8 },
      null,
      new AbortController().signal,
    );
    await expect(opening).rejects.toMatchObject({ code: 'SOURCE_UNFIT' });
    expect(await queryPostgres(url, 'SELECT pubname FROM pg_publication')).toEqual([]);
  });

  it('finds nothing wrong with a server that is only copied', async () => {
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY)');
    const source = sourceAt(url);
    const { findings, relations } = await source.check({
      mode: 'snapshot',
      namespaces: undefined,
      lanes: 8,
    });
    expect(findings.map((finding) => finding.level)).toEqual(['ok']);
    expect(relations.map((plan) => plan.relation.namespace)).toEqual(['public.t']);
  });

  it('fails with UNREACHABLE and CONFIG_INVALID, and never shows the password', async () => {
    const nowhere = check('postgres://u:hushhush@127.0.0.1:1/x');
    await expect(nowhere).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(nowhere).rejects.toThrow(/^(?!.*hushhush).*127\.0\.0\.1:1\/x/);
    const absent = check(url.replace(/[^/]*$/, 'absent'));
    await expect(absent).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
