import type { LanesAnswer, Pipeline } from '../api/answers.ts';
import { h } from './dom.ts';
import { bytes, duration, rate } from './format.ts';
import { isCurrent } from './model.ts';
import { share } from './parts.ts';

const LATE_MS = 5_000;

/** The way of a row: source, reader, lanes, writers, target, with what flows between them now. */
export function picture(detail: Pipeline, lanes: LanesAnswer | undefined): HTMLElement {
  const current = isCurrent(detail);
  const applied = current && (detail.appliedPerSecond ?? 0) > 0;
  const copies = current && (detail.copiedRowsPerSecond ?? 0) > 0;
  const flows = applied || copies;
  const { spec, services } = detail;
  const readers = services.filter(({ service }) => service === 'source-reader');
  const writers = services.filter(({ service }) => service === 'target-writer');
  const transformers = services.filter(({ service }) => service === 'transformer');
  const arrow = (): HTMLElement => h('div', { class: `arrow${flows ? ' flows' : ''}` });
  return h(
    'div',
    { class: 'card picture', role: 'img', 'aria-label': spoken(detail) },
    end('Source', spec?.source ?? 'known to its services only', held(detail)),
    arrow(),
    h('div', { class: 'nodes' }, nodesOf('Reader', readers, 'no reader is connected')),
    arrow(),
    laneList(lanes, current),
    arrow(),
    h(
      'div',
      { class: 'nodes' },
      transformers.length > 0 && nodesOf('Transformer', transformers, ''),
      nodesOf('Writer', writers, 'no writer is connected'),
    ),
    arrow(),
    end(
      'Target',
      spec?.target ?? 'known to its services only',
      !current
        ? null
        : copies
          ? `${rate(detail.copiedRowsPerSecond)} rows/s copied`
          : `${rate(detail.appliedPerSecond)} changes/s`,
    ),
  );
}

function end(title: string, where: string, more: string | null): HTMLElement {
  return h(
    'div',
    { class: 'node' },
    h('b', {}, title),
    where.replace(/^(\w+):\/\//, ''),
    more !== null && h('div', { class: 'soft small' }, more),
  );
}

function held({ retainedBytes }: Pipeline): string | null {
  return retainedBytes === null ? null : `holds back ${bytes(retainedBytes)}`;
}

function nodesOf(
  title: string,
  services: Pipeline['services'],
  missing: string,
): HTMLElement | HTMLElement[] {
  if (services.length === 0)
    return h('div', { class: 'node missing soft' }, h('b', {}, title), missing);
  return services.map(({ id, phase, problem }) =>
    h(
      'div',
      { class: `node${problem === null ? '' : ' trouble'}`, 'data-key': id },
      h('b', {}, title),
      h('span', { class: 'mono' }, id),
      h('div', { class: 'soft small' }, phase),
    ),
  );
}

function laneList(answer: LanesAnswer | undefined, current: boolean): HTMLElement {
  if (answer === undefined || answer.lanes.length === 0)
    return h('div', { class: 'node missing soft' }, h('b', {}, 'Lanes'), 'nothing is known yet');
  const most = Math.max(1, ...answer.lanes.map((each) => each.bytes ?? 0));
  return h(
    'ul',
    { class: 'lanes' },
    answer.lanes.map(({ lane, lagMs, bytes: waiting, owner }) =>
      h(
        'li',
        { class: current && (lagMs ?? 0) >= LATE_MS ? 'late' : null },
        h('span', {}, String(lane)),
        share(waiting ?? 0, most, `lane ${lane}: ${bytes(waiting)} wait`),
        h('span', {}, current ? duration(lagMs) : '–'),
        h('span', { class: 'mono' }, owner ?? 'no owner'),
      ),
    ),
  );
}

function spoken(detail: Pipeline): string {
  const writers = detail.services.filter(({ service }) => service === 'target-writer').length;
  return `From ${detail.spec?.source ?? 'the source'} through ${detail.readers} readers and ${writers} writers to ${detail.spec?.target ?? 'the target'}: ${detail.state}, ${detail.reason}`;
}
