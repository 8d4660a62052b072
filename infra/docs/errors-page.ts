import { ERROR_CODES } from '../../shared/errors/codes.ts';
import { code } from './markdown.ts';

/** `docs/errors.md`. */
export function errorsPage(): string {
  const sections = Object.entries(ERROR_CODES).map(
    ([name, { means, fix, retry, exit }]) => `## ${name}

${means}

- What to do: ${fix} More: [operations](operations.md#${name.toLowerCase()}).
- A running service ${retry ? 'tries again by itself, from the last progress' : 'stops and waits for you'}.
- Exit code of a command: ${code(String(exit))}
`,
  );
  return `# Errors

<!-- Made by "npm run docs" from shared/errors/codes.ts; change it there. -->

A command that fails prints one line that says what is wrong and what to do; \`--debug\` shows the stack. The codes below
are in the logs of the services; [operations.md](operations.md) has more on each, and on the states of a pipeline.
Interrupted by Ctrl-C, a command ends with ${code('130')}.

${sections.join('\n')}`;
}
