import { expect, it } from 'vitest';
import { parseServerVersion, requireKnownVersion } from './server-version.ts';

it.each([
  ['9.7.4-2', 'mysql', 90_704],
  ['8.0.36-28.1', 'mysql', 80_036],
  ['5.7.44-log', 'mysql', 50_744],
  ['10.11.19-MariaDB-0+deb12u1', 'mariadb', 101_119],
  ['5.5.5-10.6.12-MariaDB-log', 'mariadb', 100_612],
  ['11.8.9-MariaDB', 'mariadb', 110_809],
])('%s is %s', (text, flavour, number) => {
  const version = parseServerVersion(text);
  expect(version).toEqual({ flavour, number, text });
  expect(() => requireKnownVersion(version)).not.toThrow();
});

it.each(['5.6.24', '10.4.34-MariaDB', 'TiDB', ''])('%s cannot be used', (text) => {
  expect(() => requireKnownVersion(parseServerVersion(text))).toThrow(/oldest|none of MySQL/);
});
