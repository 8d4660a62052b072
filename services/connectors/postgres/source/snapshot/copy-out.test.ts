import { describe, expect, it } from 'vitest';
import { CopyWalk } from './copy-out.ts';

function message(type: string, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

describe('CopyWalk', () => {
  const rows = [message('d', 'a\n'), message('d', ''), message('d', 'x'.repeat(300))];
  const wire = Buffer.concat([
    message('H', Buffer.from([0, 0, 0])),
    rows[0]!,
    message('N', 'notice'),
    rows[1]!,
    rows[2]!,
    message('c', ''),
    message('C', 'COPY 3\0'),
    message('Z', 'T'),
  ]);

  it('passes on exactly the CopyData messages, wherever the socket cuts the bytes', () => {
    for (let size = 1; size <= wire.length; size++) {
      const walk = new CopyWalk();
      const got: Buffer[] = [];
      for (let start = 0; start < wire.length; start += size) {
        const chunk = wire.subarray(start, start + size);
        let at = 0;
        while (at < chunk.length) {
          const end = walk.copyDataEnd(chunk, at);
          got.push(chunk.subarray(at, end));
          at = end < chunk.length ? walk.readOther(chunk, end) : end;
        }
      }
      expect(Buffer.concat(got).equals(Buffer.concat(rows)), `cut every ${size}`).toBe(true);
      expect(walk.done).toBe(true);
      expect(walk.rows).toBe(3);
    }
  });

  it('keeps the error of the server, without its detail', () => {
    const walk = new CopyWalk();
    const body = 'SERROR\0C42P01\0Mno such table\0Dsecret\0\0';
    expect(walk.readOther(message('E', body), 0)).toBe(body.length + 5);
    expect(walk.error).toMatchObject({
      code: '42P01',
      severity: 'ERROR',
      message: 'no such table',
    });
    expect(JSON.stringify(walk.error)).not.toContain('secret');
  });
});
