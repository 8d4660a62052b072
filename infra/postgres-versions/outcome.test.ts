import { expect, test } from 'vitest';
import { countOutcomes, leftOut, printTable, readReport } from './outcome.mjs';

const report = JSON.stringify({
  testResults: [
    {
      name: '/weir/test/a.test.ts',
      status: 'failed',
      assertionResults: [
        { status: 'passed', title: 'one' },
        { status: 'failed', title: 'two' },
      ],
    },
    { name: '/weir/test/b.test.ts', status: 'failed', assertionResults: [] },
  ],
});

test('the table shows what passed of each file on each version, and a file that did not begin has failed', () => {
  const outcomes = readReport(report, '/weir');
  const others = [{ file: 'test/a.test.ts', passed: 2, failed: [] }];
  expect(
    printTable([
      { name: '13', outcomes },
      { name: '18', outcomes: others },
    ]),
  ).toBe('                13   18\ntest/a.test.ts  1/2  2/2\ntest/b.test.ts  0/1\n');
  expect(countOutcomes([...outcomes, ...others])).toEqual({ passed: 3, failed: 2 });
});

test('what tests left out is told once', () => {
  const line = 'left out on PostgreSQL 13: v_multirange (from 14 on)';
  expect(leftOut(`x\n${line}\n${line}\ny`)).toEqual([line]);
});
