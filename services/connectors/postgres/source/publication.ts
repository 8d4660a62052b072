import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { pipelineObjectName, qualifiedName, quoteIdent } from '../connection/names.ts';
import { rowsOf } from '../catalog/table-rows.ts';

/**
 * What the log's decoder lets through for a pipeline. Two of them: a table without replica identity in a
 * publication of updates would make the application's own updates fail, so those tables have one of inserts only.
 * Both exist from the start, empty or not, because the log cannot be read with a publication that is younger.
 */
export interface Publications {
  changes: string;
  inserts: string;
}

export function publicationNames(pipeline: string): Publications {
  const name = pipelineObjectName(pipeline);
  return { changes: name, inserts: `${name}_inserts` };
}

/**
 * Makes or finds the publications and brings them into line with the tables. `followed` are the tables of a pipeline
 * that has run before, null for a new one: a missing publication, or a table that was not in one, is then an error,
 * because what was changed meanwhile cannot be read.
 */
export async function alignPublications(
  client: pg.Client,
  pipeline: string,
  tables: readonly SourceTable[],
  followed: ReadonlySet<string> | null,
): Promise<void> {
  const names = publicationNames(pipeline);
  const ofInserts = (table: SourceTable): boolean => table.relation.identity === 'none';
  const wanted = [
    {
      name: names.changes,
      publish: 'insert, update, delete, truncate',
      tables: tables.filter((table) => !ofInserts(table)),
    },
    { name: names.inserts, publish: 'insert, truncate', tables: tables.filter(ofInserts) },
  ];
  const existing = new Map<string, Member[] | null>();
  for (const { name } of wanted) existing.set(name, await readMembers(client, name));
  if (followed !== null) {
    const published = new Set([...existing.values()].flatMap((m) => m ?? []).map(({ oid }) => oid));
    requirePublished(
      tables.filter(({ namespace, oid }) => followed.has(namespace) && !published.has(oid)),
    );
  }
  for (const publication of wanted) {
    const members = existing.get(publication.name) ?? null;
    if (members === null && followed !== null)
      throw new WeirError(
        'POSITION_LOST',
        `The publication ${publication.name} was dropped at the source, so changes made since cannot be read; run \`weir reset\` and copy again.`,
      );
    const list = publication.tables.map(toPublished).join(', ');
    if (members === null) {
      await client.query(
        `CREATE PUBLICATION ${quoteIdent(publication.name)}${list === '' ? '' : ` FOR TABLE ${list}`}` +
          ` WITH (publish = '${publication.publish}', publish_via_partition_root = true)`,
      );
      continue;
    }
    const same =
      members.length === publication.tables.length &&
      publication.tables.every((table) => members.some((member) => member.oid === table.oid));
    if (same) continue;
    await client.query(
      list === ''
        ? `ALTER PUBLICATION ${quoteIdent(publication.name)} DROP TABLE ${members.map((m) => qualifiedName(m.schema, m.name)).join(', ')}`
        : `ALTER PUBLICATION ${quoteIdent(publication.name)} SET TABLE ${list}`,
    );
  }
}

function requirePublished(missing: readonly SourceTable[]): void {
  if (missing.length === 0) return;
  const names = missing.map(({ namespace }) => namespace).join(', ');
  throw new WeirError(
    'POSITION_LOST',
    `Changes of ${names} were not followed for a while, because the table was left out of the pipeline file meanwhile or was replaced by another one of its name; leave it out again, or run \`weir reset\` and copy again.`,
  );
}

export async function dropPublications(client: pg.Client, pipeline: string): Promise<void> {
  const names = publicationNames(pipeline);
  for (const name of [names.changes, names.inserts])
    await client.query(`DROP PUBLICATION IF EXISTS ${quoteIdent(name)}`);
}

interface Member {
  oid: number;
  schema: string;
  name: string;
}

/** The publication's tables; null if there is no such publication. */
async function readMembers(client: pg.Client, name: string): Promise<Member[] | null> {
  const { rows } = await client.query<{ members: Member[] | null }>(
    `SELECT (SELECT json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname))
       FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.prpubid = p.oid) AS members
     FROM pg_catalog.pg_publication p WHERE p.pubname = $1`,
    [name],
  );
  const [publication] = rows;
  return publication === undefined ? null : (publication.members ?? []);
}

function toPublished(table: SourceTable): string {
  return rowsOf(qualifiedName(table.schema, table.name), table.kind);
}
