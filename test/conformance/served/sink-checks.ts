import { status } from '@grpc/grpc-js';
import { BSON as Bson } from 'bson';
import { type Update, UpdateType } from '../../../proto/gen/adiom/v1/adiom.ts';
import { idOf, read, refused } from './source-checks.ts';
import {
  ask,
  BSON_TYPE,
  type Check,
  METHODS,
  NotTested,
  require,
  type Subject,
} from './subject.ts';

const { UPDATE_TYPE_INSERT, UPDATE_TYPE_UPDATE, UPDATE_TYPE_DELETE } = UpdateType;

export const SINK_CHECKS: readonly Check[] = [
  {
    name: 'WriteData takes a batch without documents',
    run: (subject) => write(subject, []),
  },
  {
    name: 'WriteData replaces what is there, so that a batch may come again',
    async run(subject) {
      const one = document('a', 'first');
      await write(subject, [one, document('b', 'first')]);
      await write(subject, [one, document('b', 'second')]);
      await holds(subject, { a: 'first', b: 'second' });
    },
  },
  {
    name: 'WriteUpdates inserts, replaces and deletes, the last change of a row in a batch wins',
    async run(subject) {
      await update(subject, [
        change('c', UPDATE_TYPE_INSERT, '1'),
        change('c', UPDATE_TYPE_UPDATE, '2'),
      ]);
      await update(subject, [
        change('d', UPDATE_TYPE_UPDATE, '1'),
        change('a', UPDATE_TYPE_DELETE),
      ]);
      await holds(subject, { c: '2', d: '1', a: null });
      await update(subject, [
        change('c', UPDATE_TYPE_DELETE),
        change('c', UPDATE_TYPE_INSERT, '3'),
      ]);
      await holds(subject, { c: '3' });
    },
  },
  {
    name: 'WriteUpdates may come again, also deletes of rows that are gone',
    async run(subject) {
      for (let times = 0; times < 2; times++)
        await update(subject, [
          change('d', UPDATE_TYPE_UPDATE, '9'),
          change('b', UPDATE_TYPE_DELETE),
        ]);
      await holds(subject, { d: '9', b: null });
    },
  },
  {
    name: 'WriteUpdates refuses a kind of change that it does not know with INVALID_ARGUMENT',
    async run(subject) {
      const unknown = change('e', 99 as UpdateType, 'x');
      await refused(
        update(subject, [unknown]),
        [status.INVALID_ARGUMENT],
        'an update of type 99 is taken',
      );
    },
  },
  {
    name: 'WriteUpdates leaves nothing of rows that were deleted',
    async run(subject) {
      await update(
        subject,
        ['a', 'b', 'c', 'd', 'e'].map((id) => change(id, UPDATE_TYPE_DELETE)),
      );
      await holds(subject, { a: null, b: null, c: null, d: null, e: null });
    },
  },
];

const name = (id: string): string => `weir-test-${id}`;

function document(id: string, k: string): Uint8Array {
  return Bson.serialize({ _id: name(id), k });
}

function change(id: string, type: UpdateType, k?: string): Update {
  const data = k === undefined ? new Uint8Array() : document(id, k);
  return { id: [idOf(document(id, ''))], type, data, partialUpdateUnset: [] };
}

function namespaceOf({ writeNamespace }: Subject): string {
  if (writeNamespace !== null) return writeNamespace;
  throw new NotTested('name a namespace that may be written, with fields _id and k, by --write');
}

async function write(subject: Subject, data: Uint8Array[]): Promise<void> {
  const namespace = namespaceOf(subject);
  await ask(subject, METHODS.writeData, { namespace, data, type: BSON_TYPE });
}

async function update(subject: Subject, updates: Update[]): Promise<void> {
  const namespace = namespaceOf(subject);
  await ask(subject, METHODS.writeUpdates, { namespace, updates, type: BSON_TYPE });
}

/** Looks where the connector lets us: through GetByIds. */
async function holds(subject: Subject, wanted: Record<string, string | null>): Promise<void> {
  if (subject.info.capabilities?.source?.getByIds !== true) return;
  const namespace = namespaceOf(subject);
  const ids = Object.keys(wanted).map((id) => ({ id: [idOf(document(id, ''))] }));
  const { data } = await ask(subject, METHODS.getByIds, { namespace, ids, type: BSON_TYPE });
  Object.entries(wanted).forEach(([id, k], i) => {
    const found = data[i]?.data ?? new Uint8Array();
    if (k === null)
      return require(found.length ===
        0, `the row ${name(id)} is still there after its delete; delete by id`);
    require(found.length >
      0, `the row ${name(id)} is not there after it was written; answer only when it is durable`);
    require(read(found)['k'] ===
      k, `the row ${name(id)} does not have what was written last; replace the whole row, changes of a batch in their order`);
  });
}
