/** What a `weir run` said, taken apart. */
export interface Said {
  /** Findings of the check, warnings too. */
  told: string[];
  /** Findings that keep it from running. */
  refusals: { part: string; message: string }[];
  /** Why a service gave up. */
  reason: string | null;
  code: string | null;
  /** Signs of a defect. */
  defects: string[];
}

export function parseSaid(output: string): Said {
  const said: Said = { told: [], refusals: [], reason: null, code: null, defects: [] };
  for (const line of output.split('\n')) {
    if (line.startsWith('{')) readLog(line, said);
    else if (/this is a defect|ended unexpectedly \(exit code|Unhandled|UnhandledPromise/.test(line)) said.defects.push(line); // prettier-ignore
    const finding = /^weir: (error|warning): (\w+) \S+: (.*)$/s.exec(line);
    if (finding !== null) {
      said.told.push(finding[3]!);
      if (finding[1] === 'error') said.refusals.push({ part: finding[2]!, message: finding[3]! });
    } else if (line.startsWith('weir: ')) said.reason = line.slice('weir: '.length);
  }
  return said;
}

function readLog(line: string, said: Said): void {
  const entry = parseLine(line);
  if (entry === undefined) return;
  const { code, level, msg } = entry;
  if (level === 'warn' || level === 'error') said.told.push(line);
  if (typeof code !== 'string') return;
  if (msg === 'service gave up') said.code = code;
  if (code === 'INTERNAL') said.defects.push(line);
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // A line that a kill cut off.
    return undefined;
  }
}
