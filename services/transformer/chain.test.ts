import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import { compileChain } from './chain.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import { readTransforms } from './read-transforms.ts';
import { createRow, type Row, type Value } from './row.ts';

const orders: Relation = {
  namespace: 'public.orders',
  columns: [
    ['id', 'bigint'],
    ['state', 'character varying(20)'],
    ['amount', 'numeric(12,2)'],
    ['count', 'integer'],
    ['paid', 'boolean'],
    ['note', 'text'],
  ].map(([name, type]) => ({ name: name!, type: type!, encoding: 'text' })),
  key: [0],
  identity: 'key',
  order: 'key',
};
const ROW = ['7', 'open', '12.50', '3', 't', 'a long note'];
const KEY = 'sixteen bytes of key';

function chainOf(steps: readonly unknown[], relation = orders) {
  const { steps: read, problems } = readTransforms(steps);
  expect(problems).toEqual([]);
  const chain = compileChain(read, relation, { env: { TOKEN_KEY: KEY, SHORT: 'x' } });
  return chain!;
}

const toValue = (text: string | null | undefined): Value =>
  typeof text === 'string' ? Buffer.from(text) : text;

async function run(
  steps: readonly unknown[],
  values: readonly (string | null | undefined)[] = ROW,
  kind: Row['kind'] = 'copy',
  keyOnly = false,
) {
  const chain = chainOf(steps);
  const row = createRow(kind, values.map(toValue), keyOnly);
  await chain.run([row]);
  const { dropped, failure } = row;
  const after = Object.fromEntries(
    chain.relation.columns.map(({ name }, place) => [
      name,
      row.values[place]?.toString() ?? row.values[place],
    ]),
  );
  return { chain, dropped, failure, after };
}

const problemsOf = (steps: readonly unknown[], relation = orders): string => {
  try {
    chainOf(steps, relation);
  } catch (error) {
    if (error instanceof ChainMismatch) return error.message;
    throw error;
  }
  return '';
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex');

describe('each step', () => {
  it.each<[string, unknown, Record<string, string | null>]>([
    ['keep', { keep: ['note', 'id'] }, { id: '7', note: 'a long note' }],
    ['drop', { drop: ['amount', 'count', 'paid', 'note'] }, { id: '7', state: 'open' }],
  ])('%s leaves these fields', async (_, step, after) => {
    expect((await run([step])).after).toEqual(after);
  });

  it.each<[string, unknown, string, string | null, string]>([
    ['rename', { rename: { amount: 'total' } }, 'total', '12.50', 'numeric(12,2)'],
    ['set a constant', { set: { land: 'DE' } }, 'land', 'DE', 'text'],
    ['set a field that is there', { set: { count: 5 } }, 'count', '5', 'integer'],
    ['set a number', { set: { share: 0.5 } }, 'share', '0.5', 'double precision'],
    ['set an expression', { set: { x: { cel: 'row.id * 2 + row.count' } } }, 'x', '17', 'bigint'],
    [
      'set with a type',
      { set: { x: { cel: 'double(row.amount) * 2.0', type: 'numeric(8,2)' } } },
      'x',
      '25.00',
      'numeric(8,2)',
    ],
    ['set NULL', { set: { x: { value: null, type: 'date' } } }, 'x', null, 'date'],
    ['hash', { hash: ['note'] }, 'note', sha256('a long note'), 'text'],
    [
      'tokenize',
      { tokenize: { fields: ['state'], keyFrom: 'TOKEN_KEY' } },
      'state',
      hmac('open'),
      'text',
    ],
    ['redact', { redact: ['note'] }, 'note', null, 'text'],
    ['redact with text', { redact: { note: '***' } }, 'note', '***', 'text'],
    ['truncate', { truncate: { note: 6 } }, 'note', 'a long', 'text'],
    ['cast', { cast: { amount: 'text' } }, 'amount', '12.50', 'text'],
    ['cast a boolean', { cast: { paid: 'integer' } }, 'paid', '1', 'integer'],
  ])('%s gives the value and the type', async (_, step, field, value, type) => {
    const { after, chain } = await run([step]);
    expect(after[field]).toBe(value);
    expect(chain.relation.columns.find(({ name }) => name === field)?.type).toBe(type);
  });

  it('route names the namespace at the target and leaves that of the source', () => {
    expect(chainOf([{ route: 'archive.{name}_of_{schema}' }])).toMatchObject({
      target: 'archive.orders_of_public',
      relation: { namespace: 'public.orders' },
    });
    expect(chainOf([{ route: { cel: '"copy." + source' } }]).target).toBe('copy.public.orders');
    expect(problemsOf([{ route: { cel: 'row.state' } }])).toMatch(/one by one.*say with "to"/);
  });

  it('filter leaves rows out, by what a step before it has made', async () => {
    const steps = [{ set: { big: { cel: 'row.count > 2' } } }, { filter: 'row.big' }];
    expect((await run(steps)).dropped).toBe(false);
    expect((await run(steps, ['7', 'open', '1', '2', 't', null])).dropped).toBe(true);
  });

  it('truncates whole characters', async () => {
    const { after } = await run([{ truncate: { note: 2 } }], [...ROW.slice(0, 5), '桜é🌸x']);
    expect(after['note']).toBe('桜é');
  });

  it('is for the namespaces of its globs only', () => {
    const { steps } = readTransforms([{ on: ['other.*'], drop: ['nothing'] }]);
    expect(compileChain(steps, orders, { env: {} })).toBeNull();
  });

  it('keeps NULL as it is', async () => {
    const nothing = ['7', null, null, null, null, null];
    const { after, failure } = await run(
      [
        { hash: ['note'] },
        { tokenize: { fields: ['state'], keyFrom: 'TOKEN_KEY' } },
        { truncate: { note: 3 } },
        { cast: { amount: 'text' } },
      ],
      nothing,
    );
    expect(failure).toBeNull();
    expect(after).toMatchObject({ note: null, state: null, amount: null });
  });
});

describe('the key', () => {
  it('follows its field through rename, drop and tokenize, in the order that it had', () => {
    const items = { ...orders, key: [3, 0] };
    const { relation } = chainOf([{ drop: ['state'] }, { rename: { id: 'order' } }], items);
    expect(relation.key.map((place) => relation.columns[place]!.name)).toEqual(['count', 'order']);
  });

  it('of a delete becomes the same as that of its row', async () => {
    const steps = [
      { drop: ['note'] },
      { tokenize: { fields: ['id'], keyFrom: 'TOKEN_KEY' } },
      { set: { x: { cel: 'row.count' } } },
      { filter: 'row.count > 1' },
    ];
    const gone = ['7', undefined, undefined, undefined, undefined, undefined];
    const deleted = await run(steps, gone, 'delete', true);
    expect(deleted).toMatchObject({ failure: null, dropped: false });
    expect(deleted.after['id']).toBe((await run(steps)).after['id']);
  });

  it.each<[string, unknown, RegExp]>([
    ['drop', { drop: ['id'] }, /leaves out id, which is in the key/],
    ['keep', { keep: ['note'] }, /leaves out id, which is in the key/],
    ['set', { set: { id: 1 } }, /sets id, which is in the key/],
    ['redact', { redact: ['id'] }, /redacts id, which is in the key/],
    ['cast', { cast: { id: 'smallint' } }, /different keys may be equal/],
  ])('is not spoiled: %s is refused', (_, step, message) => {
    expect(problemsOf([step])).toMatch(message);
  });

  it('is not hashed where equal keys may be written differently', () => {
    expect(problemsOf([{ hash: ['id'] }], { ...orders, looseKey: true })).toMatch(/1\.0 and 1\.00/);
  });

  it('alone decides where a filter reads nothing else', () => {
    expect(chainOf([{ filter: 'row.id > 5' }]).decides).toBe('key');
    expect(chainOf([{ filter: 'row.id > 5 && row.paid' }]).decides).toBe('row');
    expect(chainOf([{ drop: ['note'] }]).decides).toBeNull();
  });
});

describe('what cannot be done to a namespace', () => {
  it.each<[string, unknown[], RegExp]>([
    [
      'an unknown field',
      [{ drop: ['notes'] }],
      /step 1 \(drop\) names notes, which public.orders does not have at this step; did you mean note\?/,
    ],
    [
      'a field that an earlier step dropped',
      [{ drop: ['note'] }, { filter: 'row.note == ""' }],
      /step 2 \(filter\) names note, which public.orders does not have/,
    ],
    ['two fields of one name', [{ rename: { note: 'state' } }], /two fields of the name state/],
    ['an unknown type', [{ set: { x: { cel: 'row.note + row.state' } } }], /of an unknown type/],
    ['no text', [{ truncate: { amount: 3 } }], /is numeric\(12,2\) and no text/],
    [
      'a missing key',
      [{ tokenize: { fields: ['note'], keyFrom: 'NONE' } }],
      /NONE, which is not set/,
    ],
    [
      'a short key',
      [{ tokenize: { fields: ['note'], keyFrom: 'SHORT' } }],
      /SHORT, which is shorter/,
    ],
    ['a constant of another type', [{ set: { count: 'many' } }], /no integer/],
    ['an unknown part', [{ route: '{table}' }], /only \{namespace\}, \{schema\} and \{name\}/],
  ])('is named: %s', (_, steps, message) => {
    expect(problemsOf(steps)).toMatch(message);
  });
});

describe('a step that fails', () => {
  it.each<[string, unknown, (string | null | undefined)[], RegExp]>([
    [
      'division by zero',
      { set: { x: { cel: '1 / (row.count - 3)', type: 'text' } } },
      ROW,
      /^step 1 \(set\): the expression failed: division by zero$/,
    ],
    [
      'NULL in a comparison',
      { filter: 'row.count > 1' },
      ['7', 'o', '1', null, 't', 'n'],
      /no such overload: dyn<null> > int/,
    ],
    [
      'a value of no use',
      { cast: { state: 'integer' } },
      ROW,
      /the value of state does not read as integer: it is no whole number$/,
    ],
    ['no boolean', { filter: 'row.note' }, ROW, /something else than true or false/],
    [
      'an unchanged value',
      { filter: 'row.note == ""' },
      ['7', 'o', '1', '1', 't', undefined],
      /reads note, whose value did not come/,
    ],
    [
      'a double in an integer',
      { set: { count: { cel: '0.5' } } },
      ROW,
      /something that is no integer/,
    ],
  ])('says why and no value: %s', async (_, step, values, message) => {
    const { failure } = await run([step], values, 'update');
    expect(failure).toMatch(message);
  });

  it.each(['int(row.note)', '{"a": 1}[row.note]', 'duration(row.note)', 'bool(row.note)'])(
    'keeps the value to itself: %s',
    async (cel) => {
      const { failure } = await run(
        [{ set: { x: { cel, type: 'text' } } }],
        [...ROW.slice(0, 5), 'SECRET'],
      );
      expect(failure).toMatch(/the expression failed: /);
      expect(failure).not.toContain('SECRET');
    },
  );
});

describe('an unchanged value', () => {
  const partial = ['7', 'open', '12.50', '3', 't', undefined];

  it('stays unchanged, and so does what follows from it alone', async () => {
    const steps = [{ hash: ['note'] }, { set: { x: { cel: 'row.note + "!"', type: 'text' } } }];
    const { after, failure } = await run(steps, partial, 'update');
    expect(failure).toBeNull();
    expect(after).toMatchObject({ note: undefined, x: undefined });
  });

  it('is not guessed where something else is needed too', async () => {
    const { failure } = await run(
      [{ set: { x: { cel: 'row.note + row.state', type: 'text' } } }],
      partial,
      'update',
    );
    expect(failure).toMatch(/reads note, whose value did not come/);
  });

  it('is not overwritten by redact, which was done when it came', async () => {
    expect((await run([{ redact: ['note'] }], partial, 'update')).after['note']).toBeUndefined();
  });
});
