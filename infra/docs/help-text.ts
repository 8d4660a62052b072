import { createProgram } from '../../services/cli/program.ts';

/** What `weir --help` shows: kept in a file, so that no module needs to be loaded for it. */
export function helpText(): string {
  return createProgram(() => undefined)
    .configureOutput({ getOutHelpWidth: () => 80 })
    .helpInformation();
}
