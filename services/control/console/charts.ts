import type { default as UPlot, AlignedData, Options } from 'uplot';
import type { Sample } from '../history.ts';
import { h } from './dom.ts';
import { bytes, duration, rate } from './format.ts';
import { isCurrent, model } from './model.ts';
import type { Pipeline, Summary } from '../api/answers.ts';

interface ChartSpec {
  id: string;
  title: string;
  lines: { label: string; color: string; of: (sample: Sample) => number | null }[];
  text: (value: number) => string;
  /** The axis goes at least so far, so that noise does not look like news. */
  least: number;
}

const CHARTS: readonly ChartSpec[] = [
  {
    id: 'throughput',
    title: 'Throughput',
    least: 10,
    text: (value) => `${rate(value)}/s`,
    lines: [
      { label: 'changes', color: '--series-1', of: (s) => s.appliedPerSecond },
      { label: 'rows copied', color: '--series-2', of: (s) => s.copiedRowsPerSecond },
    ],
  },
  {
    id: 'lag',
    title: 'Lag',
    least: 100,
    text: duration,
    lines: [{ label: 'slowest lane', color: '--series-1', of: (s) => s.lagMs }],
  },
  {
    id: 'backlog',
    title: 'Backlog',
    least: 4_096,
    text: bytes,
    lines: [{ label: 'in the broker', color: '--series-3', of: (s) => s.brokerBytes }],
  },
];

const HEIGHT = 150;
const WINDOW_MS = 10 * 60_000;

let library: typeof UPlot | null = null;
const drawn = new Map<string, { plot: UPlot; at: Element }>();

/** Frames for the charts; `drawCharts` fills them when they are in the document. */
export function chartFrames(detail: Pipeline, samples: readonly Sample[]): HTMLElement {
  const last = samples.at(-1);
  const current = isCurrent(detail);
  return h(
    'div',
    { class: 'charts' },
    CHARTS.map(({ id, title, lines, text }) => {
      const known = samples.some((sample) => lines.some(({ of }) => of(sample) !== null));
      const now = last === undefined || !current ? null : lines[0]!.of(last);
      return h(
        'section',
        { class: 'card chart', 'aria-label': `${title} over the last ten minutes` },
        h(
          'h2',
          {},
          title,
          h('span', { class: 'soft' }, now === null ? 'not known now' : text(now)),
        ),
        known
          ? h('div', { class: 'plot', id: `chart-${id}`, 'data-key': id, 'data-keep': true })
          : h('p', { class: 'none' }, 'No samples yet'),
      );
    }),
  );
}

export async function drawCharts(samples: readonly Sample[]): Promise<void> {
  if (library === null) {
    const url = '/uplot.js';
    library ??= ((await import(url)) as { default: typeof UPlot }).default;
  }
  for (const spec of CHARTS) {
    const frame = document.getElementById(`chart-${spec.id}`);
    if (frame !== null) draw(spec, frame, samples, library);
  }
}

/** Colors and sizes are read when a chart is made: a new theme or width needs new ones. */
export function forgetCharts(): void {
  for (const { plot } of drawn.values()) plot.destroy();
  drawn.clear();
}

function draw(
  spec: ChartSpec,
  frame: HTMLElement,
  samples: readonly Sample[],
  make: typeof UPlot,
): void {
  const since = Date.now() - WINDOW_MS;
  const recent = samples.filter(({ atMs }) => atMs >= since);
  const data: AlignedData = [
    recent.map(({ atMs }) => atMs / 1_000),
    ...spec.lines.map(({ of }) => recent.map(of)),
  ];
  const known = drawn.get(spec.id);
  if (known !== undefined && known.at === frame) {
    if (known.plot.width !== frame.clientWidth)
      known.plot.setSize({ width: frame.clientWidth, height: HEIGHT });
    known.plot.setData(data);
    return;
  }
  known?.plot.destroy();
  frame.replaceChildren();
  drawn.set(spec.id, { plot: new make(options(spec, frame), data, frame), at: frame });
}

function options(spec: ChartSpec, frame: HTMLElement): Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: frame.clientWidth,
    height: HEIGHT,
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [(Date.now() - WINDOW_MS) / 1_000, Date.now() / 1_000] },
      y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, spec.least) * 1.1] },
    },
    series: [
      {},
      ...spec.lines.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 1.6,
        points: { show: false },
      })),
    ],
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        values: (_plot, ticks) =>
          ticks.map((at) =>
            new Date(at * 1_000).toLocaleTimeString('en-GB', {
              hour: '2-digit',
              minute: '2-digit',
            }),
          ),
      },
      { ...axis, size: 58, space: 36, values: (_plot, ticks) => ticks.map(spec.text) },
    ],
  };
}

/** Adds what a summary says to what the history had. */
export function addSample(summary: Summary): void {
  const looked = model.looked;
  if (looked === null || looked.name !== summary.name) return;
  const known = summary.asOf !== null && !summary.stale;
  const value = (number: number | null): number | null => (known ? number : null);
  looked.samples.push({
    atMs: Date.now(),
    appliedPerSecond: value(summary.appliedPerSecond),
    copiedRowsPerSecond: value(summary.copiedRowsPerSecond),
    lagMs: value(summary.lagMs),
    inFlight: value(summary.inFlight),
    brokerBytes: value(summary.brokerBytes),
  });
  if (looked.samples.length > 2_000) looked.samples.splice(0, 500);
}
