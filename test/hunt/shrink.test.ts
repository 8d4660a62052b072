import { describe, expect, it } from 'vitest';
import { generateCase } from './generate/generate-case.ts';
import { featuresOf, renderStatement, type HuntCase } from './hunt-case.ts';
import { shrink, sizeOf } from './shrink.ts';

const SERVER = { version: 15, targetVersion: 15, extensions: new Set(['citext', 'pg_trgm']) };
const BUDGET = { tries: 5_000, untilMs: Number.POSITIVE_INFINITY };

describe('a case', () => {
  it('is the same for the same seed', () => {
    expect(generateCase(7, SERVER)).toEqual(generateCase(7, SERVER));
    expect(generateCase(7, SERVER)).not.toEqual(generateCase(8, SERVER));
  });

  it('can be made of any seed', () => {
    for (let seed = 0; seed < 300; seed++) expect(generateCase(seed, SERVER).steps).not.toEqual([]);
  });

  it('can have each of what a pipeline file says and what happens to it', () => {
    const seen = new Set<string>();
    const keys = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const found = generateCase(seed, SERVER);
      for (const feature of featuresOf(found)) seen.add(feature);
      for (const key of Object.keys(found.pipeline)) keys.add(key);
    }
    const wanted = ['map', 'transforms', 'mode snapshot', 'mode changes', 'order transaction', 'network', 'two phases', 'edit']; // prettier-ignore
    expect(wanted.filter((each) => !seen.has(each))).toEqual([]);
    const inFile = ['namespaces', 'onBadRow', 'lanes', 'writers', 'transformers', 'onWaitingDdl', 'create']; // prettier-ignore
    expect(inFile.filter((each) => !keys.has(each))).toEqual([]);
  });

  it('is made as small as the failure allows', async () => {
    const found = generateCase(11, SERVER);
    const wanted = renderStatement(found.rows.at(-1)!);
    const stillFails = async ({ rows, steps }: HuntCase): Promise<boolean> =>
      steps.some((step) => step.do === 'start') && rows.some((row) => renderStatement(row) === wanted); // prettier-ignore
    const smallest = await shrink(found, stillFails, BUDGET);
    expect(smallest.steps).toEqual([{ do: 'start' }]);
    expect(smallest.rows).toHaveLength(1);
    expect([...smallest.schema, ...smallest.settings]).toEqual([]);
    expect(sizeOf(smallest)).toBeLessThan(sizeOf(found));
  });
});
