import type { LaneBatch } from '../../../shared/connector/sink.ts';
import { formatDataFileName } from './data-file.ts';
import { encodeNamespace } from './folder-listing.ts';
import type { ManifestEntry } from './manifest.ts';
import type { FileSettings } from './settings.ts';

/**
 * What a file is the result of is in its name: a chunk, or a step of a lane by the owner who took it. So whoever repeats one
 * repeats its file, and a file that belongs to no step that was taken is listed nowhere.
 */
export class WrittenNames {
  readonly #map: Readonly<Record<string, string>>;
  readonly #settings: Pick<FileSettings, 'format' | 'gzip'>;

  constructor(
    map: Readonly<Record<string, string>>,
    settings: Pick<FileSettings, 'format' | 'gzip'>,
  ) {
    this.#map = map;
    this.#settings = settings;
  }

  /** The namespace at the target. */
  target(namespace: string): string {
    return this.#map[namespace] ?? namespace;
  }

  chunk(namespace: string, id: number, rows: number): ManifestEntry {
    const stem = `rows-${String(id).padStart(8, '0')}`;
    return {
      kind: 'rows',
      namespace: this.target(namespace),
      file: this.#file(namespace, stem, this.#settings.format),
      rows,
    };
  }

  /** Of the changes of a batch of one namespace. `part` tells several files of a batch apart. */
  changes(namespace: string, batch: LaneBatch, part?: string): string {
    return this.#file(namespace, stemOf(batch, part), 'jsonl');
  }

  moves(namespace: string, batch: LaneBatch, part?: string): string {
    return this.#file(namespace, `${stemOf(batch, part)}-moved`, 'jsonl');
  }

  #file(namespace: string, stem: string, kind: 'csv' | 'jsonl'): string {
    const name = formatDataFileName(stem, kind, this.#settings.gzip);
    return `${encodeNamespace(this.target(namespace))}/${name}`;
  }
}

function stemOf({ before }: LaneBatch, part?: string): string {
  // An entry that was parked is written by whoever replays it, wherever the lanes are by then.
  if (part?.startsWith('parked-') === true) return part;
  const lane = String(before.lane).padStart(2, '0');
  return `changes-${before.position}-L${lane}-E${before.epoch}${part === undefined ? '' : `-${part}`}`;
}
