import { expect, it } from 'vitest';
import { parseLabels } from './labels.ts';

it.each([
  ["enum('a','b')", ['a', 'b']],
  ["set('')", ['']],
  ["enum('it''s','''','''''')", ["it's", "'", "''"]],
  [String.raw`enum('a\\b','c\nd','\\')`, ['a\\b', 'c\nd', '\\']],
  ["enum('a,b','(c)')", ['a,b', '(c)']],
])('%s', (text, labels) => {
  expect(parseLabels(text)).toEqual(labels);
});

it('a label that the catalog may have shown wrong is refused', () => {
  expect(() => parseLabels("enum('a','why?')")).toThrow('make the column a varchar');
});
