import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

/** Where the parts of the console are: its page and style as written, its modules as built, and the charts' library. */
export interface ConsoleFolders {
  written: string;
  built: string;
  uplot: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The files of the console, all of them known by name and held in memory: no path of a request reaches the disk. */
export class ConsoleFiles {
  readonly #files: ReadonlyMap<string, Buffer>;

  private constructor(files: ReadonlyMap<string, Buffer>) {
    this.#files = files;
  }

  static async load({ written, built, uplot }: ConsoleFolders): Promise<ConsoleFiles> {
    const modules = (await readdir(built)).filter((name) => name.endsWith('.js'));
    const sources: [string, string][] = [
      ['/', path.join(written, 'index.html')],
      ['/console.css', path.join(written, 'console.css')],
      ['/icon.svg', path.join(written, 'icon.svg')],
      ['/uplot.js', path.join(uplot, 'uPlot.esm.js')],
      ['/uplot.css', path.join(uplot, 'uPlot.min.css')],
      ...modules.map((name): [string, string] => [`/${name}`, path.join(built, name)]),
    ];
    const files = new Map<string, Buffer>();
    for (const [url, file] of sources) files.set(url, await readFile(file));
    return new ConsoleFiles(files);
  }

  serve(app: FastifyInstance): void {
    for (const [url, bytes] of this.#files) {
      const type = TYPES[url === '/' ? 'html' : url.slice(url.lastIndexOf('.') + 1)]!;
      app.get(url, (_request, reply) =>
        reply.type(type).header('cache-control', 'no-cache').send(bytes),
      );
    }
  }
}
