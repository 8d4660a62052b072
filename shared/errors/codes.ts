/**
 * Every way Weir can fail, with what it means and what to do. `docs/errors.md` is made from this list.
 *
 * `retry` says what a service does by itself: try again from the last progress, or stop and wait for a person.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: {
    retry: false,
    exit: 2,
    means: 'The pipeline file, a flag or an environment variable is wrong.',
    fix: 'Correct what the message names; all problems are listed at once.',
  },
  ENVIRONMENT_MISSING: {
    retry: false,
    exit: 3,
    means: 'Something that must be installed on this machine is missing.',
    fix: 'Install what the message names, or name a running server.',
  },
  UNREACHABLE: {
    retry: true,
    exit: 1,
    means: 'A server did not answer or closed the connection.',
    fix: 'Start the server or correct the address; Weir tries again by itself while it runs.',
  },
  ACCESS_DENIED: {
    retry: false,
    exit: 1,
    means: 'A server refused the user, the password or a right.',
    fix: 'Correct the credentials, or grant what the message names.',
  },
  SOURCE_UNFIT: {
    retry: false,
    exit: 1,
    means: 'The source is not set up for what the pipeline asks of it.',
    fix: 'Change the setting that the message names; `weir check` lists everything at once.',
  },
  TARGET_UNFIT: {
    retry: false,
    exit: 1,
    means: 'The target is not set up for what the pipeline asks of it.',
    fix: 'Change what the message names; `weir check` lists everything at once.',
  },
  TYPE_LOSSY: {
    retry: false,
    exit: 1,
    means: 'A column would have a type at the target that cannot hold all its values as they are.',
    fix: 'Agree to it, or choose another type, with the line under `types` that the message names; `weir check` lists all of them.',
  },
  SCHEMA_CHANGED: {
    retry: false,
    exit: 1,
    means: 'The structure of a namespace changed in a way that cannot be followed by itself.',
    fix: 'Make the same change at the target, then start the pipeline again.',
  },
  POSITION_LOST: {
    retry: false,
    exit: 1,
    means: 'The source can no longer serve the position where the target stands.',
    fix: 'Run `weir reset` and copy again; nothing at the target was changed.',
  },
  RETENTION_LIMIT: {
    retry: false,
    exit: 1,
    means:
      'The source held back more of its log than `source.retention.limit` allows, so the position was released.',
    fix: 'Run `weir reset` and copy again, with a higher limit or `onLimit: keep`; nothing at the target was changed.',
  },
  ALREADY_RUNNING: {
    retry: false,
    exit: 1,
    means: 'Another process runs this pipeline.',
    fix: 'Stop the other one, or give this pipeline a name of its own.',
  },
  ROW_REFUSED: {
    retry: false,
    exit: 1,
    means: 'The target refused a row.',
    fix: 'Remove the cause that the message names at the target, then start the pipeline again; or let it put such rows aside with `onBadRow: park`.',
  },
  ROW_TOO_LARGE: {
    retry: false,
    exit: 1,
    means: 'A row is larger than a lane of the broker can carry, or than its database can send.',
    fix: 'Start the source-reader with the `WEIR_LANE_MIB` that the message names, or leave the table out; the pipeline goes on at the row.',
  },
  STATEMENT_REFUSED: {
    retry: false,
    exit: 1,
    means:
      'A database refused a statement, for a reason that lies in its objects, its settings or its version.',
    fix: 'Change what the message names, then start the pipeline again: everything goes on from where it was.',
  },
  TRANSFORM_FAILED: {
    retry: false,
    exit: 1,
    means: 'A step of `transforms` could not be done to a row.',
    fix: 'Correct the step that the message names (`weir transform test` tries it on real rows), or the row at the source; then start the pipeline again; or let it put such rows aside with `onBadRow: park`.',
  },
  TARGET_NOT_READY: {
    retry: true,
    exit: 1,
    means: 'The target does not have something yet that is on its way, such as a new partition.',
    fix: 'Nothing: the lane tries again; if it stays, create what the message names at the target.',
  },
  TARGET_CHANGED: {
    retry: true,
    exit: 1,
    means:
      'A unique or exclusion index was made at the target while the pipeline ran: it binds rows to each other whose changes came beside each other.',
    fix: 'Nothing: the reader restarts and sends the changes of that table through one lane. Rows that the index refused meanwhile are parked, or stop the pipeline once: start it again, or replay them.',
  },
  COPY_INTERRUPTED: {
    retry: true,
    exit: 1,
    means:
      'The copy cannot go on under its snapshot: a table was rewritten or changed before it was read, or a statement at the source waited for it.',
    fix: 'Nothing: the reader takes a new snapshot and copies what is missing; a table without a key is copied again as a whole.',
  },
  BROKER_UNFIT: {
    retry: false,
    exit: 1,
    means: 'The NATS server lacks something: JetStream, space, or a setting that did not stick.',
    fix: 'Change what the message names in the configuration of the server.',
  },
  BROKER_LOST_DATA: {
    retry: true,
    exit: 1,
    means: 'Frames are missing in the broker, which is a transit buffer and may lose them.',
    fix: 'Nothing: the reader goes back to what the target holds and sends them again.',
  },
  FENCED: {
    retry: true,
    exit: 1,
    means: 'Another process has taken over this lane or this pipeline.',
    fix: 'Nothing: the process that was replaced starts again and asks for work.',
  },
  NOT_SUPPORTED: {
    retry: false,
    exit: 2,
    means: 'What was asked is not possible with these connectors or this version.',
    fix: 'Change what the message names.',
  },
  NOT_FOUND: {
    retry: false,
    exit: 1,
    means: 'There is nothing of that name.',
    fix: 'Correct the name; a list of what there is helps.',
  },
  STATE_CONFLICT: {
    retry: false,
    exit: 1,
    means: 'What was asked is not possible in the state that the pipeline is in.',
    fix: 'Do first what the message names.',
  },
  FILE_REFUSED: {
    retry: true,
    exit: 1,
    means:
      'A file or folder cannot be read or written, as its disk is full or read-only, or rights are missing.',
    fix: 'Do what the message says; Weir tries again by itself while it runs.',
  },
  STATE_REFUSED: {
    retry: false,
    exit: 1,
    means:
      'Stored state cannot be used: the folder where control keeps its own cannot be read or written, or a newer version of Weir has written that of a pipeline.',
    fix: 'Make room on the disk, or give its user the rights; for a pipeline, go on with the newer version of Weir.',
  },
  REQUEST_INVALID: {
    retry: false,
    exit: 2,
    means: 'A request to the control API, or of one service to another, is wrong or too large.',
    fix: 'Correct what the message names; `/openapi.json` describes every request to control. Services must all be of one version of Weir.',
  },
  INTERNAL: {
    retry: false,
    exit: 1,
    means: 'Weir found itself in a state that should not exist, and stopped before doing harm.',
    fix: 'Report it with the output of the same command with --debug.',
  },
} as const satisfies Record<string, { retry: boolean; exit: number; means: string; fix: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
