import type { Mutation } from './mutation.ts';

const DATASYNC = 'shared/datasync';

/** What the contract of `@weir/datasync` rests on. */
export const DATASYNC_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no change is given before RESYNC is done',
    edits: [
      {
        file: `${DATASYNC}/subscription.ts`,
        find: "return this.#phase === 'open' && this.#verified;",
        replace: "return this.#phase !== 'closed' && this.#phase !== 'fresh';",
      },
    ],
    tests: ['test/integration/datasync-conformance.test.ts'],
  },
  {
    name: 'an answer of an epoch that is over counts for nothing',
    edits: [
      {
        file: `${DATASYNC}/handler-call.ts`,
        find: "const counted: Outcome = epoch.aborted ? { is: 'fenced', settled } : outcome;",
        replace: 'const counted: Outcome = await returned;',
      },
    ],
    tests: ['test/integration/datasync-traps.test.ts'],
  },
  {
    name: 'what waits when a snapshot arrives counts as given',
    edits: [
      {
        file: `${DATASYNC}/subscription.ts`,
        find: '    this.#host.state.touch(forgotten.map(({ key }) => key));\n    this.#host.resyncBegins(cause);',
        replace: '    void forgotten;\n    this.#host.resyncBegins(cause);',
      },
    ],
    tests: ['test/integration/datasync-traps.test.ts'],
  },
  {
    name: 'a watch goes on only from behind the horizon of its store',
    edits: [
      {
        file: `${DATASYNC}/local/local-transport.ts`,
        find: "at.revision < this.#store.horizon ? 'compacted' : undefined",
        replace: "at.revision < 0n ? 'compacted' : undefined",
      },
    ],
    tests: ['test/integration/datasync-conformance.test.ts'],
  },
  {
    name: 'a bucket whose horizon nobody knows is compared key by key',
    edits: [
      {
        file: `${DATASYNC}/nats/key-list.ts`,
        find: "if (has.revision <= list.asOf) missed = 'compacted';",
        replace: "if (has.revision > list.asOf) missed = 'compacted';",
      },
    ],
    tests: ['test/integration/datasync-conformance.test.ts'],
  },
  {
    name: 'previous is what was answered, not what the store had',
    edits: [
      {
        file: `${DATASYNC}/change-dispatcher.ts`,
        find: '    state.touch(work.entries.map(({ key }) => key));\n    const attempt',
        replace:
          '    for (const { key, revision, stamp, value } of work.entries)\n      if (value !== undefined) state.answer(key, { revision, stamp, value });\n    const attempt',
      },
    ],
    tests: ['test/integration/datasync-conformance.test.ts'],
  },
  {
    name: 'silence of a handler is a failure',
    edits: [
      {
        file: `${DATASYNC}/change-dispatcher.ts`,
        find: "      case 'overdue':\n        await this.#awaitStuck(work, outcome.settled);\n        return {",
        replace:
          "      case 'overdue':\n        this.#answered(work, given, 0);\n        return { is: 'answered' };\n        return {",
      },
    ],
    tests: ['test/integration/datasync-conformance.test.ts'],
  },
  {
    name: 'a watch that passed over revisions unseen looks at all keys afterwards',
    edits: [
      {
        file: `${DATASYNC}/nats/kv-feed.ts`,
        find: 'if (upTo > this.#at!.revision) this.#mustAudit = true;',
        replace: 'if (upTo < 0n) this.#mustAudit = true;',
      },
    ],
    tests: ['test/integration/datasync-nats.test.ts'],
  },
  {
    name: 'revisions of deletes before a RESYNC count no more',
    edits: [
      {
        file: `${DATASYNC}/resync-run.ts`,
        find: '    state.forgetRemoved(prefixes);\n',
        replace: '',
      },
    ],
    tests: ['test/integration/datasync-traps.test.ts'],
  },
];
