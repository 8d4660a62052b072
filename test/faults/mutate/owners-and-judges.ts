import type { Mutation } from './mutation.ts';

/** What two owners of a lane do to each other, what a service says when it gives up, and who judges all this. */
export const OWNERS_AND_JUDGES: readonly Mutation[] = [
  {
    name: 'a check tells of state that it may not read',
    edits: [
      {
        file: 'services/preflight/known-pipeline.ts',
        find: 'findings: isTold ? [] : [finding]',
        replace: 'findings: isTold || finding.code === "STATE_REFUSED" ? [] : [finding]',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a consumer that another owner has removed is no error',
    edits: [
      {
        file: 'shared/hub/streams.ts',
        find: 'if (isNotFound(error, CONSUMER_NOT_FOUND) || isNotFound(error, STREAM_NOT_FOUND)) return;',
        replace: '',
      },
    ],
    tests: ['test/integration/lane.test.ts'],
  },
  {
    name: 'a service that gives up has the code in its log',
    edits: [
      {
        file: 'shared/lifecycle/run-service.ts',
        find: "        log.error({ code: error.code }, 'service gave up');\n",
        replace: '',
      },
    ],
    tests: ['--project', 'unit', 'shared/lifecycle'],
  },
  {
    name: 'the judge of random databases counts equal lines',
    edits: [
      {
        file: 'test/hunt/judge/compare-dumps.ts',
        find: 'counts.set(line, (counts.get(line) ?? 0) + 1)',
        replace: 'counts.set(line, 1)',
      },
    ],
    tests: ['--project', 'unit', 'test/hunt/judge'],
  },
];
