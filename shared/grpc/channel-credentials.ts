import { readFileSync } from 'node:fs';
import { ChannelCredentials, type ChannelOptions, compressionAlgorithms } from '@grpc/grpc-js';
import { WeirError } from '../errors/weir-error.ts';
import type { ChannelSettings } from './channel-settings.ts';

/** What this end takes of one message; more than peers must be able to send. */
const MAX_MESSAGE_BYTES = 256 << 20;
/** A page of documents on its way, without waiting for the peer to say that there is room. */
const WINDOW_BYTES = 4 << 20;

export function toChannelOptions({ tls, gzip, keepaliveMs }: ChannelSettings): ChannelOptions {
  const serverName = tls?.serverName ?? null;
  return {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc-node.flow_control_window': WINDOW_BYTES,
    // A connection of one session is not that of another: each ends with its own.
    'grpc.use_local_subchannel_pool': 1,
    ...(gzip ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {}),
    ...(serverName === null ? {} : { 'grpc.ssl_target_name_override': serverName }),
  };
}

/** Reads the files anew each time: certificates are renewed under their names. */
export function toChannelCredentials({ tls }: ChannelSettings): ChannelCredentials {
  if (tls === null) return ChannelCredentials.createInsecure();
  const pem = (key: string, file: string | null): Buffer | null =>
    file === null ? null : readNamed(key, file);
  try {
    return ChannelCredentials.createSsl(
      pem('ca', tls.caFile),
      pem('key', tls.keyFile),
      pem('cert', tls.certFile),
    );
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError(
      'CONFIG_INVALID',
      'the files named with ca, cert and key cannot be used; they must hold certificates and a key in PEM form that belong together',
    );
  }
}

/** The value of the `authorization` header; null without a token. */
export function readAuthorization({ token }: ChannelSettings): string | null {
  if (token === null) return null;
  const text = 'env' in token ? process.env[token.env] : readNamed('tokenFile', token.file);
  const value = text?.toString().trim() ?? '';
  if (value === '' || /\s/.test(value)) {
    const place = 'env' in token ? `the environment variable ${token.env}` : token.file;
    throw new WeirError('CONFIG_INVALID', `there is no bearer token in ${place}; put it there`);
  }
  return `Bearer ${value}`;
}

function readNamed(key: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new WeirError(
      'CONFIG_INVALID',
      `the file named with ${key}, ${file}, cannot be read (${reason}); correct the path`,
    );
  }
}
