import { NatsError } from 'nats';

/** JetStream's error codes (nats-server, `errors.json`): no room at the server, in the account, in its store. */
const NO_ROOM = [10023, 10002, 10028, 10047];

/** Whether the broker refused something because it is full. */
export function isStorageFull(error: unknown): error is NatsError {
  return error instanceof NatsError && NO_ROOM.includes(error.api_error?.err_code ?? 0);
}

/** The store of the broker has failed, for a reason as the server words it. */
export function storeFailedSentence(what: string, reason: string): string {
  return `the NATS server cannot store ${what} (${reason}): repair its disk and start it again, also with an empty store; nothing is lost, and Weir goes on by itself then`;
}

/** What to do about it; `reason` is as the server words it. */
export function storageFullSentence(what: string, reason: string): string {
  return `the NATS server has no room for ${what} (${reason}): free its disk, raise max_file_store, or remove what others keep there; nothing is lost, and Weir goes on by itself when there is room`;
}
