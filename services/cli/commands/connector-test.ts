import { ConnectorServiceDefinition } from '../../../proto/gen/adiom/v1/adiom.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { Channel } from '../../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../../shared/grpc/channel-settings.ts';
import { type CheckResult, testConnector } from '../../../test/conformance/served/conformance.ts';

export interface ConnectorTestOptions {
  namespace?: string;
  write?: string;
  wait: number;
  json: boolean;
}

const MARKS = { holds: 'ok', fails: 'FAILS', 'not tested': 'not tested' } as const;

/** Tests a connector of anybody; 0 where every test passed. */
export async function runConnectorTest(
  url: string,
  { namespace, write, wait, json }: ConnectorTestOptions,
): Promise<number> {
  if (!/^grpcs?:\/\//.test(url))
    throw new WeirError('CONFIG_INVALID', 'the URL must be grpc://HOST:PORT or grpcs://HOST:PORT');
  const channel = new Channel({
    settings: parseChannelUrl(url),
    service: ConnectorServiceDefinition.fullName,
    permanent: 'NOT_SUPPORTED',
  });
  try {
    const results = await testConnector(
      {
        channel,
        readNamespace: namespace ?? null,
        writeNamespace: write ?? null,
        waitMs: wait * 1_000,
      },
      (result) => {
        if (!json) console.log(line(result));
      },
    );
    const failed = results.filter(({ result }) => result === 'fails').length;
    if (json) console.log(JSON.stringify({ holds: failed === 0, checks: results }, null, 2));
    else console.log(failed === 0 ? 'every test passed' : `${failed} do not hold`);
    return failed === 0 ? 0 : 1;
  } finally {
    channel.close();
  }
}

function line({ name, result, reason }: CheckResult): string {
  return `${MARKS[result].padEnd(10)} ${name}${reason === null ? '' : `\n${' '.repeat(11)}${reason}`}`;
}
