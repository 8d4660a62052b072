import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { configurationPage } from './configuration-page.ts';
import { errorsPage } from './errors-page.ts';
import { helpText } from './help-text.ts';
import { metricsPage } from './metrics-page.ts';

/** Writes the pages that are made from the code, and the help that `bin/weir` shows at once: `npm run docs`. */
await writeFile(join(projectRoot(), 'docs', 'errors.md'), errorsPage());
await writeFile(join(projectRoot(), 'docs', 'configuration.md'), configurationPage());
await writeFile(join(projectRoot(), 'docs', 'metrics.md'), metricsPage());
await writeFile(join(projectRoot(), 'bin', 'help.txt'), helpText());
