import { expect, it } from 'vitest';
import { type Codec } from '../../shared/row/canonical/codec.ts';
import { compileCodec } from '../../shared/row/canonical/compile-codec.ts';
import { parseTypeName } from '../../shared/schema/type-name.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { PICK, RANDOM_VALUES } from '../support/random-values.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const server = usePostgres();
const COUNT = 5_000;

it('what the database prints of a value is its canonical form already', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`canonical text: WEIR_SEED=${seed}\n`);
  const url = await server.createDatabase();
  await queryPostgres(url, PICK);
  for (const [type, value] of Object.entries(RANDOM_VALUES)) {
    const codec = compileCodec(parseTypeName(type));
    const rows = await queryPostgres(
      url,
      `SELECT set_config('IntervalStyle', 'postgres', false), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false);
       SELECT setseed(${(seed % 1000) / 1000}); SELECT concat(${value}) AS text FROM generate_series(1, ${COUNT}) n`,
    );
    const others = (rows as { text: string }[])
      .map(({ text }) => [text, read(codec, text)])
      .filter(([text, canonical]) => canonical !== text);
    expect({ type, others: others.slice(0, 10) }).toEqual({ type, others: [] });
  }
});

function read(codec: Codec, text: string): string {
  try {
    return codec.read(text);
  } catch (error) {
    if (error instanceof Refusal) return `refused: ${error.reason}`;
    throw error;
  }
}
