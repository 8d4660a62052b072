import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { CardPipeline, FORBIDDEN } from './card-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const seed = chooseSeed();

test('a store that nothing of Weir knows ends with what the source holds, whatever is killed, cut and wiped', async () => {
  const pipeline = await CardPipeline.start(source, seed);
  const { reader, writers, nats, wires } = pipeline;
  const [first, second] = writers as [(typeof writers)[0], (typeof writers)[0]];
  await first.dieAt('chunk-loaded');
  first.start();
  second.start();
  await reader.restart();
  await pipeline.progresses();

  for (const failpoint of ['changes-ready', 'changes-committed', 'lane-taken'] as const) {
    await second.kill();
    await first.dieAt(failpoint);
    first.start();
    second.start();
    await pipeline.progresses();
  }
  for (const failpoint of ['plan-saved', 'lanes-emptied'] as const) {
    await reader.dieAt(failpoint);
    reader.start();
    await pipeline.progresses();
  }

  await nats.kill('SIGKILL');
  await nats.wipe();
  await pipeline.progresses();

  wires.target.cut();
  await pipeline.progresses();
  wires.nats.cut();
  await pipeline.progresses();

  await pipeline.finish();
  expect(await pipeline.differences()).toEqual([]);
});

test('rows that such a store refuses are put aside and replayed in their order, while writers and readers are killed', async () => {
  const pipeline = await CardPipeline.start(source, seed);
  const { reader, writers, cards } = pipeline;
  for (const writer of writers) writer.start();
  await pipeline.progresses();
  cards.forbidden.add(FORBIDDEN);
  await pipeline.writeForbidden();
  for (const service of [...writers, reader]) {
    await service.restart();
    await pipeline.progresses();
  }
  await waitFor('rows are aside', async () => (await pipeline.parked()) > 0);
  cards.forbidden.clear();
  for (const writer of writers) await writer.restart();
  await waitFor('nothing is aside any more', async () => {
    await pipeline.replay();
    return (await pipeline.parked()) === 0;
  });
  await pipeline.finish();
  expect(await pipeline.differences()).toEqual([]);
});
