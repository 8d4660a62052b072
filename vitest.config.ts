import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Each file has servers of its own, and most of them wait more than they work.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'proto/**/*.test.ts',
            'shared/**/*.test.ts',
            'services/**/*.test.ts',
            'infra/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: [
            'test/faults/**/*.test.ts',
            // Minutes each: `npm run faults:long`.
            ...(process.env['WEIR_LONG_FAULTS'] === undefined ? [] : ['test/faults/**/*.long.ts']),
          ],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
