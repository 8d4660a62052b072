import { expect, it } from 'vitest';
import { EventLog } from './event-log.ts';

const event = (pipeline: string, text: string) => ({
  pipeline,
  kind: 'state' as const,
  level: 'info' as const,
  text,
});

it('whoever was away gets what came meanwhile, and all where that is not known any more', () => {
  const log = new EventLog();
  for (const text of ['one', 'two', 'three']) log.add(event('p', text));
  const [first] = log.latest(null, 3);
  expect(log.since(first!.id).map(({ text }) => text)).toEqual(['two', 'three']);
  expect(log.since(new EventLog().latest(null, 1)[0]?.id ?? 'other-1')).toHaveLength(3);
});

it('gives the latest of one pipeline', () => {
  const log = new EventLog();
  for (let n = 0; n < 10; n++) log.add(event(n % 2 === 0 ? 'even' : 'odd', String(n)));
  expect(log.latest('odd', 2).map(({ text }) => text)).toEqual(['7', '9']);
});

it('keeps a bounded number of events', () => {
  const log = new EventLog();
  for (let n = 0; n < 5_000; n++) log.add(event('p', String(n)));
  expect(log.latest(null, 5_000).length).toBeLessThanOrEqual(2_000);
  expect(log.latest(null, 1)[0]?.text).toBe('4999');
});
