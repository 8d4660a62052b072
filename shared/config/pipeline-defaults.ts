export const MAX_WORKERS = 40;

export const DEFAULTS = {
  mode: 'snapshot+changes',
  create: 'missing',
  order: 'key',
  lanes: 4,
  writers: 1,
  transformers: 1,
  readers: 2,
  onBadRow: 'stop',
  onLimit: 'keep',
  onWaitingDdl: 'giveWay',
  warnWithin: '4h',
} as const;
