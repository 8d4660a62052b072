import { type Command, InvalidArgumentError } from 'commander';
import type { SelectionFlags } from '../commands/parked.ts';

/** `weir parked …`: looks after rows that the target refused. */
export function addParkedCommands(program: Command, done: (exitCode: number) => void): void {
  const load = () => import('../commands/parked.ts');
  const parked = program
    .command('parked')
    .summary('list, replay or discard rows that were put aside')
    .description(
      'Manage rows that the target refused, or for which a transform failed, and that were parked together with the later changes of their keys (`onBadRow: park`).',
    );

  parked
    .command('list')
    .summary('which rows are parked, and why')
    .argument('<name>', 'the pipeline')
    .option('--namespace <namespace>', 'only rows of this namespace of the source')
    .option('--json', 'print the result as JSON', false)
    .action(async (name: string, options: { namespace?: string; json: boolean }) =>
      done(await (await load()).runParkedList(name, options)),
    );

  parked
    .command('show')
    .summary('one entry with its values')
    .argument('<name>', 'the pipeline')
    .argument('<id>', 'the entry, as in the list', entryId)
    .option('--json', 'print the result as JSON', false)
    .action(async (name: string, id: number, options: { json: boolean }) =>
      done(await (await load()).runParkedShow(name, id, options)),
    );

  selecting(
    parked
      .command('replay')
      .summary('apply entries, each with all of its key, in their order')
      .description(
        'Apply entries after their cause was fixed, at the target or in the transforms. A row for which a transform failed goes through the transforms again. Replaying an entry replays everything that is parked for its key, in order; what is refused again stays parked.',
      ),
  ).action(async (name: string, ids: number[], flags: SelectionFlags) =>
    done(await (await load()).runParkedReplay(name, ids, flags)),
  );

  selecting(
    parked
      .command('discard')
      .summary('drop entries for good')
      .description(
        'Drop exactly these entries for good. Once the last one of a key is gone, later changes of that key are applied again. Until one of them brings the whole row, the target has the row as it was, or not at all.',
      ),
  ).action(async (name: string, ids: number[], flags: SelectionFlags) =>
    done(await (await load()).runParkedDiscard(name, ids, flags)),
  );
}

function selecting(command: Command): Command {
  return command
    .argument('<name>', 'the pipeline')
    .argument('[ids...]', 'entries, as in the list', (text: string, before: number[] = []) => [
      ...before,
      entryId(text),
    ])
    .option('--namespace <namespace>', 'all entries of this namespace of the source')
    .option('--all', 'all entries');
}

function entryId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be the id of an entry.');
  return Number(text);
}
