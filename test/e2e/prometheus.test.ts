import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS_OF_SERVICES } from '../../infra/docs/metrics-page.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { findPrometheus, runPromtool, startPrometheus } from '../support/prometheus.ts';
import { ControlClient } from '../support/control-client.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const infra = (...parts: string[]): string => path.join(projectRoot(), 'infra', ...parts);
const readYaml = (...parts: string[]): unknown => parse(readFileSync(infra(...parts), 'utf8'));

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  annotations?: Record<string, string>;
}
const { groups } = readYaml('prometheus', 'weir.rules.yml') as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

interface Panel {
  title: string;
  targets: { expr: string }[];
}
const dashboards = readdirSync(infra('grafana', 'dashboards')).map(
  (file) =>
    JSON.parse(readFileSync(infra('grafana', 'dashboards', file), 'utf8')) as {
      uid: string;
      title: string;
      panels: Panel[];
    },
);
const panels = dashboards.flatMap(({ title, panels: all }) =>
  all.flatMap((panel) =>
    panel.targets.map(({ expr }) => ({ name: `${title} / ${panel.title}`, expr })),
  ),
);

/** Told only while there is something to predict. */
const AT_TIMES_ABSENT = ['weir_source_retained_full_seconds', 'weir_pipeline_copy_left_seconds'];

test('rules and dashboards ask for metrics that the code declares, and for no others', () => {
  const declared = Object.values(METRICS_OF_SERVICES).flatMap((metrics) => Object.keys(metrics));
  const recorded = rules.flatMap(({ record }) => record ?? []);
  for (const { expr } of [...rules, ...panels])
    for (const name of namesIn(expr)) {
      const base = name.replace(/_(bucket|sum|count)$/, '');
      const isOwn = name.startsWith('weir_') || name.startsWith('weir:');
      const isKnown = [...declared, ...recorded].some((each) => each === name || each === base);
      expect(isKnown || !isOwn, `${name} in ${expr}`).toBe(true);
    }
});

test('every dashboard has an address and a name of its own, and every alert says where to read on', () => {
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(4);
  expect(new Set(dashboards.map(({ title }) => title)).size).toBe(4);
  const operations = readFileSync(path.join(projectRoot(), 'docs', 'operations.md'), 'utf8');
  const headings = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z_ -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const { annotations } of alerts) {
    const [page, anchor] = (annotations?.['runbook'] ?? '').split('#');
    expect(page).toBe('docs/operations.md');
    expect(headings).toContain(anchor);
  }
});

const isThere = findPrometheus('prometheus') !== undefined;
if (!isThere) process.stdout.write('no prometheus and promtool here: three tests are skipped\n');

describe.runIf(isThere)('with a real Prometheus', () => {
  const source = usePostgres();
  const target = usePostgres();
  const weir = useWeir();
  const nats = useNats();

  test('the configuration and the rules are valid', async () => {
    await runPromtool(['check', 'config', 'prometheus.yml']);
    await runPromtool(['check', 'rules', 'weir.rules.yml']);
  });

  test('every alert fires when it should, and is quiet when it should not', async () => {
    await runPromtool(['test', 'rules', 'weir.rules.test.yml']);
    const { tests } = readYaml('prometheus', 'weir.rules.test.yml') as { tests: RuleTest[] };
    const shown = tests.flatMap(({ alert_rule_test: cases }) => cases);
    for (const { alert } of alerts) {
      const counts = shown.filter((each) => each.alertname === alert).map(firingOf);
      expect(counts.sort(), alert).toEqual([0, 1]);
    }
  });

  test('every panel and every rule has data of a running pipeline', async () => {
    const pipeline = await createPipeline(source, target, {
      writers: 2,
      lanes: 4,
      source: { retention: { limit: '50GB' } },
    });
    await queryPostgres(
      pipeline.sourceUrl,
      `CREATE TABLE t (id int PRIMARY KEY, n int);
       INSERT INTO t SELECT i, 0 FROM generate_series(1, 10000) i`,
    );
    // Control runs the pipeline, and tells Prometheus where its services are.
    const port = await findFreePort();
    const state = await mkdtemp(path.join(tmpdir(), 'weir-control-'));
    onTestFinished(() => rm(state, { recursive: true, force: true }));
    const running = weir.start(
      ['control', '--listen', '0', '--state', state, '--metrics-listen', String(port)],
      { env: { WEIR_NATS_URL: nats.url } },
    );
    const client = new ControlClient(
      /http:\S+/.exec(await running.waitForLine(/control: http:/))![0],
    );
    await client.ask('POST', '/v1/pipelines?start=true', await readFile(pipeline.file, 'utf8'));
    const config = readYaml('prometheus', 'prometheus.yml') as Config;
    const prometheus = await startPrometheus({
      ...config,
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [infra('prometheus', 'weir.rules.yml')],
      scrape_configs: config.scrape_configs.map(({ job_name }) => ({
        job_name,
        static_configs: [{ targets: [`127.0.0.1:${port}`] }],
        http_sd_configs: [{ url: `http://127.0.0.1:${port}/targets`, refresh_interval: '1s' }],
      })),
    });
    const elsewhere = { env: { WEIR_NATS_URL: nats.url } };
    let round = 0;
    const isComplete = async (): Promise<boolean> => {
      await client.get('/v1/pipelines');
      await queryPostgres(
        pipeline.sourceUrl,
        `UPDATE t SET n = n + 1 WHERE id % 50 = ${round++ % 50}`,
      );
      const empty: string[] = [];
      const expectData = async (what: string, expr: string): Promise<void> => {
        if (AT_TIMES_ABSENT.some((name) => expr.includes(name))) await prometheus.query(expr);
        else if (!hasNumber(await prometheus.query(expr))) empty.push(`${what}: ${expr}`);
      };
      for (const { name, expr } of panels) await expectData(name, fillVariables(expr));
      for (const { record, alert, expr } of rules)
        if (record !== undefined) await expectData(record, record);
        else for (const name of namesIn(expr)) await expectData(alert ?? '', `count(${name})`);
      if (empty.length > 0) throw new Error(`without data: ${empty.join('; ')}`);
      return true;
    };
    await waitFor('data for every panel and rule', isComplete, {
      timeoutMs: 90_000,
      everyMs: 1_000,
    });
    const services = await prometheus.query('count by (service) (up{job="weir"} == 1) or count by (service) (weir_service_info)'); // prettier-ignore
    expect(Object.fromEntries(services.map(({ metric, value }) => [metric['service'], value[1]]))).toMatchObject({ control: '1', 'source-reader': '1', stats: '1', 'target-writer': '2' }); // prettier-ignore
    // A pipeline in order is no reason to wake anybody.
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    expect(firing.map(({ metric }) => metric['alertname'])).toEqual([]);

    const top = await weir.run(['top'], elsewhere);
    expect(top.stdout).toMatch(new RegExp(`${pipeline.name} +(following|idle) +\\d+(\\.\\d)? m?s`));
    const status = await weir.run(['status', pipeline.name], elsewhere);
    expect(status.stdout).toMatch(/public\.t +10,000 +100 %/);
    expect(status.code).toBe(0);
    expect((await running.stop()).code).toBe(0);
  }, 180_000);
});

interface Config {
  rule_files: string[];
  scrape_configs: { job_name: string }[];
}

interface RuleTest {
  alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
}

function firingOf({ exp_alerts }: { exp_alerts: unknown[] }): number {
  return exp_alerts.length;
}

/** Grafana's variables, as with everything chosen. */
function fillVariables(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(/\$(pipeline|service|instance)/g, '.+');
}

/** The metrics that an expression asks for: what stands before a selector, a range or an operator. */
function namesIn(expr: string): string[] {
  return [...new Set(expr.match(/\b(?:weir|process|nodejs)[_:][a-z0-9_:]+|\bup\b/g) ?? [])];
}

function hasNumber(result: { value: [number, string] }[]): boolean {
  return result.length > 0 && result.some(({ value }) => value[1] !== 'NaN');
}
