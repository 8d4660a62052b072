/** Every variable that Weir reads, for its page; a test keeps it complete. */
export const ENVIRONMENT_VARIABLES: Readonly<Record<string, string>> = {
  WEIR_NATS_URL: 'NATS server for pipelines whose file names none, and for the demo and the tests.',
  WEIR_LOG_LEVEL:
    'Lowest level that is logged: `debug`, `info`, `warn`, `error` or `silent`. Services log from `info`, commands from `warn`.',
  WEIR_METRICS_LISTEN:
    'Where a service serves `/metrics`, `/healthz` and `/readyz`: a port, such as `9464`, for this machine alone, or `host:port`; `0` takes any free port (the log says which). If it is not set, or `off`, nothing is served. With `weir run` the command itself takes this port, its source-reader the next one, and its other services the ports after that. With `weir control` the services that it starts take free ports after its own, and `/targets` lists them. See [metrics.md](metrics.md).',
  WEIR_CONTROL_TOKENS:
    'Tokens of those who may use control: `NAME:TOKEN`, or hashed as `weir control token NAME` prints them, separated by commas or new lines. See [control.md](control.md).',
  WEIR_CONTROL_TOKENS_FILE: 'A file with such tokens, one a line; `--tokens` takes precedence.',
  WEIR_LANE_MIB:
    'MiB that one lane of changes may take up in the broker, at least 8; default: 256.',
  WEIR_NATS_SERVER: 'The nats-server binary that is started where no server is named.',
  WEIR_POSTGRES_BIN: 'Directory with initdb and postgres, for the demo and the tests.',
  WEIR_POSTGRES_BIN_TARGET:
    'The same for the targets of tests between two versions; default: the same version as the source.',
  WEIR_PG_DUMP:
    'For the tests that compare dumps: a pg_dump of PostgreSQL 18, which dumps all versions.',
  WEIR_IGNORE_SYSTEM_NATS: '`1`: do not use the nats-server of this machine; fetch one.',
  WEIR_IGNORE_SYSTEM_POSTGRES: '`1`: do not use the PostgreSQL of this machine; fetch one.',
  WEIR_CHROMIUM: 'A Chromium for the tests of the console.',
  WEIR_PYTHON:
    'A Python with gRPC for the test of the connector in Python ([connectors.md](connectors.md)).',
  WEIR_STATE_DIR:
    'Where the state of pipelines is kept whose target cannot hold it (`null:`); all writers of a pipeline share it. Otherwise `weir/pipelines` in XDG_STATE_HOME.',
  WEIR_FAILPOINT:
    'For tests: the name of an instant at which a service ends as if it were killed (`shared/lifecycle/failpoint.ts`).',
  XDG_STATE_HOME:
    'Where a running `weir run` leaves a note for `weir status`, below `weir/`; `~/.local/state` where it is not set.',
};
