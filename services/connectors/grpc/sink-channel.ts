import type { DataType } from '../../../proto/gen/adiom/v1/adiom.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import type { ChannelSettings } from '../../../shared/grpc/channel-settings.ts';
import { openChannel, readOffer } from './connector-channel.ts';

interface Opened {
  channel: Channel;
  dataType: DataType;
  signal: AbortSignal;
}

/** The connection to a target, made when it is first written; what the target takes is asked once. */
export class SinkChannel {
  readonly #settings: ChannelSettings;
  readonly #closed = new AbortController();
  #channel: Channel | null = null;
  #dataType: DataType | null = null;

  constructor(settings: ChannelSettings) {
    this.#settings = settings;
  }

  async open(): Promise<Opened> {
    const { signal } = this.#closed;
    const channel = (this.#channel ??= openChannel(this.#settings, 'TARGET_UNFIT'));
    this.#dataType ??= (await readOffer(channel, 'sink', signal)).dataType;
    return { channel, dataType: this.#dataType, signal };
  }

  /** A connection for one question, which must be answered in time. */
  async withChannel<T>(
    timeoutMs: number,
    ask: (channel: Channel, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const channel = openChannel(this.#settings, 'TARGET_UNFIT');
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await ask(channel, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new WeirError(
        'UNREACHABLE',
        `there is no answer from ${channel.address} within ${timeoutMs / 1_000} s; start the connector there or correct the address`,
      );
    } finally {
      channel.close();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#channel?.close();
  }
}
