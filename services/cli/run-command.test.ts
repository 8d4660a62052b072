import { afterEach, expect, it, vi } from 'vitest';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { reportError, runCommand } from './run-command.ts';

afterEach(() => vi.restoreAllMocks());

function captured(): () => string {
  const lines: string[] = [];
  const write = (text: string | Uint8Array): boolean => {
    lines.push(String(text));
    return true;
  };
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  return () => lines.join('');
}

it('a wrong command line ends with 2 and names what is wrong', async () => {
  const output = captured();
  expect(await runCommand(['run'])).toBe(2);
  expect(await runCommand(['check', 'f', '--jsn'])).toBe(2);
  expect(await runCommand(['run', 'f', '--writers', '41'])).toBe(2);
  expect(await runCommand(['run', 'f', '--until', 'never'])).toBe(2);
  expect(await runCommand(['nope'])).toBe(2);
  expect(await runCommand([])).toBe(2);
  expect(output()).toMatch(/weir: unknown option '--jsn'\n\(Did you mean --json\?\)/);
});

it('help and version end with 0', async () => {
  const output = captured();
  expect(await runCommand(['--help'])).toBe(0);
  expect(await runCommand(['--version'])).toBe(0);
  expect(output()).toMatch(/\n\d+\.\d+\.\d+\n$/);
});

it('a missing pipeline file is a wrong configuration, said in one line', async () => {
  const output = captured();
  expect(await runCommand(['check', '/nowhere/p.yaml'])).toBe(2);
  expect(output()).toBe('weir: /nowhere/p.yaml: there is no such file; name a pipeline file\n');
});

it('an error is one line without secrets; the stack comes with --debug', () => {
  const output = captured();
  const cause = new Error('refused pg://u:hunter2@h');
  const error = new WeirError('UNREACHABLE', 'no answer from pg://u:hunter2@h/d', { cause });
  expect(reportError(error, false)).toBe(1);
  expect(output()).toBe('weir: no answer from pg://[redacted]@h/d\n');
  expect(reportError(error, true)).toBe(1);
  expect(output()).toMatch(/caused by Error: refused/);
  expect(output()).not.toContain('hunter2');
});
