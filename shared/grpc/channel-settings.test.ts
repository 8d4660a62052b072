import { describe, expect, it } from 'vitest';
import { parseChannelUrl } from './channel-settings.ts';

describe('a gRPC URL', () => {
  it('names the peer, and how to be sure of it and be let in', () => {
    expect(parseChannelUrl('grpc://127.0.0.1:7001')).toMatchObject({
      address: '127.0.0.1:7001',
      tls: null,
      token: null,
      gzip: false,
      timeoutMs: 60_000,
    });
    const url =
      'grpcs://db.example:443?ca=/a.pem&cert=/c.pem&key=/k.pem&serverName=x&tokenEnv=T&gzip=true&documents=json&timeout=5s&keepalive=30s';
    expect(parseChannelUrl(url)).toEqual({
      address: 'db.example:443',
      tls: { caFile: '/a.pem', certFile: '/c.pem', keyFile: '/k.pem', serverName: 'x' },
      token: { env: 'T' },
      gzip: true,
      documents: 'json',
      timeoutMs: 5_000,
      keepaliveMs: 30_000,
    });
  });

  it.each([
    ['grpc://host', /grpc:\/\/HOST:PORT/],
    ['grpc://host:1/path', /grpc:\/\/HOST:PORT/],
    ['grpc://user:secret@host:1', /tokenEnv or tokenFile/],
    ['grpc://host:1?ca=/a.pem', /ca needs grpcs:/],
    ['grpcs://host:1?cert=/c.pem', /cert and key go together/],
    ['grpcs://host:1?tokenEnv=A&tokenFile=/b', /only one of/],
    ['grpcs://host:1?tokenenv=A', /did you mean tokenEnv/],
    ['grpc://host:1?documents=xml', /documents must be bson or json/],
    ['grpc://host:1?timeout=soon&gzip=yes', /gzip must be .*; timeout must be/],
  ])('%s is refused with what to write instead, and without its secrets', (url, message) => {
    expect(() => parseChannelUrl(url)).toThrow(message);
    expect(() => parseChannelUrl(url)).not.toThrow(/secret/);
  });
});
