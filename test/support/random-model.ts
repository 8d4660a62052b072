import { createRandomSource } from '../../services/connectors/random/source.ts';
import { columnOffsets } from '../../shared/change/tuple.ts';
import type { ChangeReceiver, SourceScope } from '../../shared/connector/source.ts';
import { readPosition } from '../../shared/change/position.ts';
import { silentLog } from './sink-pipeline.ts';

type Values = (string | null)[];

/** What the tables of a `random:` source hold after all its changes, by namespace and key; values as text. */
export async function randomTables(url: string): Promise<Map<string, Map<string, Values>>> {
  const scope: SourceScope = { mode: 'snapshot+changes', namespaces: undefined, lanes: 1 };
  // All of its changes at once, however slowly they come elsewhere.
  const atOnce = url.replace(/&rate=\d+/, '');
  const source = createRandomSource({ pipeline: 'model', url: atOnce, log: silentLog() });
  const end = new AbortController();
  const session = await source.open(scope, null, end.signal);
  const head = (await session.head())!;
  const tables = new Map<string, Map<string, Values>>();
  for (const { relation, chunks } of session.plan.namespaces) {
    const table = new Map<string, Values>();
    tables.set(relation.namespace, table);
    for (const chunk of chunks) {
      const parts: Buffer[] = [];
      const receive = (bytes: Buffer): void => void parts.push(Buffer.from(bytes));
      await session.listData(chunk, receive, end.signal);
      const bytes = Buffer.concat(parts);
      for (let at = 0; at < bytes.length; at = columnOffsets(bytes, at).at(-1)!) {
        const values = valuesAt(bytes, at);
        table.set(values[0]!, values);
      }
    }
  }
  const until = (position: Buffer): void => {
    if (readPosition(position, 0) >= head) end.abort();
  };
  const receiver: ChangeReceiver = {
    change(kind, { namespace }, _position, key, row) {
      const table = tables.get(namespace)!;
      if (kind === 'delete') table.delete(key.toString('utf8', 4));
      else table.set(key.toString('utf8', 4), valuesAt(row, 0));
    },
    barrier: () => undefined,
    commit: until,
    watermark: until,
    ready: () => undefined,
  };
  await session.streamUpdates(session.plan.start, receiver, end.signal);
  return tables;
}

function valuesAt(bytes: Buffer, start: number): Values {
  const offsets = columnOffsets(bytes, start);
  return offsets.slice(0, -1).map((at, i) => {
    const length = bytes.readInt32BE(at);
    return length < 0 ? null : bytes.toString('utf8', at + 4, offsets[i + 1]);
  });
}
