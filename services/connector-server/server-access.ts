import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  status,
} from '@grpc/grpc-js';
import { WeirError } from '../../shared/errors/weir-error.ts';

/** Who may call, and how: what was read of the files that were named. */
export interface ServerAccess {
  /** Null: without encryption. */
  tls: {
    certificate: Buffer;
    key: Buffer;
    /** Peers must have a certificate of it; null: they need none. */
    clientCa: Buffer | null;
  } | null;
  /** That peers must send; null: they need none. */
  token: string | null;
}

export function toServerCredentials({ tls }: ServerAccess): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  try {
    const pair = { private_key: tls.key, cert_chain: tls.certificate };
    return ServerCredentials.createSsl(tls.clientCa, [pair], tls.clientCa !== null);
  } catch (error) {
    throw new WeirError(
      'CONFIG_INVALID',
      'the certificate, its key or the authority of clients cannot be used; give PEM files that belong together',
      { cause: error },
    );
  }
}

/** Asked without a token, for those who only look whether the server is there. */
const OPEN = '/grpc.health.v1.Health/';

/** Refuses calls without `authorization: Bearer TOKEN`. */
export function tokenGuard(token: string): ServerInterceptor {
  const wanted = digest(`Bearer ${token}`);
  return (method, call) => {
    if (method.path.startsWith(OPEN)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, receive) {
            const [given] = metadata.get('authorization');
            if (timingSafeEqual(digest(String(given ?? '')), wanted)) return receive(metadata);
            call.sendStatus({
              code: status.UNAUTHENTICATED,
              details: 'send the token of this server as metadata "authorization: Bearer …"',
              metadata: new Metadata(),
            });
          },
        });
      },
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
