export interface ServiceArguments {
  service: string;
  pipelineFile: string;
}

/** Which service a command line starts (`… weir service NAME --pipeline FILE`); undefined when it starts none. */
export function parseServiceArguments(args: readonly string[]): ServiceArguments | undefined {
  const at = args.findIndex(
    (word, index) => word === 'service' && /\bweir$/.test(args[index - 1] ?? ''),
  );
  if (at < 0) return undefined;
  const rest = args.slice(at + 1);
  const service = rest.find(
    (word, index) => !word.startsWith('-') && rest[index - 1] !== '--pipeline',
  );
  const flag = rest.findIndex((word) => word === '--pipeline' || word.startsWith('--pipeline='));
  const joined = rest[flag]?.split('=').slice(1).join('=') ?? '';
  const pipelineFile = joined === '' ? rest[flag + 1] : joined;
  if (flag < 0 || service === undefined || pipelineFile === undefined) return undefined;
  return { service, pipelineFile };
}
