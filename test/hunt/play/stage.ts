import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HuntCase, PipelineOptions, Statement } from '../hunt-case.ts';
import type { HuntServers } from './hunt-servers.ts';
import { Network } from './network.ts';
import { Session } from './session.ts';
import { specOf } from './spec-of.ts';

/** Two databases, roles and a pipeline file for one run of a case; all of it is removed afterwards. */
export class Stage {
  readonly name: string;
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  /** As the roles of the pipeline, where it has some. */
  readonly urls: { source: string; target: string };
  readonly servers: HuntServers;
  /** Undefined where nothing happens to it. */
  network: Network | undefined;
  readonly #roles: string[];

  private constructor(found: HuntCase, servers: HuntServers, folder: string) {
    this.name = `hunt-${randomBytes(4).toString('hex')}`;
    this.folder = folder;
    this.servers = servers;
    this.source = `${this.name}-source`;
    this.target = `${this.name}-target`;
    const { source, target } = found.roles;
    this.#roles = [...(source ? ['reader'] : []), ...(target ? ['writer'] : [])];
    this.urls = {
      source: servers.source.urlOf(this.source),
      target: servers.target.urlOf(this.target),
    };
    if (source) this.urls.source = asRole(this.urls.source, this.#role('reader'));
    if (target) this.urls.target = asRole(this.urls.target, this.#role('writer'));
  }

  static async open(found: HuntCase, servers: HuntServers): Promise<Stage> {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-hunt-'));
    const stage = new Stage(found, servers, folder);
    await stage.#build(found);
    const { source, target, nats } = servers;
    const ports = { source: source.port, target: target.port, broker: nats.port };
    stage.network = await Network.open(found, ports);
    return stage;
  }

  get file(): string {
    return path.join(this.folder, 'pipeline.yaml');
  }

  async writeFile(options: PipelineOptions): Promise<void> {
    const { network } = this;
    const through = (at: 'source' | 'target' | 'broker', url: string): string =>
      network?.urlFor(at, url) ?? url;
    const spec = specOf(this.name, options, {
      source: through('source', this.urls.source),
      target: through('target', this.urls.target),
      broker: through('broker', this.servers.nats.url),
    });
    // JSON is YAML.
    await writeFile(this.file, JSON.stringify(spec, null, 2));
  }

  /** As whoever owns the tables; `superuser` for what only that one may do. */
  async session(end: 'source' | 'target', superuser = false): Promise<Session> {
    const server = this.servers[end];
    const url = superuser ? server.urlOf(end === 'source' ? this.source : this.target) : this.urls[end]; // prettier-ignore
    return Session.open(url, this.servers.versions[end], new URL(url).username === 'postgres');
  }

  /** Transactions that are prepared at the source; an end that is not known is a commit. */
  async finishPrepared(name?: string, end: 'commit' | 'rollback' = 'commit'): Promise<void> {
    const session = await this.session('source', true);
    try {
      const rows = await session.query<{ gid: string }>(
        'SELECT gid FROM pg_prepared_xacts WHERE database = current_database()',
      );
      for (const { gid } of rows)
        if (name === undefined || gid === this.preparedName(name))
          await session.each([{ sql: `${end} PREPARED '${gid}'` }]);
    } finally {
      await session.close();
    }
  }

  /** They are known to the whole server. */
  preparedName(name: string): string {
    return `${this.name}-${name}`;
  }

  async close(): Promise<void> {
    await this.network?.close();
    await this.finishPrepared();
    for (const end of ['source', 'target'] as const) {
      const admin = await Session.open(this.servers[end].url, this.servers.versions[end], true);
      try {
        const database = this[end];
        await admin.each([
          { sql: `SELECT pg_drop_replication_slot(slot_name) FROM (SELECT slot_name, pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '${database}') s` }, // prettier-ignore
          { sql: `DROP DATABASE "${database}" WITH (FORCE)` },
        ]);
      } finally {
        await admin.close();
      }
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #build({ settings }: HuntCase): Promise<void> {
    for (const [end, role] of [
      ['source', 'reader'],
      ['target', 'writer'],
    ] as const) {
      // prettier-ignore
      const admin = await Session.open(this.servers[end].url, this.servers.versions[end], true);
      try {
        const owned = this.#roles.includes(role);
        if (owned) await admin.run(`CREATE ROLE "${this.#role(role)}" LOGIN REPLICATION`);
        await admin.run(`CREATE DATABASE "${this[end]}" TEMPLATE template0${owned ? ` OWNER "${this.#role(role)}"` : ''}`); // prettier-ignore
        const other = end === 'source' ? 'target' : 'source';
        const own = settings.filter(({ sql }) => !sql.includes(`{${other}}`) && !sql.includes(role === 'reader' ? '{writer}' : '{reader}')); // prettier-ignore
        await admin.each(own.map((statement) => this.#named(statement)));
      } finally {
        await admin.close();
      }
    }
  }

  #named(statement: Statement): Statement {
    const names: Record<string, string> = { source: this.source, target: this.target, reader: this.#role('reader'), writer: this.#role('writer') }; // prettier-ignore
    return { ...statement, sql: statement.sql.replaceAll(/\{(source|target|reader|writer)\}/g, (_, name: string) => `"${names[name]}"`) }; // prettier-ignore
  }

  #role(role: 'reader' | 'writer'): string {
    return `${this.name}-${role}`;
  }
}

function asRole(url: string, role: string): string {
  const changed = new URL(url);
  changed.username = role;
  return changed.href;
}
