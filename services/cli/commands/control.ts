import path from 'node:path';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub } from '../../../shared/hub/hub.ts';
import { parseLogLevel } from '../../../shared/logging/log-level.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { createToken } from '../../control/access/tokens.ts';
import { type AccessFlags, readAccess } from '../control/access-options.ts';
import { beginControl } from '../control/begin-control.ts';
import { startNats } from '../../supervisor/embedded/nats-server.ts';
import { userFolder } from '../../supervisor/state-folder.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { stopSignal } from '../stop-signal.ts';
import { writeRunFile } from '../../supervisor/run-file.ts';

const STOP_DEADLINE_MS = 60_000;

export interface ControlFlags extends AccessFlags {
  listen: string;
  state?: string;
  metricsListen?: string;
}

/** Serves the API and the console, and runs the pipelines that were created there; returns the exit code. */
export async function runControl(files: string[], flags: ControlFlags): Promise<number> {
  const metricsListen = parseListenAddress(
    flags.metricsListen ?? process.env['WEIR_METRICS_LISTEN'],
  );
  if (metricsListen?.port === 0)
    throw new WeirError(
      'CONFIG_INVALID',
      'control serves the metrics of its pipelines at the ports behind its own, so it cannot take any free one; name a port with --metrics-listen or WEIR_METRICS_LISTEN',
    );
  const access = await readAccess(flags);
  const stop = stopSignal({ deadlineMs: STOP_DEADLINE_MS });
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  const state = path.resolve(flags.state ?? path.join(userFolder(), 'control'));
  const log = createLogger({
    service: 'control',
    level: parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'info'),
  });
  const cleanUp: (() => Promise<void>)[] = [];
  try {
    let natsUrl = process.env['WEIR_NATS_URL'];
    if (natsUrl === undefined || natsUrl === '') {
      const nats = await startNats({
        storeDirectory: path.join(state, 'nats'),
        // For many pipelines: as much as the disk has.
        maxFileStoreBytes: Number.MAX_SAFE_INTEGER,
      });
      cleanUp.push(() => nats.stop());
      natsUrl = nats.url;
      process.env['WEIR_NATS_URL'] = natsUrl;
    }
    const hub = await connectHub({ url: natsUrl, name: 'weir/control' });
    cleanUp.push(() => hub.close());
    cleanUp.push(await writeRunFile({ pipeline: 'control', pid: process.pid, natsUrl }));
    const known = [];
    for (const file of files) {
      const spec = await readPipelineFile(file, PIPELINE_PARTS);
      if (spec.nats.url?.reveal() !== natsUrl)
        throw new WeirError(
          'CONFIG_INVALID',
          `${file} names another NATS server than this control uses; set WEIR_NATS_URL to that one`,
        );
      known.push({ file: path.resolve(file), spec });
    }
    const control = await beginControl({
      hub,
      natsUrl,
      access,
      log,
      state,
      files: known,
      metricsListen,
    });
    cleanUp.push(() => control.stop());
    console.log(`control: ${control.url}`);
    if (access.tokens.size === 0)
      console.log('control: no tokens are set, so everybody on this machine may use it');
    await stopped;
    return 0;
  } finally {
    for (const step of cleanUp.reverse()) await step();
    stop.dispose();
  }
}

/** Makes a token for somebody, and the line by which control knows it. */
export async function runControlToken(name: string): Promise<number> {
  const { token, line } = await createToken(name);
  console.log(`token, for ${name} alone, shown this once:\n  ${token}`);
  console.log(`line for the file of --tokens, or for WEIR_CONTROL_TOKENS:\n  ${line}`);
  return 0;
}
