// Serves a folder: node serve.mjs FOLDER [PORT]. With the headers that make a page cross-origin isolated, which is what
// threads need; --no-isolation leaves them out.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {Record<string, string>} */
const types = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/**
 * @param {string} folder
 * @param {{ port?: number, isolated?: boolean, policy?: string }} [options] any free port, and isolated; `policy` is the
 * Content-Security-Policy
 * @returns {Promise<{ url: string, close(): void }>}
 */
export function serve(folder, { port = 0, isolated = true, policy } = {}) {
  const root = path.resolve(folder);
  const headers = {
    ...(isolated && {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    }),
    ...(policy && { 'Content-Security-Policy': policy }),
  };
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const file = path.join(root, path.normalize(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
    if (!file.startsWith(root + path.sep) || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = types[path.extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { ...headers, 'Content-Type': type });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(port, 'localhost', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve({
        url: `http://localhost:${address.port}/`,
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = '.', port = '4173'] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  const isolated = !process.argv.includes('--no-isolation');
  const { url } = await serve(folder, { port: Number(port), isolated });
  console.log(url);
}
