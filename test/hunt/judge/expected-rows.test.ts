import { describe, expect, it } from 'vitest';
import type { TransformStep } from '../hunt-case.ts';
import { expectedRows } from './expected-rows.ts';
import type { DumpedRows } from './pg-dump.ts';

const T: DumpedRows = {
  schema: 'public',
  table: 't',
  columns: ['"b"', '"id"', '"v"'],
  lines: ['t\t1\ta\\tb', 'f\t2\t\\N', '\\N\t-3\tgröße\\\\'],
};

function made(...transforms: TransformStep[]): Record<string, string[]> {
  const expected = expectedRows(new Map([['public.t', T]]), { transforms });
  return Object.fromEntries(
    [...expected].map(([key, { columns, lines }]) => [key, [columns.join(), ...lines]]),
  );
}

describe('the rows that are expected', () => {
  it('are those of the source without steps, under the name that map gives', () => {
    const expected = expectedRows(new Map([['public.t', T]]), { map: { 'public.t': 'moved.u' } });
    expect([...expected]).toEqual([['moved.u', T]]);
  });

  it('are what each step makes of them', () => {
    const at = (lines: string[], columns = '"b","id","v"') => ({ 'public.t': [columns, ...lines] });
    expect(made({ drop: ['v'] })).toEqual(at(['\\N\t-3', 'f\t2', 't\t1'], '"b","id"'));
    expect(made({ keep: ['id'] })).toEqual(at(['-3', '1', '2'], '"id"'));
    expect(made({ rename: { id: 'z' } })['public.t']![0]).toBe('"b","v","z"');
    expect(made({ redact: ['v'] }, { keep: ['id', 'v'] })['public.t']![1]).toBe('-3\t\\N');
    expect(made({ redact: { v: '***' } })['public.t']).toContain('f\t2\t***');
    expect(made({ truncate: { v: 3 } })['public.t']).toContain('\\N\t-3\tgrö');
    expect(made({ truncate: { v: 2 } })['public.t']).toContain('t\t1\ta\\t');
    expect(made({ cast: { b: 'integer' } })['public.t']).toContain('1\t1\ta\\tb');
    expect(made({ hash: ['id'] }, { keep: ['id'] })['public.t']).toContain(
      '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
    );
    expect(made({ set: { more: "it's" } })['public.t']).toContain("f\t2\tit's\t\\N");
  });

  it('are those that pass, and each where it belongs', () => {
    expect(made({ filter: 'row["id"] % 2 == 0' })['public.t']).toEqual([
      '"b","id","v"',
      'f\t2\t\\N',
    ]);
    expect(made({ filter: 'row["id"] != null && row["id"] > 0' })['public.t']).toHaveLength(3);
    const cel = `row["id"] % 2 == 0 ? 'public.e' : 'public.o'`;
    const spread = made({ route: { cel, to: ['public.e', 'public.o'] } });
    expect([spread['public.e']!.length, spread['public.o']!.length]).toEqual([2, 3]);
    expect(Object.keys(made({ route: 'routed.{name}' }))).toEqual(['routed.t']);
  });
});
