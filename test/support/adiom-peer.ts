import path from 'node:path';
import { credentials, loadPackageDefinition, type ServiceError, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';

export interface PeerStream extends AsyncIterable<Message> {
  cancel(): void;
}

/** Messages as proto-loader gives them: names as in the .proto files, numbers of 64 bits as text. */
export type Message = Record<string, unknown>;

/**
 * A program that speaks `adiom.v1` and has nothing of ours but the .proto files: they are read when it runs, by an
 * implementation that is not the one our code is made with.
 */
export class AdiomPeer {
  readonly #client: Client;

  constructor(address: string) {
    const definition = loadSync(['adiom/v1/adiom.proto', 'adiom/v1/vector.proto'], {
      includeDirs: [path.join(projectRoot(), 'proto')],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    });
    const { adiom } = loadPackageDefinition(definition) as unknown as {
      adiom: { v1: { ConnectorService: new (a: string, c: unknown) => Client } };
    };
    this.#client = new adiom.v1.ConnectorService(address, credentials.createInsecure());
  }

  call(method: string, request: Message): Promise<Message> {
    const methods = this.#client as unknown as Record<
      string,
      (request: Message, done: (error: ServiceError | null, answer: Message) => void) => void
    >;
    return new Promise((resolve, reject) => {
      methods[method]!.call(this.#client, request, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  }

  stream(method: string, request: Message): PeerStream {
    const methods = this.#client as unknown as Record<string, (request: Message) => PeerStream>;
    return methods[method]!.call(this.#client, request);
  }

  close(): void {
    this.#client.close();
  }
}
