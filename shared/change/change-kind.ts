/** `move`: an update that changes the key; its `key` is the old one. */
export type ChangeKind = 'insert' | 'update' | 'delete' | 'move';
