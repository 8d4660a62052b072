import { expect, test } from 'vitest';
import { provideNode } from './node-version.mjs';

test('a Node that is too old is named together with the one that is needed', () => {
  expect(() => provideNode('18.20.1')).toThrow('this is Node 18.20.1, but Weir needs 20.19');
  expect(() => provideNode('20.18.3')).toThrow('20.19');
});

test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('Node %s will do', (version) => {
  expect(() => provideNode(version)).not.toThrow();
});
