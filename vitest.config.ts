import { defineConfig } from 'vitest/config';
import { SecondTries } from './test/support/second-tries.ts';

/** Minutes each: `npm run test:long`, `npm run faults:long`. */
function longTests(project: string): string[] {
  return process.env['WEIR_LONG_TESTS'] === undefined ? [] : [`test/${project}/**/*.long.ts`];
}

/**
 * Tests of real processes under kills share two cores there with each other: one that fails runs once more, and the
 * report says so. At home it fails at once.
 */
const retry = process.env['CI'] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    reporters: ['default', new SecondTries()],
    // Each file has servers of its own, and most of them wait more than they work.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          // Some look at many inputs; no test is about time.
          testTimeout: 30_000,
          include: [
            'proto/**/*.test.ts',
            'shared/**/*.test.ts',
            'services/**/*.test.ts',
            'infra/**/*.test.ts',
            'test/faults/mutate/*.test.ts',
            'test/hunt/*/**/*.test.ts',
            'test/hunt/shrink.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: [
            'test/integration/**/*.test.ts',
            'test/conformance/*.test.ts',
            ...longTests('integration'),
          ],
          testTimeout: 120_000,
          retry,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'cases',
          include: ['test/cases/**/*.test.ts'],
          testTimeout: 300_000,
          retry,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'hunt',
          include: ['test/hunt/hunt.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', ...longTests('e2e')],
          testTimeout: 300_000,
          retry,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/*.test.ts', ...longTests('faults')],
          testTimeout: 300_000,
          retry,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
