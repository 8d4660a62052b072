import { describe, expect, it } from 'vitest';
import { FIRST_POSITION, toPosition } from '../../../../shared/change/position.ts';
import type { Column, Relation } from '../../../../shared/change/relation.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import { TUPLES } from '../../../../shared/connector/data-type.ts';
import { changeForm, requireKnownLanes } from './change-form.ts';

const APART = { least: toPosition(5n, 0n), most: toPosition(9n, 0n) };
const LEVEL = { least: toPosition(9n, 0n), most: toPosition(9n, 0n) };

function planOf(encoding: Column['encoding'], more: Partial<Relation> = {}): PipelinePlan {
  const start = FIRST_POSITION;
  const columns = [{ name: 'id', type: 'integer', encoding }];
  const relation: Relation = {
    ...{ namespace: 'public.t', columns, key: [0], identity: 'key', order: 'key' },
    ...more,
  };
  const counts = { chunks: [], chunksDone: 0, rowsDone: 0 };
  const namespace = { relation, definition: null, start, settled: start, state: 'ready' as const };
  return {
    identity: '',
    start,
    snapshot: null,
    lanes: 4,
    namespaces: [{ ...namespace, ...counts }],
  };
}

describe('a plan that does not say what lanes follow from', () => {
  it('is refused where keys come in another form while lanes stand at different places', () => {
    const open = (): void => requireKnownLanes(planOf('binary'), 'text', APART);
    expect(open).toThrow(/public\.t over the lanes by their keys in binary form/);
    expect(open).toThrow(/when it has caught up, then repeat it/);
  });

  it('is taken where the form is the same, where lanes are level, and where one lane has it all', () => {
    expect(() => requireKnownLanes(planOf('binary'), 'binary', APART)).not.toThrow();
    expect(() => requireKnownLanes(planOf('binary'), 'text', LEVEL)).not.toThrow();
    const one = planOf('binary', { order: 'namespace' });
    expect(() => requireKnownLanes(one, 'text', APART)).not.toThrow();
    const recorded = planOf('binary', { route: [{ column: 0, form: 'int4' }] });
    expect(() => requireKnownLanes(recorded, 'text', APART)).not.toThrow();
  });
});

describe('the form of changes', () => {
  const plain = { namespace: 'public.t', textColumns: [], isBinarySafe: true };
  const odd = { namespace: 'public.o', textColumns: ['v pair'], isBinarySafe: false };
  const scope = { dataType: 'postgres.tuples' };
  const server = { version: 150_000 };

  it.each([
    ['binary', 'where every column has it', scope, server, [plain], []],
    ['text', 'where a column has no other', scope, server, [plain, odd], ['public.o: v pair']],
    ['text', 'where the other end takes no other', { dataType: TUPLES }, server, [plain], ['the other end takes text']],
    ['text', 'where the server has no other', scope, { version: 130_000 }, [plain], ['PostgreSQL 13 sends text only']],
  ])('is %s %s', (encoding, _where, of, facts, tables, reasons) => {
    expect(changeForm(of, facts, tables, null)).toEqual({ encoding, reasons });
  }); // prettier-ignore

  it('says what it was where that is another one than before', () => {
    const recorded = planOf('binary', { route: [{ column: 0, form: 'int4' }] });
    expect(changeForm(scope, server, [odd], recorded)).toMatchObject({ encoding: 'text', was: 'binary' }); // prettier-ignore
    expect(changeForm(scope, server, [plain], recorded)).not.toHaveProperty('was');
  });
});
