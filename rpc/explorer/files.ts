/** The explorer page: a handful of files, read once, served with a strict content security policy. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StaticFiles {
  serve(path: string, request: IncomingMessage, response: ServerResponse): void;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Everything comes from this server; nothing inline, nothing framed. WebSockets of this server are `'self'`. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Browsers ask for the second one by themselves. */
const ALIASES: Readonly<Record<string, string>> = { '/': '/index.html', '/favicon.ico': '/icon.svg' };

/**
 * Folder of the page's files. The program runs from sources, from `dist/`, or bundled: the folder is looked for
 * upwards from this file.
 */
export function findStaticDirectory(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const candidate of [join(folder, 'static'), join(folder, 'rpc/explorer/static')])
      if (existsSync(join(candidate, 'index.html'))) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

interface File {
  readonly body: Buffer;
  readonly type: string;
  readonly tag: string;
}

/** @param directory undefined: the node answers 404 for every page and still serves JSON-RPC. */
export function loadStaticFiles(directory: string | undefined): StaticFiles {
  const files = new Map<string, File>();
  if (directory !== undefined)
    for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
      const type = TYPES[extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      const full = join(entry.parentPath, entry.name);
      const body = readFileSync(full);
      const tag = `"${createHash('sha256').update(body).digest('hex').slice(0, 24)}"`;
      files.set(full.slice(directory.length).replaceAll('\\', '/'), { body, type, tag });
    }
  return {
    serve(path, request, response) {
      const file = files.get(ALIASES[path] ?? path);
      if (!file) {
        response.statusCode = 404;
        response.setHeader('Content-Type', 'text/plain; charset=utf-8');
        response.end('NOT_FOUND: no such page\n');
        return;
      }
      response.setHeader('Content-Type', file.type);
      response.setHeader('Content-Security-Policy', POLICY);
      response.setHeader('Referrer-Policy', 'no-referrer');
      response.setHeader('ETag', file.tag);
      // Revalidated each time: a new version of the node shows its new page at once.
      response.setHeader('Cache-Control', 'no-cache');
      if (request.headers['if-none-match'] === file.tag) {
        response.statusCode = 304;
        response.end();
        return;
      }
      response.setHeader('Content-Length', file.body.length);
      response.end(request.method === 'HEAD' ? undefined : file.body);
    },
  };
}
