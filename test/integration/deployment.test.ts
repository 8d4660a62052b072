import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../services/cli/program.ts';
import { requireNatsServer } from '../../services/supervisor/embedded/nats-binary.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { URL_SCHEMES } from '../../services/connectors/registry.ts';
import { parsePipelineFile } from '../../shared/config/pipeline-file.ts';
import { usePostgres, queryPostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';

/** No container engine is needed: that every path, port, command and variable of the deployment exists in the code. */
const root = projectRoot();
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

interface ComposeService {
  image: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment: Record<string, string>;
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  healthcheck?: { test: string[] };
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
/** Those that each do a part of one pipeline, and serve metrics; control is beside all of them. */
const pipelineServices = ours.filter(([name]) => name !== 'control');
const instructions = read('infra/Dockerfile')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ name: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ')).trim() }));
const finalStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const IN_IMAGE = '/opt/weir/';

const weir = useWeir();
const postgres = usePostgres();

const argumentsOf = (name: string): string[] => {
  const found = finalStage.filter((instruction) => instruction.name === name);
  expect(found).toHaveLength(1);
  const json = /\[.*\]$/.exec(found[0]?.rest ?? '')?.[0] ?? '[]';
  return JSON.parse(json) as string[];
};

/** The value of a compose variable when nothing is set, and the name of the variable. */
const interpolated = (value: string): { value: string; names: string[] } => {
  const names: string[] = [];
  const filled = value.replaceAll(
    /\$\{([A-Z_]+):-([^}]*)\}/g,
    (_, name: string, fallback: string) => {
      names.push(name);
      return fallback;
    },
  );
  return { value: filled, names };
};

test('the image copies only what is there, also from its build stage', () => {
  const ignored = read('.dockerignore').split('\n');
  for (const { rest } of instructions.filter(({ name }) => name === 'COPY')) {
    const words = rest.split(' ');
    const isFromBuild = words[0] === '--from=build';
    for (const source of words.slice(isFromBuild ? 1 : 0, -1)) {
      const file = isFromBuild ? source.replace(IN_IMAGE, '') : source;
      expect(existsSync(path.join(root, file)), `${source} exists`).toBe(true);
      if (!isFromBuild) expect(ignored).not.toContain(file);
    }
  }
});

test('the image starts, and asks for its health, what the build makes', () => {
  expect(argumentsOf('ENTRYPOINT')).toEqual(['node', `${IN_IMAGE}bin/weir`]);
  for (const name of ['ENTRYPOINT', 'HEALTHCHECK']) {
    const file = argumentsOf(name).at(-1)?.replace(IN_IMAGE, '') ?? '';
    expect(existsSync(path.join(root, file)), `${file} exists`).toBe(true);
    expect(statSync(path.join(root, file)).isFile()).toBe(true);
  }
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
  const run = instructions.map(({ rest }) => rest).join('\n');
  for (const [, script = ''] of run.matchAll(/npm run ([\w:-]+)/g))
    expect(scripts).toHaveProperty(script);
});

test('the image does not run as root, and its Node is one that Weir supports', () => {
  const users = finalStage.filter(({ name }) => name === 'USER').map(({ rest }) => rest);
  expect(users).toEqual(['node']);
  const major = read('.nvmrc').trim();
  for (const { rest } of instructions.filter(({ name }) => name === 'FROM')) {
    expect(rest).toMatch(new RegExp(`^node:${major}-slim`));
  }
});

test('the files that compose builds from and mounts are there', () => {
  for (const [, service] of services) {
    if (service.build !== undefined) {
      expect(existsSync(path.join(root, service.build.context, service.build.dockerfile))).toBe(
        true,
      );
    }
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0] ?? '';
      if (source.startsWith('.')) expect(existsSync(path.join(root, source)), source).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
  }
});

test('compose starts services that exist with flags that exist', async () => {
  expect(pipelineServices.map(([name]) => name).sort()).toEqual([
    'source-reader',
    'stats',
    'target-writer',
  ]);
  const commands = createProgram(() => undefined).commands;
  const control = ours.find(([name]) => name === 'control')![1].command ?? [];
  const flags = commands.find((each) => each.name() === control[0])?.options ?? [];
  for (const flag of control.filter((word) => word.startsWith('--')))
    expect(flags.map((option) => option.long)).toContain(flag);
  for (const [name, service] of pipelineServices) {
    const [command, serviceName, flag, file, ...more] = service.command ?? [];
    expect(more).toEqual([]);
    expect(serviceName).toBe(name);
    const known = commands.find((each) => each.name() === command);
    expect(known?.options.map((option) => option.long)).toContain(flag);
    expect(service.volumes?.some((volume) => volume.split(':')[1] === file)).toBe(true);
    // A service that exists gets as far as reading its file, which is not there outside of the container.
    const { code, stderr } = await weir.run([
      command ?? '',
      name,
      '--pipeline',
      '/nowhere/pipeline.yaml',
    ]);
    expect(stderr).toContain('/nowhere/pipeline.yaml');
    expect(code).toBe(2);
  }
});

test('the commands that the comment of compose shows exist', () => {
  const names = createProgram(() => undefined).commands.map((command) => command.name());
  const shown = [...read('docker-compose.yml').matchAll(/bin\/weir (\w+)/g)].map(
    ([, name]) => name,
  );
  expect(shown.length).toBeGreaterThan(0);
  for (const name of shown) expect(names).toContain(name);
});

test('what compose waits for is healthy by a check that it has', () => {
  for (const [name, service] of services) {
    if (service.build === undefined) expect(service.healthcheck?.test[0], name).toBe('CMD');
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services[other]?.healthcheck, other).toBeDefined();
      expect(condition).toBe('service_healthy');
    }
  }
});

test('each variable that compose sets is read by the code or by the pipeline file, and each that is needed is set', () => {
  const code = sourcesBelow('services') + sourcesBelow('shared');
  const pipeline = read('infra/example/pipeline.yaml');
  const inPipeline = [...pipeline.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name ?? '');
  for (const [, { environment }] of ours) {
    for (const name of Object.keys(environment)) {
      const isRead = code.includes(`env['${name}']`) || code.includes(`env.${name}`);
      expect(isRead || inPipeline.includes(name), `${name} is read`).toBe(true);
    }
    for (const name of inPipeline) expect(environment).toHaveProperty(name);
  }
});

test('hosts, ports, databases and passwords of the pipeline, of NATS and of compose agree', () => {
  const [, reader] = ours[0] ?? [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(reader?.environment ?? {}))
    env[name] = interpolated(value).value;
  const spec = parsePipelineFile(read('infra/example/pipeline.yaml'), {
    file: 'pipeline.yaml',
    env,
    schemes: URL_SCHEMES,
  });
  for (const end of [spec.source, spec.target]) {
    const url = new URL(end.url.reveal());
    const server = compose.services[url.hostname];
    expect(server?.image).toMatch(/^postgres:/);
    expect(url.port).toBe('5432');
    expect(server?.ports?.[0]).toMatch(/^127\.0\.0\.1:.*:5432$/);
    expect(server?.environment['POSTGRES_USER']).toBe(url.username);
    expect(interpolated(server?.environment['POSTGRES_PASSWORD'] ?? '').value).toBe(url.password);
    expect(`/${server?.environment['POSTGRES_DB']}`).toBe(url.pathname);
  }
  expect(compose.services[new URL(spec.source.url.reveal()).hostname]?.command).toContain(
    'wal_level=logical',
  );

  const conf = read('infra/nats/nats.conf');
  const natsUrl = new URL(spec.nats.url?.reveal() ?? '');
  const nats = compose.services[natsUrl.hostname];
  expect(nats?.image).toMatch(/^nats:/);
  expect(conf).toContain(`\nport: ${natsUrl.port}\n`);
  const probed = new URL(nats?.healthcheck?.test.at(-1) ?? '');
  expect(conf).toContain(`\nhttp: ${probed.host}\n`);
  for (const [, name = ''] of conf.matchAll(/\$([A-Z_]+)/g))
    expect(nats?.environment).toHaveProperty(name);
  expect(interpolated(nats?.environment['NATS_TOKEN'] ?? '').value).toBe(natsUrl.username);
  const stored = /store_dir: (\S+)/.exec(conf)?.[1] ?? '';
  expect(nats?.volumes?.some((volume) => volume.endsWith(`:${stored}`))).toBe(true);
});

test('Prometheus asks every service of Weir where the image serves its metrics, and Grafana asks Prometheus', () => {
  const { scrape_configs: scraped } = parse(read('infra/prometheus/prometheus.yml')) as {
    scrape_configs: {
      dns_sd_configs: { names: string[]; port: number }[];
      http_sd_configs: { url: string }[];
    }[];
  };
  const [{ names, port } = { names: [], port: 0 }] = scraped.flatMap((each) => each.dns_sd_configs);
  expect(names.sort()).toEqual([...pipelineServices.map(([name]) => name), 'control'].sort());
  const listed = scraped.flatMap((each) => each.http_sd_configs.map(({ url }) => url));
  expect(listed).toEqual([`http://control:${port}/targets`]);
  expect(finalStage).toContainEqual({ name: 'ENV', rest: `WEIR_METRICS_LISTEN=0.0.0.0:${port}` });
  expect(finalStage).toContainEqual({ name: 'EXPOSE', rest: String(port) });

  const { datasources } = parse(read('infra/grafana/provisioning/datasources/prometheus.yml')) as {
    datasources: { url: string }[];
  };
  const asked = new URL(datasources[0]?.url ?? '');
  expect(compose.services[asked.hostname]?.ports?.[0]).toMatch(new RegExp(`:${asked.port}$`));
  const { providers } = parse(read('infra/grafana/provisioning/dashboards/weir.yml')) as {
    providers: { options: { path: string } }[];
  };
  const mounted = compose.services['grafana']?.volumes ?? [];
  expect(mounted).toContain(`./infra/grafana/dashboards:${providers[0]?.options.path}:ro`);
});

test('the real nats-server accepts the configuration', async () => {
  const { stderr } = await promisify(execFile)(
    requireNatsServer(),
    ['-t', '-c', path.join(root, 'infra/nats/nats.conf')],
    { env: { ...process.env, NATS_TOKEN: 'trial' } },
  );
  expect(stderr).toContain('is valid');
});

test('the example shop loads into a real server', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(url, read('infra/example/shop.sql'));
  const [counts] = await queryPostgres(
    url,
    'SELECT (SELECT count(*) FROM customers)::int c, (SELECT count(*) FROM orders)::int o, (SELECT count(*) FROM items)::int i',
  );
  expect(counts).toEqual({ c: 10_000, o: 20_000, i: 40_000 });
});

function sourcesBelow(folder: string): string {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(path.join(root, folder, file), 'utf8'))
    .join('\n');
}
