import { expect, it } from 'vitest';
import { advisedStatements } from './advice.ts';

const ALTER = 'ALTER TABLE "public"."t" DROP COLUMN "a"';

it.each([
  [
    `the structure of public.t changed at the source; run at the target: ${ALTER}; then start the pipeline again`,
    [ALTER],
  ],
  [
    `the structure of public.t changed at the source: the column "a" was dropped. Run at the target: ${ALTER}. Then start the pipeline again`,
    [ALTER],
  ],
  [
    `it changed: so. Run at the target: ${ALTER} USING …. Rows that are older than the change have it. To copy the table anew, run at the target: TRUNCATE "public"."t"; DELETE FROM weir.namespace WHERE pipeline = 'p'. Or make the values the same yourself, and say so: UPDATE weir.namespace SET x. Then start the pipeline again`,
    [`${ALTER} USING b`, `TRUNCATE "public"."t"; DELETE FROM weir.namespace WHERE pipeline = 'p'`],
  ],
  [
    `it changed: so. Weir cannot see at the target that this is done, so say so: UPDATE weir.namespace SET x. Then start the pipeline again`,
    ['UPDATE weir.namespace SET x'],
  ],
  ['has no column "b"; run ALTER TABLE "t" ADD COLUMN "b" integer', ['ALTER TABLE "t" ADD COLUMN "b" integer']], // prettier-ignore
  [`is text at the source and integer at the target; run ${ALTER} (with the same USING, if it was changed with one)`, [`${ALTER} USING b`]], // prettier-ignore
  ['run `weir reset` and copy again', []],
  ['p was attached; run at the target: CREATE TABLE p; copy the rows of p into it, then start', []],
])('has statements to follow: %s', (message, statements) => {
  expect(advisedStatements(message, ' USING b')).toEqual(statements);
});
