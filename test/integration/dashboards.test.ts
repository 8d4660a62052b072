import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';

/**
 * What Grafana asks of the JSON of a dashboard, as far as these use it: the shapes are those of its own schema
 * (`@grafana/schema` 11.6, the version of docker-compose.yml), and strict, so that a field it does not know is seen here.
 */
const DATASOURCE = z.strictObject({ type: z.literal('prometheus'), uid: z.string() });

/** Of `@grafana/data` 11.6: those that are used. A unit it does not know is shown as text behind each number. */
const UNIT = z.enum(['short', 'percentunit', 's', 'bytes', 'Bps', 'cps', 'reqps']);

const PANEL = z.object({
  id: z.int().min(1),
  type: z.enum(['stat', 'timeseries', 'gauge', 'table']),
  title: z.string().min(1),
  datasource: DATASOURCE,
  gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int().min(1), h: z.int().min(1) }),
  targets: z
    .array(z.object({ refId: z.string(), expr: z.string(), datasource: DATASOURCE }))
    .min(1),
  fieldConfig: z.object({
    defaults: z.object({ unit: UNIT }),
    overrides: z.array(z.unknown()),
  }),
});

const VARIABLE = z.strictObject({
  name: z.string(),
  label: z.string(),
  type: z.literal('query'),
  datasource: DATASOURCE,
  query: z.strictObject({ query: z.string(), refId: z.string() }),
  refresh: z.literal([1, 2]),
  sort: z.int(),
  multi: z.boolean(),
  includeAll: z.boolean(),
  allValue: z.string().optional(),
});

const DASHBOARD = z.object({
  uid: z.string().max(40),
  title: z.string(),
  schemaVersion: z.int().min(36),
  tags: z.array(z.string()),
  links: z.array(
    z.strictObject({
      title: z.string(),
      type: z.literal('dashboards'),
      tags: z.array(z.string()),
      icon: z.string(),
      tooltip: z.string(),
      targetBlank: z.boolean(),
      asDropdown: z.boolean(),
      keepTime: z.boolean(),
      includeVars: z.boolean(),
    }),
  ),
  templating: z.strictObject({ list: z.array(VARIABLE) }),
  panels: z.array(PANEL),
});

const grafana = path.join(projectRoot(), 'infra', 'grafana');
const files = readdirSync(path.join(grafana, 'dashboards'));
const read = (file: string): unknown =>
  JSON.parse(readFileSync(path.join(grafana, 'dashboards', file), 'utf8'));
const { datasources } = parse(
  readFileSync(path.join(grafana, 'provisioning', 'datasources', 'prometheus.yml'), 'utf8'),
) as { datasources: { uid: string }[] };

/** Grafana's own, which need no declaration. */
const BUILT_IN = /^__/;

test.each(files)(
  '%s is what Grafana reads, with panels side by side and variables it knows',
  (file) => {
    const { panels, templating, links, tags } = DASHBOARD.parse(read(file));
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const [i, { title, gridPos: a, targets }] of panels.entries()) {
      expect(a.x >= 0 && a.x + a.w <= 24, `${title} is within the width`).toBe(true);
      const overlapping = panels
        .slice(i + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h); // prettier-ignore
      expect(overlapping.map((other) => `${title} / ${other.title}`)).toEqual([]);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    }
    const known = templating.list.map(({ name }) => name);
    const asked = [...JSON.stringify({ panels, templating }).matchAll(/\$\{?(\w+)/g)];
    for (const [, name = ''] of asked) if (!BUILT_IN.test(name)) expect(known).toContain(name);
    const sources = [...panels, ...panels.flatMap(({ targets }) => targets), ...templating.list];
    for (const { datasource } of sources)
      expect(datasources.map(({ uid }) => uid)).toContain(datasource.uid);
    // They lead to each other by their tag.
    for (const link of links) for (const tag of link.tags) expect(tags).toContain(tag);
    expect(links).toHaveLength(1);
  },
);
