import { readFile } from 'node:fs/promises';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { type ListenAddress, parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { Tokens } from '../../control/access/tokens.ts';

/** Of `weir control` and of `weir run --listen`. */
export interface AccessFlags {
  listen?: string;
  tokens?: string;
}

export interface Access {
  listen: ListenAddress;
  tokens: Tokens;
}

/**
 * The tokens of the environment and of the file named; the variables are taken away, so that no service and no pipeline
 * file can see them.
 */
export async function readAccess(flags: AccessFlags & { listen: string }): Promise<Access> {
  const inline = process.env['WEIR_CONTROL_TOKENS'] ?? '';
  const file = flags.tokens ?? process.env['WEIR_CONTROL_TOKENS_FILE'] ?? '';
  delete process.env['WEIR_CONTROL_TOKENS'];
  delete process.env['WEIR_CONTROL_TOKENS_FILE'];
  const listen = parseListenAddress(flags.listen, CONTROL_ADDRESS);
  if (listen === null)
    throw new WeirError('CONFIG_INVALID', '--listen must be an address, e.g. 127.0.0.1:8080');
  const lines = file === '' ? '' : await readTokens(file);
  return { listen, tokens: Tokens.parse(`${inline}\n${lines}`) };
}

const CONTROL_ADDRESS = { what: 'serve control at (--listen)', example: '8080' };

async function readTokens(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new WeirError(
      'CONFIG_INVALID',
      `the tokens of control cannot be read from ${file}; name a file that can be read`,
      { cause },
    );
  }
}
