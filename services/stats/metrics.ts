import { setOrRemove, setTotal } from '../../shared/metrics/instruments.ts';
import type { MetricDeclarations } from '../../shared/metrics/metric-declaration.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { CHANGE_KINDS, countChanges } from '../../shared/progress/change-kinds.ts';
import { PIPELINE_STATES, type PipelineReport } from '../../shared/progress/pipeline-report.ts';

export const STATS_METRICS = {
  weir_pipeline_state: {
    type: 'gauge',
    help: `1 for the state the pipeline is in, 0 for the others: ${PIPELINE_STATES.join(', ')}.`,
    labels: ['state'],
  },
  weir_pipeline_state_seconds: {
    type: 'gauge',
    help: 'How long it has been in its state.',
  },
  weir_pipeline_read_changes: {
    type: 'gauge',
    help: 'Changes read since the pipeline was made; goes back where a reader restarts from what the target has.',
    labels: ['kind'],
  },
  weir_pipeline_applied_changes_total: {
    type: 'counter',
    help: 'Changes that the target has applied since the pipeline was made, counted in its own transactions.',
    labels: ['kind'],
  },
  weir_pipeline_filtered_changes_total: {
    type: 'counter',
    help: 'Changes that a transform has left out since the pipeline was made.',
  },
  weir_pipeline_unmet_changes_total: {
    type: 'counter',
    help: 'Updates and deletes, among the changes applied, of rows that the target did not have.',
  },
  weir_pipeline_parked_changes: {
    type: 'gauge',
    help: 'Changes put aside at the target because it refused their rows: read = applied + filtered + parked + discarded + in flight.',
  },
  weir_pipeline_discarded_changes_total: {
    type: 'counter',
    help: 'Changes that were put aside and then discarded since the pipeline was made.',
  },
  weir_pipeline_in_flight_changes: {
    type: 'gauge',
    help: 'Changes read and not yet accounted for at the target: how many changes it is behind.',
  },
  weir_pipeline_unbalanced_changes: {
    type: 'gauge',
    help: 'Changes of the first namespace and kind where what was read and what the target accounts for differ with nothing in flight; 0 is in order.',
  },
  weir_pipeline_parked_rows: {
    type: 'gauge',
    help: 'Entries put aside at the target because it refused them, those of changes and of rows of the copy.',
  },
  weir_pipeline_lag_seconds: {
    type: 'gauge',
    help: 'From a marker at the source to its arrival at the target through the slowest lane; absent while copying or paused.',
  },
  weir_pipeline_lag_bytes: {
    type: 'gauge',
    help: 'Bytes of the log of the source between what every lane has settled and its head; absent where the source does not report it, and while copying or paused.',
  },
  weir_pipeline_lane_lag_seconds: {
    type: 'gauge',
    help: 'The same for each lane.',
    labels: ['lane'],
  },
  weir_pipeline_lane_owned: {
    type: 'gauge',
    help: '1 while a writer says that it works on the lane, else 0.',
    labels: ['lane'],
  },
  weir_pipeline_copy_chunks: {
    type: 'gauge',
    help: 'Chunks of the copy: `done` are in the target, `missing` are not.',
    labels: ['state'],
  },
  weir_pipeline_copy_bytes: {
    type: 'gauge',
    help: 'Bytes of the copy as the source has estimated them: `done` are in the target, `missing` are not.',
    labels: ['state'],
  },
  weir_pipeline_copied_rows: {
    type: 'gauge',
    help: 'Rows of the copy that are in the target.',
  },
  weir_pipeline_copy_left_seconds: {
    type: 'gauge',
    help: 'Until every chunk is in, at the rate of the last minute; absent while unknown and when they are.',
  },
  weir_pipeline_namespaces: {
    type: 'gauge',
    help: 'Namespaces: `ready` are copied and finished, `copying` are not.',
    labels: ['state'],
  },
  weir_broker_lane_messages: {
    type: 'gauge',
    help: 'Messages that wait in the broker: `lane` for changes, `chunk` for the copy.',
    labels: ['kind', 'lane'],
  },
  weir_broker_lane_bytes: {
    type: 'gauge',
    help: 'Bytes that wait in the broker; when the limit is reached, reading waits.',
    labels: ['kind', 'lane'],
  },
  weir_broker_lane_limit_bytes: {
    type: 'gauge',
    help: 'How many bytes the stream of the lane may hold.',
    labels: ['kind', 'lane'],
  },
  weir_broker_stored_bytes: {
    type: 'gauge',
    help: 'What the NATS account of the pipeline stores on disk in all.',
  },
} as const satisfies MetricDeclarations;

export function measurePipeline(monitoring: Monitoring, read: () => PipelineReport): void {
  const made = monitoring.create(STATS_METRICS);
  monitoring.tell(
    () => null,
    () => notReady(read()),
  );
  monitoring.beforeScrape(() => {
    const report = read();
    for (const state of PIPELINE_STATES)
      made.weir_pipeline_state.set({ state }, state === report.state ? 1 : 0);
    made.weir_pipeline_state_seconds.set(report.stateMs / 1_000);
    for (const kind of CHANGE_KINDS) {
      setOrRemove(made.weir_pipeline_read_changes, report.read?.[kind] ?? null, { kind });
      if (report.applied !== null)
        setTotal(made.weir_pipeline_applied_changes_total, { kind }, report.applied[kind]);
    }
    if (report.filtered !== null) {
      setTotal(made.weir_pipeline_filtered_changes_total, {}, countChanges(report.filtered));
      setTotal(made.weir_pipeline_discarded_changes_total, {}, report.discarded);
      if (report.unmet !== null) setTotal(made.weir_pipeline_unmet_changes_total, {}, report.unmet);
      made.weir_pipeline_parked_changes.set(report.parked);
    }
    setOrRemove(made.weir_pipeline_in_flight_changes, report.inFlight);
    made.weir_pipeline_unbalanced_changes.set(
      Math.abs((report.difference?.read ?? 0) - (report.difference?.settled ?? 0)),
    );
    made.weir_pipeline_parked_rows.set(report.parkedEntries);
    setOrRemove(made.weir_pipeline_lag_seconds, inSeconds(report.lagMs));
    setOrRemove(made.weir_pipeline_lag_bytes, report.bytesBehind);
    made.weir_pipeline_lane_lag_seconds.reset();
    for (const { lane, lagMs, owner } of report.lanes) {
      const labels = { lane: String(lane) };
      setOrRemove(made.weir_pipeline_lane_lag_seconds, inSeconds(lagMs), labels);
      made.weir_pipeline_lane_owned.set(labels, owner === null ? 0 : 1);
    }
    measureCopy(report);
    for (const { kind, lane, messages, bytes, maxBytes } of report.broker?.lanes ?? []) {
      const labels = { kind, lane: String(lane) };
      made.weir_broker_lane_messages.set(labels, messages);
      made.weir_broker_lane_bytes.set(labels, bytes);
      made.weir_broker_lane_limit_bytes.set(labels, maxBytes);
    }
    setOrRemove(made.weir_broker_stored_bytes, report.broker?.storedBytes ?? null);
  });

  function measureCopy({ copy }: PipelineReport): void {
    if (copy === null) return;
    const { chunksDone, chunksTotal, namespacesReady, namespacesTotal } = copy;
    made.weir_pipeline_copy_chunks.set({ state: 'done' }, chunksDone);
    made.weir_pipeline_copy_chunks.set({ state: 'missing' }, chunksTotal - chunksDone);
    made.weir_pipeline_copy_bytes.set({ state: 'done' }, copy.bytesDone);
    made.weir_pipeline_copy_bytes.set({ state: 'missing' }, copy.bytesTotal - copy.bytesDone);
    made.weir_pipeline_copied_rows.set(copy.rowsDone);
    setOrRemove(made.weir_pipeline_copy_left_seconds, inSeconds(copy.leftMs));
    made.weir_pipeline_namespaces.set({ state: 'ready' }, namespacesReady);
    made.weir_pipeline_namespaces.set({ state: 'copying' }, namespacesTotal - namespacesReady);
  }
}

/** It is ready when it sees both ends, whatever they are like. */
function notReady({ read, applied, state }: PipelineReport): string | null {
  if (read !== null && applied !== null) return null;
  const idle = state === 'paused' || state === 'stopped' || state === 'finished';
  return idle ? null : 'neither a source-reader nor a target-writer has been asked yet';
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
