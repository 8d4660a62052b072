import { parseNamespacePattern } from '../../../shared/config/namespace-pattern.ts';
import { requirePatternsMatch } from '../../../shared/config/unmatched-names.ts';
import type { EndOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { Source, SourceCheck, SourceScope } from '../../../shared/connector/source.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { planCopy } from './copy-plan.ts';
import { type FileNamespace, listRelations } from './file-namespace.ts';
import { FileSession } from './session.ts';
import { type FileSettings, parseFileUrl } from './settings.ts';

/** Files of rows in a folder, read once, as they are when the copy is planned. */
export function createFileSource({ url }: EndOptions): Source {
  const settings = parseFileUrl(url);
  return {
    check: (scope) => checkSource(settings, scope),
    async open(scope, known) {
      if (known !== null) return new FileSession(settings, known);
      const namespaces = await readNamespaces(settings, scope);
      if (namespaces.length === 0) throw new WeirError('SOURCE_UNFIT', nothingThere(settings));
      return new FileSession(settings, await planCopy(settings, scope, namespaces));
    },
    readRetention: () => Promise.resolve(null),
    giveUpPosition: (reason) => Promise.resolve(new WeirError('RETENTION_LIMIT', reason)),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function readNamespaces(
  settings: FileSettings,
  scope: SourceScope,
): Promise<FileNamespace[]> {
  const patterns = scope.namespaces?.map(parseNamespacePattern);
  const found = await listRelations(
    settings,
    (namespace) => patterns?.some((pattern) => pattern.matches(namespace)) ?? true,
  );
  requirePatternsMatch(
    scope.namespaces,
    found.map(({ relation }) => relation.namespace),
  );
  return found;
}

async function checkSource(settings: FileSettings, scope: SourceScope): Promise<SourceCheck> {
  let namespaces: FileNamespace[];
  try {
    namespaces = await readNamespaces(settings, scope);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return {
      findings: [{ level: 'error', subject: 'files', message: error.message }],
      relations: [],
    };
  }
  if (namespaces.length === 0)
    return {
      findings: [{ level: 'error', subject: 'files', message: nothingThere(settings) }],
      relations: [],
    };
  const files = namespaces.flatMap((each) => each.files.files);
  const mib = files.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
  const findings: Finding[] = [
    {
      level: 'ok',
      subject: 'files',
      message: `${namespaces.length} namespaces in ${files.length} files of ${mib.toFixed(1)} MiB`,
    },
  ];
  if (scope.mode !== 'snapshot')
    findings.push({
      level: 'warning',
      subject: 'changes',
      message:
        'files are read once, and what happens to them later is not followed; set mode: snapshot to end when they are copied',
    });
  const keyless = namespaces.filter(({ relation }) => relation.identity === 'none');
  if (keyless.length > 0)
    findings.push({
      level: 'warning',
      subject: 'keys',
      message: `${keyless.map(({ files: each }) => each.namespace).join(', ')} has no key; name its columns with key= in source.url or in a _schema.json`,
    });
  return {
    findings,
    relations: namespaces.map(({ files: _, ...plan }) => ({ ...plan, definition: null })),
  };
}

function nothingThere({ folder }: FileSettings): string {
  return `no file in ${folder} matches; there must be .csv, .tsv, .jsonl or .ndjson files (.gz too) or folders of them`;
}
