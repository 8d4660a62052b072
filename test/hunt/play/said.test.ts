import { describe, expect, it } from 'vitest';
import { parseSaid } from './said.ts';

describe('what weir says', () => {
  it('is a defect where a service says INTERNAL, or weir itself', () => {
    expect(parseSaid('{"code":"INTERNAL","msg":"service gave up"}').defects).toHaveLength(1);
    expect(parseSaid('weir: this is a defect; run it again').defects).toHaveLength(1);
    expect(parseSaid('{"code":"SCHEMA_CHANGED","msg":"service gave up"}').defects).toEqual([]);
  });

  it('tells findings, and those that stop it', () => {
    const said = parseSaid(
      'weir: warning: source h:1/db: public.t: is left out\nweir: error: target h:2/db: public.u: holds rows',
    );
    expect(said.told).toEqual(['public.t: is left out', 'public.u: holds rows']);
    expect(said.refusals).toEqual([{ part: 'target', message: 'public.u: holds rows' }]);
  });
});
