import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parsePipelineFile } from '../../../shared/config/pipeline-file.ts';
import { URL_SCHEMES } from '../../connectors/registry.ts';
import { readTransforms } from '../../transformer/read-transforms.ts';
import { STEP_KINDS } from '../../transformer/step-kinds.ts';
import { projectRoot } from '../../supervisor/embedded/project-root.ts';
import { samplePipeline } from './sample-pipeline.ts';
import { sampleText } from './sample-text.ts';

const page = readFileSync(join(projectRoot(), 'docs/transforms.md'), 'utf8');
const examples = [
  ...page.matchAll(
    /### (\w+)\n(?:(?!### )[^`]|`(?!``))*?```yaml\n([^`]*)```\n\n```text\n([^`]*)```/g,
  ),
].map(([, name, steps, output]) => ({ name: name!, steps: steps!, output: output! }));

it('every step has its example on the page, but for grpc, which needs a peer', () => {
  const kinds = Object.keys(STEP_KINDS).filter((kind) => kind !== 'grpc');
  expect(examples.map(({ name }) => name).sort()).toEqual(kinds.sort());
  expect(page).toContain('### grpc');
});

it.each(examples)('the example of $name does what the page says', async ({ steps, output }) => {
  process.env['TOKEN_KEY'] = 'a key of the tests alone';
  const text = `name: page
source: { url: "random:?seed=7&rows=2&size=130" }
target: { url: "null:" }
transforms:
${steps}`;
  const spec = parsePipelineFile(text, {
    file: 'page.yaml',
    env: {},
    schemes: URL_SCHEMES,
    readTransforms,
  });
  expect(`${sampleText(await samplePipeline(spec, 2))}\n`).toBe(output);
});
