import type { Command } from 'commander';
import { createProgram } from '../../services/cli/program.ts';
import { ENVIRONMENT_VARIABLES } from './environment-variables.ts';
import { code, markdownTable } from './markdown.ts';
import { PIPELINE_KEYS } from './pipeline-keys.ts';

/** `docs/configuration.md`. */
export function configurationPage(): string {
  const program = createProgram(() => undefined);
  return `# Configuration

<!-- Made by "npm run docs" from infra/docs and the command line itself; change it there. -->

## The pipeline file

YAML. \`\${NAME}\` in a value is replaced by that environment variable, and a missing variable is an error; write \`$\${\` for a literal \`\${\`.
All problems of a file are listed at once, each with its line.

${markdownTable(
  ['key', 'allowed', 'default', 'meaning'],
  Object.entries(PIPELINE_KEYS).map(([key, { allowed, default: byDefault, doc }]) => [
    code(key),
    allowed,
    byDefault,
    doc,
  ]),
)}

## Environment variables

${markdownTable(
  ['variable', 'meaning'],
  Object.entries(ENVIRONMENT_VARIABLES).map(([name, doc]) => [code(name), doc]),
)}

## Commands

Exit codes: ${code('0')} success, ${code('1')} failure (also: \`check\` found an obstacle, \`verify\` a difference, \`status\` a problem),
${code('2')} wrong configuration, ${code('3')} something must be installed, ${code('130')} interrupted. Every command takes \`--debug\`, which shows the
stack of an error.

${program.commands.map((command) => commandSection(command)).join('\n')}`;
}

function commandSection(command: Command, above = 'weir'): string {
  const name = `${above} ${command.name()}`;
  const inner = command.commands.map((each) => commandSection(each, name));
  if (inner.length > 0 && command.options.length === 0) return inner.join('\n');
  const flags = [
    ...command.registeredArguments.map((argument) => [
      code(argument.required ? `<${argument.name()}>` : `[${argument.name()}]`),
      argument.description,
    ]),
    ...command.options.map((option) => [
      code(option.flags),
      option.description + defaultText(option.defaultValue),
    ]),
  ];
  const text =
    command.description() === '' ? `${capitalized(command.summary())}.` : command.description();
  const table = flags.length === 0 ? [] : [`${markdownTable(['argument', 'meaning'], flags)}\n`];
  return [`### ${name}\n`, `${text}\n`, ...table, ...inner].join('\n');
}

/** Commander shows a default behind its option, and so does the page; a flag is off where nothing is said. */
function defaultText(value: unknown): string {
  const isShown = typeof value === 'number' || typeof value === 'string';
  return isShown ? ` (default: ${value})` : '';
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
