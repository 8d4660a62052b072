import { expect, test } from 'vitest';
import { parseServiceArguments } from './service-arguments.ts';

const words = (text: string): string[] => text.split(' ');

test.each([
  'node /opt/weir/bin/weir service target-writer --pipeline /etc/weir/p.yaml',
  'node /opt/weir/bin/weir service --pipeline /etc/weir/p.yaml target-writer',
  'weir service target-writer --pipeline=/etc/weir/p.yaml',
])('%s starts a target-writer', (line) => {
  expect(parseServiceArguments(words(line))).toEqual({
    service: 'target-writer',
    pipelineFile: '/etc/weir/p.yaml',
  });
});

test.each([
  'node bin/weir run service',
  'node bin/weir --help',
  'node bin/weir service source-reader',
  'sleep 5',
])('%s starts no service', (line) => {
  expect(parseServiceArguments(words(line))).toBeUndefined();
});
