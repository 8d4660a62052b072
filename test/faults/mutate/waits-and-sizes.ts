import type { Mutation } from './mutation.ts';

/** What keeps a service from waiting for ever, and a large row from stopping it. */
export const WAITS_AND_SIZES: readonly Mutation[] = [
  {
    name: 'a command passes over a NATS server of a run that has just ended',
    edits: [
      {
        file: 'services/supervisor/known-servers.ts',
        find: "if (error.code !== 'UNREACHABLE') throw error;",
        replace: 'if (failures.length === 0) throw error;',
      },
    ],
    tests: ['test/e2e/lifecycle.test.ts'],
  },
  {
    name: 'leases are listed by a question that has an answer',
    edits: [
      {
        file: 'shared/hub/leases.ts',
        find: "    const { state } = await this.#inTime('listing leases', ({ name, jsm }) =>\n",
        replace: `    const listed: string[] = [];
    for await (const key of await this.#bucket.kv.keys()) listed.push(key);
    if (!Number.isNaN(listed.length)) return listed;
    const { state } = await this.#inTime('listing leases', ({ name, jsm }) =>
`,
      },
    ],
    tests: ['test/integration/leases.test.ts'],
  },
  {
    name: 'leases that expired, and that nobody took, are taken again',
    edits: [
      {
        file: 'shared/hub/leases.ts',
        find: 'if (isLost(error)) return this.#regain(key);',
        replace: "if (isLost(error)) return 'lost';",
      },
    ],
    tests: ['test/integration/leases.test.ts'],
  },
  {
    name: 'leases are renewed all at once',
    edits: [
      {
        file: 'shared/hub/lane-owner.ts',
        find: '    const [, ...renewals] = await Promise.all([\n',
        replace:
          '    for (const [lane] of owned) await this.#leases.renew(this.#leaseKey(lane));\n    const [, ...renewals] = await Promise.all([\n',
      },
    ],
    tests: ['test/integration/lane-owner.test.ts'],
  },
  {
    name: 'leases are renewed whatever their owner waits for',
    edits: [
      {
        file: 'shared/hub/lane-owner.ts',
        find: '[(s) => this.#keepLeases(s), (s) => this.#share(s)]',
        replace: '[(s) => this.#share(s)]',
      },
      {
        file: 'shared/hub/lane-owner.ts',
        find: '      const moved = await this.#round();\n',
        replace: '      await this.#renew();\n      const moved = await this.#round();\n',
      },
      {
        file: 'shared/hub/lane-owner.ts',
        find: '      for (const lane of given) detach(this.#giveUp(lane), ignoreFailure);\n',
        replace: '      for (const lane of given) await this.#giveUp(lane);\n',
      },
    ],
    tests: ['test/integration/lane-owner.test.ts'],
  },
  {
    name: 'an owner goes on while the broker does not answer',
    edits: [
      {
        file: 'shared/hub/leases.ts',
        find: '    if (!error.retryable) throw error;\n',
        replace: '    if (error.retryable) throw error;\n',
      },
    ],
    tests: ['test/integration/lane-owner.test.ts'],
  },
  {
    name: 'what is left of a large value is joined in memory that doubles',
    edits: [
      {
        file: 'shared/codec/joined-bytes.ts',
        find: 'allocUnsafeSlow(2 * (kept + piece.length))',
        replace: 'allocUnsafeSlow(kept + piece.length)',
      },
    ],
    tests: ['shared/codec/joined-bytes.test.ts'],
  },
  {
    name: 'the parts of a frame are taken in their order only',
    edits: [
      {
        file: 'shared/hub/frame-parts.ts',
        find: 'index === this.replies.length && ',
        replace: '',
      },
    ],
    tests: ['shared/hub/frame-parts.test.ts'],
  },
  {
    name: 'no more of a large frame is on its way than the window',
    edits: [
      {
        file: 'shared/hub/lane-publisher.ts',
        find: ' && this.#sentBytes < windowBytes) {',
        replace: ' && windowBytes > 0) {',
      },
    ],
    tests: ['shared/hub/lane-publisher.test.ts'],
  },
  {
    name: 'a row that no lane carries is refused by its name',
    edits: [
      {
        file: 'services/source-reader/lane-writer.ts',
        find: '    this.#requireRoom(relation, key, recordLength(key, row));\n',
        replace: '',
      },
    ],
    tests: ['services/source-reader/lane-writer.test.ts', 'test/cases/large-rows.test.ts'],
  },
  {
    name: 'a session at rest whose answer does not come is ended',
    edits: [
      {
        file: 'services/connectors/postgres/connection/session-watch.ts',
        find: "session.end('the answer of the server was lost')",
        replace: 'session.atRest = 0',
      },
    ],
    tests: ['test/integration/postgres-waits.test.ts'],
  },
  {
    name: 'a session that its server does not know any more is ended',
    edits: [
      {
        file: 'services/connectors/postgres/connection/session-watch.ts',
        find: "session.end('the server does not know it any more')",
        replace: 'session.atRest = 0',
      },
    ],
    tests: ['test/integration/postgres-waits.test.ts'],
  },
  {
    name: 'the sessions of a server that lets nobody in are ended',
    edits: [
      {
        file: 'services/connectors/postgres/connection/session-watch.ts',
        find: "for (const session of silent) session.end('the server does not answer any more');",
        replace: 'for (const session of silent) session.atRest = 0;',
      },
    ],
    tests: ['test/integration/postgres-waits.test.ts'],
  },
  {
    name: 'whoever waits for a lock tells who holds it',
    edits: [
      {
        file: 'services/connectors/postgres/connection/session-watch.ts',
        find: 'else if (activity.holders.length > 0) waiting.push(activity);',
        replace: 'else if (activity.holders.length < 0) waiting.push(activity);',
      },
    ],
    tests: ['test/integration/postgres-waits.test.ts'],
  },
  {
    name: 'a writer touches no lane before a reader has made those of its broker',
    edits: [
      {
        file: 'services/target-writer/target-writer.ts',
        find: 'if (state !== null && (await lastSequenceOf(hub.control, first)) !== null)',
        replace: "if (state !== null && first !== '')",
      },
    ],
    tests: ['test/cases/second-run.test.ts'],
  },
  {
    name: 'a second run looks for a reader before it starts anything',
    edits: [
      {
        file: 'services/cli/commands/run.ts',
        find: '  if (!(await isReaderLeased(hub, pipeline))) return;',
        replace: '  if (await isReaderLeased(hub, pipeline)) return;',
      },
    ],
    tests: ['test/cases/second-run.test.ts'],
  },
  {
    name: 'what a disk refuses is no defect, and tried again',
    edits: [
      {
        file: 'shared/errors/file-problem.ts',
        find: 'if (reason === undefined) return null;',
        replace: "if (reason === undefined || code === 'ENOSPC') return null;",
      },
    ],
    tests: ['test/cases/disks.test.ts'],
  },
];
