import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';
const CASES = 'test/cases/input-from-outside.test.ts';
const SERVED = 'test/integration/postgres-served.test.ts';

/** What keeps input from outside from ending anything or being taken for what it is not. */
export const FROM_OUTSIDE: readonly Mutation[] = [
  {
    name: 'messages on the bus come as what their schema says, or not at all',
    edits: [
      {
        file: 'shared/hub/listen.ts',
        find: '      const parsed = parseMessage(message.data, schema);\n',
        replace:
          '      const parsed = { value: JSON.parse(message.string()) as T } as\n        { value: T } | { reason: string };\n',
      },
    ],
    tests: [CASES],
  },
  {
    name: 'a message of another version of the protocol is none of ours',
    edits: [
      {
        file: 'shared/hub/message.ts',
        find: '  if (version !== PROTOCOL)',
        replace: '  if (version > PROTOCOL && version < PROTOCOL)',
      },
    ],
    tests: ['shared/hub/message.test.ts'],
  },
  {
    name: 'a frame says what frames say',
    edits: [
      {
        file: 'shared/change/frame-body.ts',
        find: 'if (parsed.success) return parsed.data;',
        replace: 'if (parsed.success || json !== "") return fromJson(json) as FrameBody;',
      },
    ],
    tests: ['shared/change/frame.test.ts'],
  },
  {
    name: 'what a state folder refused is noted later',
    edits: [
      {
        file: 'services/control/fleet.ts',
        find: 'await library.note(pipeline.name, { runsHere });',
        replace: 'await library.remember(pipeline.name, { runsHere });',
      },
    ],
    tests: ['test/integration/control-api.test.ts'],
  },
  {
    name: 'text is looked at before it is taken for a value of its column',
    edits: [
      {
        file: 'shared/document/to-document.ts',
        find: 'if (field.inner.isCanonical(bytes, from, to))',
        replace: "if (field.inner.isCanonical(bytes, from, to) || field.kind === 'integer')",
      },
    ],
    tests: [CASES],
  },
  {
    name: 'names in map and transforms that match nothing are refused by whoever makes the plan',
    edits: [
      {
        file: 'services/source-reader/reader-epoch.ts',
        find: 'if (plan === null) refuseUnmatched(',
        replace: 'if (plan === null && signal.aborted) refuseUnmatched(',
      },
    ],
    tests: [CASES],
  },
  {
    name: 'a namespace without rows has a partition',
    edits: [
      {
        file: 'services/connector-server/served-reader.ts',
        find: 'return slices.length > 0 ? slices : [',
        replace: 'return slices.length >= 0 ? slices : [',
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'a slot moves while its reader stays',
    edits: [
      {
        file: `${POSTGRES}/served/confirmed-later.ts`,
        find: '    this.#confirm(last.position);\n',
        replace: '    if (this.#isBlocked) this.#confirm(last.position);\n',
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'a plan that nobody follows yet begins at the end of the log',
    edits: [
      {
        file: `${POSTGRES}/served/served-changes.ts`,
        find: 'slot === null || slot.isLost || !isRead',
        replace: 'slot === null || slot.isLost || (isRead && slot.isLost)',
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'who counts changes is told of the end of their stream',
    edits: [
      {
        file: `${POSTGRES}/served/served-changes.ts`,
        find: 'if (!both.aborted) this.#counting?.abort(error);',
        replace: '',
      },
      {
        file: 'services/connector-server/update-counter.ts',
        find: "    if (barrier.kind === 'truncate')\n      return refuseTruncate(",
        replace:
          "    if (barrier.kind === 'truncate')\n      return position.length > 0 ? undefined : refuseTruncate(",
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'messages from the middle of a transaction say when it was made',
    edits: [
      {
        file: `${POSTGRES}/source/log/pgoutput.ts`,
        find: '    this.#receiver.begins?.(toTimeMs(source, at + 8));\n',
        replace: '',
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'a column that must not be NULL has its default where a document says nothing of it',
    edits: [
      {
        file: `${POSTGRES}/served/absent-columns.ts`,
        find: 'if (column?.notNull !== true) continue;',
        replace: 'if (column?.notNull !== true || column.hasDefault) continue;',
      },
    ],
    tests: [SERVED],
  },
  {
    name: 'a value of a file is read as its column has it',
    edits: [
      {
        file: 'shared/row/canonical/row-codec.ts',
        find: '      return this.#text(codec.read(text), at);\n',
        replace: '      return this.#text(text, at);\n',
      },
    ],
    tests: ['shared/row/canonical/row-codec.test.ts', 'test/cases/values-of-files.test.ts'],
  },
  {
    name: 'half a surrogate pair is no text',
    edits: [
      {
        file: 'shared/row/canonical/row-codec.ts',
        find: 'end - at - 4 === text.length || !hasLoneHalf(text)',
        replace: 'end > at || !hasLoneHalf(text)',
      },
    ],
    tests: ['shared/row/canonical/row-codec.test.ts'],
  },
  {
    name: 'a float that would be another one is refused',
    edits: [
      {
        file: 'shared/row/canonical/float.ts',
        find: 'if (isExact) return written;',
        replace: "if (isExact || written !== '') return written;",
      },
    ],
    tests: ['shared/row/canonical/codec.test.ts'],
  },
  {
    name: 'a float is written so that every reader finds it again',
    edits: [
      {
        file: 'shared/row/canonical/shortest-float.ts',
        find: 'if (size < 2 ** 53 || !isMiddle(shortest, size)) return split(shortest);',
        replace: 'if (size < Infinity || !isMiddle(shortest, size)) return split(shortest);',
      },
    ],
    tests: ['shared/row/canonical/codec.test.ts'],
  },
  {
    name: 'rows of a file that are not understood are put aside and counted',
    edits: [
      {
        file: 'services/source-reader/snapshot-copier.ts',
        find: '...(refused.length > 0 && refusedRows(',
        replace: '...(refused.length < 0 && refusedRows(',
      },
    ],
    tests: ['test/cases/values-of-files.test.ts'],
  },
  {
    name: 'a row that differs between two stores is found by its hash',
    edits: [
      {
        file: 'services/verifier/streamed-verifiers.ts',
        find: 'BigInt.asUintN(64, sum.first + hash64(row ?? own));',
        replace: 'sum.first;',
      },
      {
        file: 'services/verifier/streamed-verifiers.ts',
        find: 'BigInt.asUintN(64, sum.second + hash64(row ?? own, SECOND));',
        replace: 'sum.second;',
      },
    ],
    tests: ['test/cases/verify-across-stores.test.ts'],
  },
  {
    name: 'what a mapping rounds on purpose is no damage',
    edits: [
      {
        file: 'services/verifier/common-form.ts',
        find: 'return mapped.text;',
        replace: 'return value;',
      },
    ],
    tests: ['services/verifier/common-form.test.ts', 'test/cases/verify-lossy.test.ts'],
  },
  {
    name: 'values that a mapping changes on purpose are counted, and others are not',
    edits: [
      {
        file: 'services/verifier/common-form.ts',
        find: 'if (mapped.isChanged) onChanged?.(place);',
        replace: 'onChanged?.(place);',
      },
    ],
    tests: ['test/cases/verify-lossy.test.ts'],
  },
  {
    name: 'a number that becomes a float of 32 bits is rounded once',
    edits: [
      {
        file: 'shared/row/mapped/rounded-number.ts',
        find: 'if ((low + high) / 2 !== Math.abs(near)) return found;',
        replace: 'if ((low + high) / 2 !== Infinity) return found;',
      },
    ],
    tests: ['test/integration/mapped-values.test.ts'],
  },
  {
    name: 'halves of a second are rounded as the target rounds them, before the year 2000 too',
    edits: [
      {
        file: 'shared/row/mapped/rounded-time.ts',
        find: 'const isBefore = days !== null && days < FIRST_DAY;',
        replace: 'const isBefore = days !== null && days < -Infinity;',
      },
    ],
    tests: ['test/integration/mapped-values.test.ts'],
  },
  {
    name: 'a whole document is compared by all that it holds',
    edits: [
      {
        file: 'services/verifier/common-form.ts',
        find: 'return toDocumentRow(idOfDocument(document)!, document);',
        replace: 'return toDocumentRow(idOfDocument(document)!, idOfDocument(document)!);',
      },
    ],
    tests: ['test/integration/documents-through-stores.test.ts'],
  },
  {
    name: 'instants of documents keep what JavaScript cannot count',
    edits: [
      {
        file: 'shared/document/extended-json.ts',
        find: 'return `{"$date":${longJson(bytes, from)}}`;',
        replace:
          'return `{"$date":{"$numberLong":"${new Date(Number(bytes.readBigInt64LE(from))).getTime()}"}}`;',
      },
    ],
    tests: ['test/integration/documents-through-stores.test.ts'],
  },
  {
    name: 'rows of a seed are compared with the changes that have come',
    edits: [
      {
        file: 'services/connectors/random/row-reader.ts',
        find: 'take(rows.row(place, key, versions.get(key) ?? 0));',
        replace: 'take(rows.row(place, key, 0));',
      },
    ],
    tests: ['services/connectors/random/source.test.ts', 'test/e2e/random-to-postgres.test.ts'],
  },
  {
    name: 'changes in a folder count for the rows of its copy',
    edits: [
      {
        file: 'services/connectors/file/net-rows.ts',
        find: 'if (!this.#taken.has(key)) return tuple;',
        replace: 'if (key !== "") return tuple;',
      },
    ],
    tests: ['test/cases/verify-folded-files.test.ts'],
  },
  {
    name: 'rows of a copy in a folder have what the source gave them in later columns',
    edits: [
      {
        file: 'services/connectors/file/row-reader.ts',
        find: 'for (const each of copied) each.fills.push(...fills);',
        replace: '',
      },
    ],
    tests: ['test/cases/verify-folded-files.test.ts'],
  },
  {
    name: 'a row of a folder that its copy brought twice is one, and the later one',
    edits: [
      {
        file: 'services/connectors/file/row-reader.ts',
        find: 'of copied.reverse())',
        replace: 'of copied)',
      },
    ],
    tests: ['test/integration/file-sink.test.ts'],
  },
  {
    name: 'rows of changes in a folder have what the source gave them in later columns',
    edits: [
      {
        file: 'services/connectors/file/row-reader.ts',
        find: 'rows.fill(fills);',
        replace: 'rows.fill([]);',
      },
    ],
    tests: ['test/cases/verify-folded-files.test.ts'],
  },
  {
    name: 'steps may change what older rows have in a new column',
    edits: [
      {
        file: 'services/transformer/barrier-transform.ts',
        find: 'chain === null ? filled :',
        replace: 'filled !== undefined ? filled :',
      },
    ],
    tests: ['services/transformer/spread.test.ts'],
  },
  {
    name: 'rows without a key that changes in a folder take away are counted off',
    edits: [
      {
        file: 'services/connectors/file/net-rows.ts',
        find: 'if (more >= 0) return tuple;',
        replace: 'if (more > -Infinity) return tuple;',
      },
    ],
    tests: ['test/cases/verify-folded-files.test.ts'],
  },
  {
    name: 'what a partial update removes from an array leaves its place',
    edits: [
      {
        file: 'shared/document/document-tree.ts',
        find: 'if (isArray) fields.set(',
        replace: 'if (isArray && path.length > 9) fields.set(',
      },
    ],
    tests: ['shared/document/patch.test.ts'],
  },
  {
    name: 'binary of a subtype of its own keeps it',
    edits: [
      {
        file: 'shared/document/bson-logical.ts',
        find: 'return subtype === 0 ?',
        replace: 'return subtype !== undefined ?',
      },
    ],
    tests: ['test/integration/bson-logical.test.ts'],
  },
  {
    name: 'an object id of a row is one in a document',
    edits: [
      {
        file: 'shared/document/to-document.ts',
        find: 'head = writer.head(BSON.objectId, name);',
        replace: 'head = writer.head(BSON.decimal128, name);',
      },
    ],
    tests: ['shared/document/document.test.ts', 'test/integration/bson-logical.test.ts'],
  },
  {
    name: 'an array keeps its elements apart as databases write them',
    edits: [
      {
        file: 'shared/row/canonical/array-tree.ts',
        find: "if (item !== '' && !/[{}\",\\\\ \\t\\n\\r\\v\\f]/.test(item)",
        replace: "if (item !== '' && !/[{}\",\\\\]/.test(item)",
      },
    ],
    tests: [
      'test/integration/values-through-stores.test.ts',
      'test/integration/canonical-text.test.ts',
    ],
  },
];
