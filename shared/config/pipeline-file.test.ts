import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WeirError } from '../errors/weir-error.ts';
import { parsePipelineFile } from './pipeline-file.ts';
import type { PipelineSpec } from './pipeline-spec.ts';

const schemes = {
  pg: { connector: 'pg', defaultPort: 5432 },
  pgsql: { connector: 'pg', defaultPort: 5432 },
  my: { connector: null },
};

const MINIMAL = `name: shop
source:
  url: pg://a:\${PW}@one/shop
target:
  url: pg://a:\${PW}@two/shop
`;

function parse(text: string, env: Record<string, string> = { PW: 's3cret' }): PipelineSpec {
  return parsePipelineFile(text, { file: 'p.yaml', env, schemes });
}

function problemsOf(text: string, env: Record<string, string> = { PW: 's3cret' }): string {
  try {
    parse(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(WeirError);
    expect((error as WeirError).code).toBe('CONFIG_INVALID');
    expect(inspect(error)).not.toContain('s3cret');
    return (error as WeirError).message;
  }
  throw new Error('the file was accepted');
}

describe('a pipeline file', () => {
  it('gets defaults for what it leaves out', () => {
    const spec = parse(MINIMAL);
    expect(spec).toMatchObject({
      name: 'shop',
      mode: 'snapshot+changes',
      source: {
        namespaces: undefined,
        retention: { limitBytes: null, onLimit: 'keep', warnWithinMs: 14_400_000 },
      },
      target: { create: 'missing' },
      map: {},
      order: 'key',
      lanes: 4,
      writers: 1,
      readers: 2,
      onBadRow: 'stop',
      transforms: [],
      nats: { url: null },
    });
    expect(spec.workers).toBeGreaterThanOrEqual(4);
    expect(spec.workers).toBeLessThanOrEqual(40);
    expect(spec.source.url.reveal()).toBe('pg://a:s3cret@one/shop');
  });

  it('shows no secret when printed', () => {
    const spec = parse(MINIMAL + 'nats: { url: "nats://u:s3cret@h:4222" }');
    expect(
      JSON.stringify(spec) + inspect(spec, { depth: 9 }) + String(spec.source.url),
    ).not.toContain('s3cret');
  });

  it('takes everything the contract lists', () => {
    const spec = parse(`name: shop
mode: snapshot
source:
  url: "pg://one/shop"
  namespaces: [public.orders, "public.item_*"]
  retention: { limit: 50GB, onLimit: stop, warnWithin: 30m }
target: { url: "pg://two/shop", create: never }
map: { public.orders: sales.orders }
order: key
lanes: 64
writers: 40
workers: 12
readers: 4
onBadRow: stop
transforms: []
nats: { url: nats://host:4222 }
`);
    expect(spec).toMatchObject({
      mode: 'snapshot',
      source: {
        namespaces: ['public.orders', 'public.item_*'],
        retention: { limitBytes: 50 * 1024 ** 3, onLimit: 'stop', warnWithinMs: 1_800_000 },
      },
      target: { create: 'never' },
      map: { 'public.orders': 'sales.orders' },
      lanes: 64,
      writers: 40,
      workers: 12,
      readers: 4,
    });
    expect(spec.nats.url?.reveal()).toBe('nats://host:4222');
  });

  it('gives whole transactions one lane, and refuses more with the reason', () => {
    expect(parse(MINIMAL + 'order: transaction')).toMatchObject({ order: 'transaction', lanes: 1 });
    expect(parse(MINIMAL + 'order: transaction\nlanes: 1').lanes).toBe(1);
    expect(problemsOf(MINIMAL + 'order: transaction\nlanes: 8')).toMatch(
      /:7: lanes must be 1 or left out .* one order/,
    );
    expect(problemsOf(MINIMAL + 'order: transaction\nonBadRow: park')).toMatch(/:7: onBadRow must be stop/); // prettier-ignore
  });

  it('takes the NATS server from the environment where it names none', () => {
    const env = { PW: 'x', WEIR_NATS_URL: 'nats://env:4222' };
    expect(parse(MINIMAL, env).nats.url?.reveal()).toBe('nats://env:4222');
    expect(parse(MINIMAL + 'nats: { url: "nats://file:1" }', env).nats.url?.reveal()).toBe(
      'nats://file:1',
    );
    expect(problemsOf(MINIMAL, { PW: 'x', WEIR_NATS_URL: 'http://x' })).toMatch(
      /WEIR_NATS_URL must be nats:/,
    );
  });

  it('refuses to stop at a limit that is not said', () => {
    const retention = '  retention: { onLimit: stop }\n';
    const text = MINIMAL.replace('target:', `${retention}target:`);
    expect(problemsOf(text)).toMatch(/p\.yaml:4: source\.retention\.onLimit is stop, which needs/);
  });

  it('says what becomes of a row that the target refuses', () => {
    expect(parse(MINIMAL).onBadRow).toBe('stop');
    expect(parse(`${MINIMAL}onBadRow: park\n`).onBadRow).toBe('park');
  });

  it('lists all problems at once, each with its line, in order', () => {
    const message = problemsOf(`name: My_Shop
mode: snapshots
source:
  url: http://one/shop
  retention: { limit: 50, onLimit: drop, warnWithin: soon }
target:
  url: my://two/shop
  create: maybe
lanes: 65
writers: 0
readers: two
nmae: x
order: transactional
onBadRow: skip
transforms: [upper]
`);
    expect(message).toBe(`p.yaml has 15 problems:
  p.yaml:1: name must be 1 to 32 of the characters a-z, 0-9 and -
  p.yaml:2: mode must be snapshot+changes, snapshot or changes
  p.yaml:4: source.url must start with pg: or pgsql:
  p.yaml:5: source.retention.limit must be a size in kB, MB, GB or TB, e.g. 50GB
  p.yaml:5: source.retention.onLimit must be keep or stop
  p.yaml:5: source.retention.warnWithin must be a time in s, m, h or d, e.g. 4h
  p.yaml:7: target.url my: is not in this version yet; use pg: or pgsql:
  p.yaml:8: target.create must be missing or never
  p.yaml:9: lanes must be a whole number from 1 to 64
  p.yaml:10: writers must be a whole number from 1 to 40
  p.yaml:11: readers must be a whole number from 1 to 16
  p.yaml:12: nmae is not a key of this file; did you mean name? allowed here: name, mode, source, target, map, types, order, lanes, writers, workers, readers, onBadRow, transforms, transformers, nats
  p.yaml:13: order must be key or transaction
  p.yaml:14: onBadRow must be stop or park
  p.yaml:15: transforms are not known here; leave them out`);
  });

  it('names unknown keys in inner blocks with what is allowed there', () => {
    expect(problemsOf(MINIMAL.replace('source:', 'source:\n  tables: [a]'))).toBe(
      'p.yaml:3: source.tables is not a key of this file; allowed here: url, namespaces, retention, onWaitingDdl',
    );
    expect(problemsOf(MINIMAL + 'nats:\n  ulr: nats://x')).toMatch(/did you mean url\?/);
  });

  it('says what is missing', () => {
    expect(problemsOf('name: a\n')).toMatch(
      /source is missing; it must be a block with the keys url/,
    );
    expect(problemsOf('')).toMatch(/p\.yaml:1: is empty/);
    expect(problemsOf('- a\n- b\n')).toMatch(/must be a block with the keys name, mode/);
    expect(problemsOf(MINIMAL.replace(/ {2}url: .*one.*\n/, '  namespaces: [a]\n'))).toMatch(
      /p\.yaml:2: source\.url is missing; it must be a URL/,
    );
  });

  it('refuses values of the wrong type', () => {
    expect(problemsOf(MINIMAL + 'lanes: 2.5')).toMatch(/:6: lanes must be a whole number/);
    expect(problemsOf(MINIMAL + 'lanes: "8"')).toMatch(/:6: lanes must be a whole number/);
    expect(problemsOf(MINIMAL + 'map: [a]')).toMatch(/:6: map must be pairs/);
    expect(problemsOf(MINIMAL + 'map:\n  a.b: 7')).toMatch(/:7: map\.a\.b must be the name/);
    expect(problemsOf(MINIMAL.replace('name: shop', 'name: 7'))).toMatch(/:1: name must be text/);
    expect(
      problemsOf(MINIMAL.replace('target:', '  namespaces:\n    - ok.a\n    - 7\ntarget:')),
    ).toMatch(/p\.yaml:6: source\.namespaces\.1 must be text/);
    expect(problemsOf(MINIMAL.replace('target:', '  namespaces: []\ntarget:'))).toMatch(
      /:4: source\.namespaces must be a list/,
    );
  });

  it('says where the YAML breaks', () => {
    expect(problemsOf('name: shop\nsource: {url: [\n')).toMatch(/p\.yaml:\d+: is not valid YAML/);
    expect(problemsOf('name: a\nname: b\n')).toMatch(/p\.yaml:2: is not valid YAML: .*unique/);
  });
});

describe('variables in a pipeline file', () => {
  it('are named when missing, and their value is not judged further', () => {
    expect(problemsOf(MINIMAL, {})).toBe(`p.yaml has 2 problems:
  p.yaml:3: source.url needs the environment variable PW, which is not set (write $\${ for a plain "\${")
  p.yaml:5: target.url needs the environment variable PW, which is not set (write $\${ for a plain "\${")`);
  });

  it('may be empty, may be escaped, and must have a name', () => {
    expect(parse(MINIMAL, { PW: '' }).source.url.reveal()).toBe('pg://a:@one/shop');
    expect(parse(MINIMAL + 'map: { a.b: "c.$${x}" }').map).toEqual({ 'a.b': 'c.${x}' });
    expect(problemsOf(MINIMAL + 'map: { a.b: "c.${}" }')).toMatch(/map\.a\.b has a "\$\{" without/);
  });

  it('work in lists and for numbers', () => {
    const text = MINIMAL.replace('target:', '  namespaces: ["${NS}.orders"]\ntarget:');
    const spec = parse(text + 'writers: ${N}', { PW: 'x', NS: 'public', N: '3' });
    expect(spec.source.namespaces).toEqual(['public.orders']);
    expect(spec.writers).toBe(3);
  });

  it('are not expanded a second time', () => {
    expect(parse(MINIMAL, { PW: '%24{PW}' }).source.url.reveal()).toContain('%24{PW}');
  });
});

describe('URLs in a pipeline file', () => {
  for (const password of ['s3cret%zz', 's3cret%', 's3cret/x', '12#s3cret', '12?s3cret', '1/s3cret'])
    it(`name the encoding of a password like ${password} without showing it`, () => {
      const message = problemsOf(MINIMAL, { PW: password });
      expect(message).toMatch(/source\.url .*percent-encode/);
      expect(message).not.toContain('s3cret');
    });

  it('must not name the same database twice', () => {
    const same = (a: string, b: string) =>
      `name: a\nsource: { url: "${a}" }\ntarget: { url: "${b}" }\n`;
    expect(problemsOf(same('pg://u@localhost/a', 'pgsql://v@127.0.0.1:5432/a'))).toMatch(
      /p\.yaml:3: target\.url is the same database as source\.url/,
    );
    expect(parse(same('pg://localhost:1/a', 'pg://localhost:2/a')).name).toBe('a');
    expect(parse(same('pg://localhost/a', 'pg://localhost/b')).name).toBe('a');
  });
});

describe('the map of a pipeline file', () => {
  it('sends each namespace to a place of its own', () => {
    expect(problemsOf(MINIMAL + 'map: { a.x: s.t, a.y: s.t }')).toMatch(
      /map\.a\.y goes to s\.t, and so does a\.x/,
    );
    expect(problemsOf(MINIMAL + 'map: { "a.*": s.t }')).toMatch(/must name one namespace/);
    const listed = MINIMAL.replace('target:', '  namespaces: [a.x, s.t]\ntarget:');
    expect(problemsOf(listed + 'map: { a.x: s.t }')).toMatch(
      /where s\.t of the source goes already/,
    );
    expect(parse(listed + 'map: { a.x: s.t, s.t: a.x }').map).toEqual({
      'a.x': 's.t',
      's.t': 'a.x',
    });
  });
});
