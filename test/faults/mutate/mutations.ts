import type { Mutation } from './mutation.ts';
import { COPY_AND_SLOT } from './copy-and-slot.ts';
import { MYSQL } from './mysql.ts';
import { DATASYNC_MUTATIONS } from './datasync.ts';
import { STRUCTURE } from './structure.ts';
import { SETTINGS_AND_REFUSALS } from './settings-and-refusals.ts';
import { LANES_AND_KEYS } from './lanes-and-keys.ts';
import { FROM_OUTSIDE } from './from-outside.ts';
import { OWNERS_AND_JUDGES } from './owners-and-judges.ts';
import { QUARANTINE_MUTATIONS } from './quarantine.ts';
import { STORED_STATE } from './stored-state.ts';
import { TYPES_AND_SHAPES } from './types-and-shapes.ts';
import { WAITS_AND_SIZES } from './waits-and-sizes.ts';

const POSTGRES = 'services/connectors/postgres';

export const MUTATIONS: readonly Mutation[] = [
  ...COPY_AND_SLOT,
  ...STRUCTURE,
  ...SETTINGS_AND_REFUSALS,
  ...WAITS_AND_SIZES,
  ...DATASYNC_MUTATIONS,
  ...MYSQL,
  ...LANES_AND_KEYS,
  ...FROM_OUTSIDE,
  ...OWNERS_AND_JUDGES,
  ...STORED_STATE,
  ...QUARANTINE_MUTATIONS,
  ...TYPES_AND_SHAPES,
  {
    name: 'a lane moves by compare-and-set',
    edits: [
      {
        file: `${POSTGRES}/sink/state/state-statements.ts`,
        find: '    ...equalities(table, expect, put),\n    ...(oneOf === undefined ? [] : [isOneOf(table, oneOf, put)]),\n',
        replace: '',
      },
    ],
    tests: ['test/faults/stalled-writer.test.ts', 'test/faults/network.test.ts'],
  },
  {
    name: 'where a lane does not move, nothing is done of what was sent behind it',
    edits: [
      {
        file: `${POSTGRES}/sink/state/lane-progress.ts`,
        find: 'SELECT 1 / count(*) FROM moved',
        replace: 'SELECT count(*) FROM moved',
      },
    ],
    tests: ['test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'frames are acknowledged after their commit',
    edits: [
      {
        file: 'services/target-writer/change-lane.ts',
        find: '    this.#batch.add(frame, delivery.replies, relations.intern);\n',
        replace:
          '    this.#batch.add(frame, delivery.replies, relations.intern);\n    this.#consumer.acknowledge(delivery.replies);\n',
      },
    ],
    tests: ['test/faults/killed-services.test.ts'],
  },
  {
    name: 'each frame expects the one before it at the broker',
    edits: [
      {
        file: 'shared/hub/lane-publisher.ts',
        find: "      h.set('Nats-Expected-Last-Sequence', String(this.#lastSequence + this.#unsent));\n",
        replace: '',
      },
    ],
    tests: ['test/faults/back-pressure.test.ts', 'test/integration/lane.test.ts'],
  },
  {
    name: 'a gap in a lane stops it',
    edits: [
      {
        file: 'services/target-writer/sequencer.ts',
        find: 'if (frame.sequence !== expected)',
        replace: 'if (frame.sequence < expected)',
      },
    ],
    tests: ['test/faults/broker.test.ts'],
  },
  {
    name: 'the source forgets only what the target has committed',
    edits: [
      {
        file: 'services/source-reader/reader-epoch.ts',
        find: 's, async () => this.#router.advanceIdleLanes()),',
        replace: `s, async () => {
          this.#router.advanceIdleLanes();
          const head = await this.#session.head();
          if (head !== null) this.#session.release(head);
        }),`,
      },
    ],
    tests: ['test/faults/killed-services.test.ts', 'test/faults/broker.test.ts'],
  },
  {
    name: 'changes wait for the copy of their table',
    edits: [
      {
        file: 'services/target-writer/gate.ts',
        find: 'return namespaces.every((namespace) => last <= (this.#limits.get(namespace) ?? FIRST_POSITION));',
        replace: 'return namespaces.length >= 0 || last > FIRST_POSITION;',
      },
    ],
    tests: ['test/faults/copy.test.ts', 'test/e2e/copy-then-follow.test.ts'],
  },
  {
    name: 'later changes of a parked key wait behind it',
    edits: [
      {
        file: `${POSTGRES}/sink/state/lane-progress.ts`,
        find: "' AND NOT parked'",
        replace: "''",
      },
    ],
    tests: ['test/integration/postgres-parking.test.ts'],
  },
  {
    name: 'frames of an earlier reader are refused once another has begun',
    edits: [
      {
        file: 'shared/state/lane-steps.ts',
        find: 'if (readerEpoch >= begun) return null;',
        replace: 'if (readerEpoch >= 0) return null;',
      },
    ],
    tests: ['test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'a chunk is loaded without waiting for anything else',
    edits: [
      {
        file: 'services/target-writer/chunk-lane.ts',
        find: '      const startedAtMs = performance.now();\n',
        replace:
          '      const startedAtMs = performance.now();\n      await pause(6_000, signal);\n',
      },
    ],
    tests: ['test/e2e/speed.test.ts'],
  },
  {
    name: 'changes are committed without waiting for anything else',
    edits: [
      {
        file: 'services/target-writer/change-lane.ts',
        find: "    failpoint('changes-ready');\n",
        replace:
          "    await pause(2_000, AbortSignal.timeout(60_000));\n    failpoint('changes-ready');\n",
      },
    ],
    tests: ['test/e2e/speed.test.ts'],
  },
  {
    name: "the catalog is looked at before the log's end is told",
    edits: [
      {
        file: `${POSTGRES}/source/source-session.ts`,
        find: '    if (this.#released !== null) await this.#look();\n',
        replace: '',
      },
    ],
    tests: ['test/cases/structure-changes.test.ts'],
  },
];
