import { expect, it } from 'vitest';
import { parsePipelineFile } from '../../shared/config/pipeline-file.ts';
import { readTransforms } from './read-transforms.ts';

const HEAD = `name: t
source: { url: "db://a/x" }
target: { url: "db://b/x" }
transforms:
`;
const parse = (steps: string) =>
  parsePipelineFile(HEAD + steps, {
    file: 'p.yaml',
    env: { LAND: 'DE' },
    schemes: { db: { connector: 'db' } },
    readTransforms,
  });

it('the steps of a pipeline file are read in their order, with the environment in them', () => {
  const { transforms, transformers } = parse(`
  - on: ["public.*"]
    drop: [note]
  - set: { land: "\${LAND}" }
`);
  expect(transformers).toBe(1);
  expect(transforms).toEqual([
    { kind: 'drop', on: ['public.*'], settings: ['note'] },
    { kind: 'set', on: undefined, settings: { land: 'DE' } },
  ]);
});

it.each([
  ['  - drp: [note]', 'p.yaml:5: transforms.0.drp is not a step; did you mean drop?'],
  ['  - drop: note', 'p.yaml:5: transforms.0.drop must be a list of fields'],
  ['  - on: x\n    drop: [a]', 'p.yaml:5: transforms.0.on must be a list of namespaces or globs'],
  ['  - drop: [a]\n    keep: [b]', 'p.yaml:6: transforms.0.keep stands beside drop'],
  [
    '  - filter: "row.a =="',
    'p.yaml:5: transforms.0.filter is not an expression: Unexpected token',
  ],
  ['  - filter: "rows.a"', 'transforms.0.filter is not an expression: Unknown variable: rows'],
  [
    '  - set:\n      a: 1\n      b: { cel: "1 +" }',
    'p.yaml:7: transforms.0.set.b.cel is not an expression',
  ],
  ['  - tokenize: { fields: [a], key: abc }', 'transforms.0.tokenize'],
  ['  - 5', 'p.yaml:5: transforms.0 must be a step such as'],
  ['  - {}', 'p.yaml:5: transforms.0 has no step'],
  ['  - set: { a: "${NOPE}" }', 'p.yaml:5: transforms.0.set.a needs the environment variable NOPE'],
])('what is wrong is told with its line and key: %s', (steps, message) => {
  expect(() => parse(steps)).toThrow(message);
});

it('several problems are told at once', () => {
  expect(() => parse('  - drp: [a]\n  - filter: 3\n')).toThrow(/has 2 problems/);
});
