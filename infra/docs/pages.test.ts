import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keysAllowedAt } from '../../shared/config/pipeline-schema.ts';
import { ERROR_CODES } from '../../shared/errors/codes.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { configurationPage } from './configuration-page.ts';
import { ENVIRONMENT_VARIABLES } from './environment-variables.ts';
import { errorsPage } from './errors-page.ts';
import { helpText } from './help-text.ts';
import { METRICS_OF_SERVICES, metricsPage } from './metrics-page.ts';
import { PIPELINE_KEYS } from './pipeline-keys.ts';

const page = (name: string): string => readFileSync(join(projectRoot(), 'docs', name), 'utf8');

it('the committed pages are those that the code makes (else: npm run docs)', () => {
  expect(page('errors.md')).toBe(errorsPage());
  expect(page('configuration.md')).toBe(configurationPage());
  expect(page('metrics.md')).toBe(metricsPage());
  expect(page('../bin/help.txt')).toBe(helpText());
});

it('metrics keep to the habits of Prometheus: base units, totals, small label sets', () => {
  const all = Object.values(METRICS_OF_SERVICES).flatMap((metrics) => Object.entries(metrics));
  for (const [name, metric] of all) {
    expect(name).toMatch(/^weir_[a-z]+(_[a-z]+)+$/);
    expect(name.endsWith('_total'), name).toBe(metric.type === 'counter');
    expect(name).not.toMatch(/_(ms|millis|minutes|kb|mb|percent)(_|$)/);
    expect(metric.help, name).toMatch(/[.]$/);
    if (metric.type === 'histogram')
      expect(metric.buckets, name).toEqual([...metric.buckets!].sort((a, b) => a - b));
  }
});

it('operations say what to do for every error', () => {
  const headings = page('operations.md').match(/^### [A-Z_]+$/gm) ?? [];
  expect(headings).toEqual(Object.keys(ERROR_CODES).map((name) => `### ${name}`));
});

it('every key of the pipeline file is on its page', () => {
  const keysBelow = (path: string[]): string[] => {
    const inner = keysAllowedAt(path);
    return inner.length === 0
      ? [path.join('.')]
      : inner.flatMap((key) => keysBelow([...path, key]));
  };
  expect(Object.keys(PIPELINE_KEYS)).toEqual(keysBelow([]));
});

it('every variable that the code reads is on its page', () => {
  const read = new Set<string>();
  for (const folder of ['shared', 'services', 'infra'])
    for (const entry of readdirSync(join(projectRoot(), folder), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.isFile() || !/(?<!\.test)\.(ts|mjs)$/.test(entry.name)) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      for (const [, name] of text.matchAll(/env(?:\['|\.)((?:WEIR|XDG)_[A-Z_]+)/g)) read.add(name!);
    }
  expect([...read].sort()).toEqual(Object.keys(ENVIRONMENT_VARIABLES).sort());
});
