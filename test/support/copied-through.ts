import { commonDataType } from '../../shared/connector/data-type.ts';
import { connectorFor } from '../../services/connectors/registry.ts';
import { silentLog } from './sink-pipeline.ts';

let made = 0;

/** Copies all that one store has into another, in this process and without a broker. Returns how many rows it was. */
export async function copyThrough(from: string, to: string, stateFolder: string): Promise<number> {
  const [source, sink] = [await connectorFor(from), await connectorFor(to)];
  const pipeline = `through-${process.pid}-${++made}`;
  const dataType = commonDataType(source.getInfo().gives, sink.getInfo().takes)!;
  const reads = source.createSource!({ pipeline, url: from, log: silentLog() });
  const writes = sink.createSink!({
    pipeline,
    url: to,
    log: silentLog(),
    create: 'missing',
    map: {},
    order: 'key',
    workers: 1,
    stateFolder,
    onBadRow: 'stop',
  });
  const { signal } = new AbortController();
  let copied = 0;
  const scope = { mode: 'snapshot', namespaces: undefined, lanes: 1, dataType } as const;
  try {
    const session = await reads.open(scope, null, signal);
    try {
      await writes.savePlan(session.plan, await writes.beginReader());
      await writes.openLane(0);
      for (const { relation, chunks } of session.plan.namespaces)
        for (const chunk of chunks) {
          const parts: Buffer[] = [];
          const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
          const { rows, refused = [] } = await session.listData(chunk, receive, signal);
          if (refused.length > 0) throw new Error(refused[0]!.message);
          const head = { relation, rows: () => rows, filtered: () => 0, batchKey: () => `${rows}` };
          const outcome = await writes.writeData({ ...chunk, ...head }, toParts(parts));
          if (outcome !== 'loaded') throw new Error(`a chunk was ${outcome}`);
          copied += rows;
        }
      await writes.finishNamespaces();
      return copied;
    } finally {
      await session.close();
    }
  } finally {
    await reads.reset();
    await Promise.all([reads.close(), writes.close()]);
  }
}

async function* toParts(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}
