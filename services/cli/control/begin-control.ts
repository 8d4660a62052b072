import { createRequire } from 'node:module';
import path from 'node:path';
import type { Logger } from 'pino';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { ConsoleFiles } from '../../control/console-files.ts';
import { type Control, startControl } from '../../control/control.ts';
import { Library } from '../../control/library.ts';
import { projectRoot } from '../embedded/project-root.ts';
import { weirVersion } from '../weir-version.ts';
import type { Access } from './access-options.ts';
import { createControlHost } from './control-host.ts';

export interface BeginControlOptions {
  hub: Hub;
  natsUrl: string;
  access: Access;
  log: Logger;
  /** Where pipelines that are created are kept; null: none can be, and no service is started. */
  state: string | null;
  files: readonly { file: string; spec: PipelineSpec }[];
}

/** The control service with everything that it takes from the rest of Weir. */
export async function beginControl(options: BeginControlOptions): Promise<Control> {
  const { hub, natsUrl, access, log, state, files } = options;
  return startControl({
    hub,
    natsUrl,
    log,
    files,
    host: createControlHost({ hub, natsUrl, runs: state !== null }),
    library: state === null ? null : await Library.open(state),
    listen: access.listen,
    tokens: access.tokens,
    console: await ConsoleFiles.load(consoleFolders()),
    version: weirVersion(),
  });
}

function consoleFolders() {
  const root = projectRoot();
  const uplot = createRequire(import.meta.url).resolve('uplot/package.json');
  return {
    written: path.join(root, 'services', 'control', 'console'),
    built: path.join(root, 'dist', 'services', 'control', 'console'),
    uplot: path.join(path.dirname(uplot), 'dist'),
  };
}
