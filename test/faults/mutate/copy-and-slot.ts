import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';

/** What keeps a copy whole while its tables change, and a slot for the target that it was made for. */
export const COPY_AND_SLOT: readonly Mutation[] = [
  {
    name: "a check says that the slot is another target's",
    edits: [
      {
        file: `${POSTGRES}/source/own-slot.ts`,
        find: "await requireUnowned(control, pipeline, slot, owner ?? '');",
        replace: 'if (owner !== undefined) await requireUnowned(control, pipeline, slot, owner);',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a table that was written anew after the snapshot is not read under it',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/leaf-stamp.ts`,
        find: 'if (isMoved && before.made !== now.made) throw writtenAnew',
        replace: 'if (now.fileNode < 0) throw writtenAnew',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a part of a table is not read where its rows are on other pages than in the snapshot',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/snapshot-readers.ts`,
        find: 'return isWhole(cursor);',
        replace: 'return cursor.fromPage >= 0;',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a table is read as empty only where the stream tells that it was emptied',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/snapshot-readers.ts`,
        find: 'return isTable && this.#options.isFollowed;',
        replace: 'return isTable || !this.#options.isFollowed || isTable === null;',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a part of a table that is emptied all the time is copied all the same',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/snapshot-readers.ts`,
        find: 'if (!(await this.#isEmpty(client, cursor))) return',
        replace: 'if (isWhole(cursor) !== (await this.#isEmpty(client, cursor))) return',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a table whose columns changed places is not read under an older snapshot',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/leaf-stamp.ts`,
        find: 'before.columns[name] !== now.columns[name]',
        replace: 'before.columns[name] === undefined',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a copy that goes on reads a table as a whole that was written anew',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/copy-plan.ts`,
        find: 'missing.some(({ cursor }) => cursor.fileNode !== leaf.fileNode)',
        replace: 'missing.some(({ cursor }) => cursor.fileNode === null)',
      },
    ],
    tests: ['test/cases/copied-tables.test.ts'],
  },
  {
    name: 'a table is locked for no longer than a chunk of it is read',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/snapshot-readers.ts`,
        find: '      await unlockLeaf(client);\n',
        replace: '      await Promise.resolve(unlockLeaf);\n',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'a reader that gets rid of nothing gives way to who waits for its table',
    edits: [
      {
        file: `${POSTGRES}/source/source-session.ts`,
        find: 'if (late !== undefined) readers.giveWay(late.sentence);',
        replace: 'if (late === null) readers.giveWay(late);',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'where a statement waits for the copy, the one connection that has the locks reads on',
    edits: [
      {
        file: `${POSTGRES}/source/snapshot/snapshot-readers.ts`,
        find: 'this.#holder === null ? undefined : await this.#takeHolder(signal)',
        replace: 'this.#holder === null ? await this.#takeHolder(signal) : undefined',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'what is waited for is told',
    edits: [
      {
        file: `${POSTGRES}/source/lock-watch.ts`,
        find: 'waits.filter(({ id }) => this.#seen.has(id))',
        replace: 'waits.filter(({ id }) => !this.#seen.has(id) && id === null)',
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'no table is held while a lock on another is waited for',
    edits: [
      {
        file: `${POSTGRES}/connection/retry-on-lock-timeout.ts`,
        find: "const LOCK_TIMEOUT = '3s';",
        replace: "const LOCK_TIMEOUT = '0';",
      },
    ],
    tests: ['test/cases/locks-and-waits.test.ts'],
  },
  {
    name: 'an empty target does not get the slot of another one',
    edits: [
      {
        file: `${POSTGRES}/source/slot-owner.ts`,
        find: "if (noted?.state === 'new' || noted?.owner === owner) return;",
        replace: 'if (noted !== undefined) return;',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a target follows only the slot that was made for it',
    edits: [
      {
        file: `${POSTGRES}/source/slot-owner.ts`,
        find: 'if (noted === null || noted.owner === owner) return;',
        replace: 'if (noted !== undefined) return;',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a slot is kept from the first row that is read',
    edits: [
      {
        file: `${POSTGRES}/source/source-session.ts`,
        find: 'if (newOwner === null) return Promise.resolve();',
        replace: 'if (newOwner !== undefined) return Promise.resolve();',
      },
    ],
    tests: ['test/cases/slot-owner.test.ts'],
  },
  {
    name: 'a chunk that the ledger has is not loaded again',
    edits: [
      {
        file: 'shared/state/chunk-steps.ts',
        find: "  if (done) return 'present';\n",
        replace: '',
      },
      {
        file: 'shared/state/chunk-steps.ts',
        find: 'expect: { done: false }',
        replace: 'expect: {}',
      },
    ],
    tests: ['test/faults/copy.test.ts', 'test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'rows of a later snapshot wait until the lanes have come to it',
    edits: [
      {
        file: 'shared/state/chunk-steps.ts',
        find: ' && settled <= least ?',
        replace: ' ?',
      },
    ],
    tests: ['test/faults/copy.test.ts'],
  },
  {
    name: 'a chunk that was written while another reader began is not listed',
    edits: [
      {
        file: 'shared/state/stored-pipeline.ts',
        find: "    await write();\n    if ((await this.#readerEpoch()) !== before) return 'unwanted';\n",
        replace: '    await write();\n',
      },
      {
        file: 'shared/state/stored-pipeline.ts',
        find: "    if ((await this.#readerEpoch()) !== before) return 'unwanted';\n    await list?.();\n",
        replace: '    await list?.();\n',
      },
    ],
    tests: ['test/integration/file-sink.test.ts', 'test/integration/ledger.test.ts'],
  },
  {
    name: 'a chunk that comes to the target while its lane is looked at is not taken for lost',
    edits: [
      {
        file: 'services/source-reader/snapshot-copier.ts',
        find: '      if (this.#sent.get(id) !== sent) continue;\n',
        replace: '',
      },
    ],
    tests: ['services/source-reader/snapshot-copier.test.ts'],
  },
  {
    name: 'a folder of marks that was made anew is read anew',
    edits: [
      {
        file: 'shared/ledger/chunk-marks.ts',
        find: 'known !== undefined && known.changedMs === changedMs',
        replace: 'known !== undefined',
      },
    ],
    tests: ['test/integration/ledger.test.ts'],
  },
  {
    name: 'a target that holds rows is taken where nothing is copied',
    edits: [
      {
        file: 'services/wiring/pipeline-ends.ts',
        find: "copies: mode !== 'changes',",
        replace: "copies: mode !== 'snapshot',",
      },
    ],
    tests: ['test/cases/modes.test.ts'],
  },
];
