import { refuseOpenDoor, serveApi, type ApiOptions } from './api/server.ts';
import { Fleet, type FleetOptions } from './fleet.ts';

export interface Control {
  /** Where the API and the console are served. */
  url: string;
  /** Paths with their methods, as OpenAPI writes them. */
  readonly operations: readonly string[];
  /** Ends the services that were started here; they are started again with control. */
  stop(): Promise<void>;
}

/** The service that people talk to: it knows all pipelines of a broker, and runs those that were created with it. */
export async function startControl(
  options: Omit<FleetOptions & ApiOptions, 'fleet'>,
): Promise<Control> {
  refuseOpenDoor(options.listen, options.tokens);
  const fleet = await Fleet.open(options);
  try {
    const server = await serveApi({ ...options, fleet });
    return {
      url: server.url,
      operations: server.operations,
      async stop() {
        await server.stop();
        await fleet.stop();
      },
    };
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}
