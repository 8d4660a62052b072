import type { Mutation } from './mutation.ts';

const LEDGER = 'test/integration/ledger.test.ts';
const STORED = 'test/integration/stored-state.test.ts';
const CONFORMANCE = 'test/conformance/sink.test.ts';

/** What keeps a pipeline's state right, whatever the store. */
export const STORED_STATE: readonly Mutation[] = [
  {
    name: 'state of a newer version is refused',
    edits: [
      {
        file: 'shared/state/state-version.ts',
        find: 'pipeline.version <= STATE_VERSION) return;',
        replace: 'pipeline.version > 0) return;',
      },
    ],
    tests: [LEDGER, STORED],
  },
  {
    name: 'marks of chunks that the first versions made are found',
    edits: [
      {
        file: 'shared/ledger/chunk-marks.ts',
        find: 'of [path.join(this.#folder, shardOf(id)), this.#folder])',
        replace: 'of [path.join(this.#folder, shardOf(id))])',
      },
    ],
    tests: [STORED],
  },
  {
    name: 'a step over several files is done once in each',
    edits: [
      {
        file: 'shared/ledger/folder-state.ts',
        find: '(file.step ?? 0) >= step',
        replace: '(file.step ?? 0) > step',
      },
    ],
    tests: [LEDGER],
  },
  {
    name: 'a step that was left over several files is carried through',
    edits: [
      {
        file: 'shared/ledger/folder-state.ts',
        find: 'await this.#finish(lane, changes, step);',
        replace: '{ void lane; void changes; }',
      },
    ],
    tests: [LEDGER],
  },
  {
    name: 'a lane is opened as it was found',
    edits: [
      {
        file: 'shared/state/lane-steps.ts',
        find: 'const expect = { epoch, readerEpoch, sequence, position };',
        replace: 'const expect = { epoch };',
      },
    ],
    tests: ['shared/state/lane-steps.test.ts'],
  },
  {
    name: 'a barrier is carried out by the owner of its lane only',
    edits: [
      {
        file: 'shared/state/sink-over.ts',
        find: 'const { parked } = await pipeline.requireLane(batch);\n      if (barrier',
        replace: 'const parked = false;\n      if (barrier',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'what ends a transaction is done outside of it',
    edits: [
      {
        file: 'shared/state/sink-over.ts',
        find: "else if (ddl === 'apart') return",
        replace: "else if (ddl !== 'apart') return",
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'rows and progress are one where the store has a transaction for both',
    edits: [
      {
        file: 'shared/state/sink-over.ts',
        find: '          if (!(await new StoredPipeline(inside.state).moveFlowing(batch))) return false;\n          await inside.rows.apply(batch);',
        replace:
          '          await inside.rows.apply(batch);\n          await new StoredPipeline(inside.state).moveFlowing(batch);',
      },
    ],
    tests: [CONFORMANCE],
  },
  {
    name: 'a command leaves what an earlier version stored in its form',
    edits: [
      {
        file: 'services/connectors/postgres/sink/state/postgres-state.ts',
        find: 'const isEarlier = this.#keepsStoredForm && ',
        replace: 'const isEarlier = false && ',
      },
    ],
    tests: ['test/integration/stored-state.test.ts'],
  },
];
