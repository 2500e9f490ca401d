import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@octet/cli/errors';
import { signal } from '@octet/cli/interrupt';
import { chromiumAdvice, chromiumArgs, chromiumPath } from '@octet/web/chromium';
import type { Browser, Page } from 'playwright-core';
import type { Job } from './engine';
import type { Place, Seat } from './place';
import type { Reply, Request } from './protocol';

/** What the page of `web/peers` offers. */
export interface PeersPage {
  answer(seat: number, request: Request): Promise<Reply>;
  leave(seat: number): void;
}

/** The bundle lies in `dist`. */
const root = fileURLToPath(new URL('../web/peers', import.meta.url));
const built = fileURLToPath(new URL('./peers', import.meta.url));

/** Where packages keep the files that an engine loads by itself. */
const ownFiles: Readonly<Record<string, [file: string, folder: string]>> = {
  'litert.js': ['@litertjs/core', '../wasm'],
  'onnxruntime-web': ['onnxruntime-web/wasm', '.'],
  'tfjs-core': ['@tensorflow/tfjs-core', '.'],
  'tfjs-backend-wasm': ['@tensorflow/tfjs-backend-wasm', '.'],
};

/** An engine that has not answered by then has lost a worker: no request takes as long. */
const longestMs = 120_000;

/** Pages of Chromium, cross-origin isolated: engines of one thread share one, those of more have one each. */
export class Chromium implements Place {
  private shared: Promise<Page> | undefined;
  private seats = 0;

  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
  ) {}

  /**
   * Builds the page, and starts the browser and a server for the page and the files in `folders`.
   * @throws UsageError if there is no Chromium
   */
  static async start(folders: readonly string[]): Promise<Chromium> {
    if (chromiumPath === undefined) {
      throw new UsageError({
        op: '--platform browser',
        expected: 'Chromium or Chrome',
        found: 'none',
        fix: chromiumAdvice,
      });
    }
    const { build } = await import('vite');
    await build({ root, configFile: path.join(root, 'vite.config.ts'), logLevel: 'error' });
    signal.throwIfAborted();
    const { chromium } = await import('playwright-core');
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [...chromiumArgs, '--disable-gpu'],
      // Ctrl-C is for the command, which then closes it.
      handleSIGINT: false,
      handleSIGTERM: false,
    });
    return new Chromium(browser, await serve(folders));
  }

  /** Its name and version. */
  get version(): string {
    return `Chromium ${this.browser.version()}`;
  }

  async seat({ threads }: Job): Promise<Seat> {
    const seat = this.seats++;
    this.shared ??= this.open();
    const page = await (threads === 1 ? this.shared : this.open());
    return {
      ask: (request) => this.ask(page, seat, request),
      stop: () => {
        const left = threads === 1 ? page.evaluate((n) => window.peers.leave(n), seat) : page.close();
        // It may be closed already, with the browser.
        left.catch(() => {});
      },
    };
  }

  private async open(): Promise<Page> {
    const page = await this.browser.newPage();
    await page.goto(`http://localhost:${(this.server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'peers' in window);
    return page;
  }

  private async ask(page: Page, seat: number, request: Request): Promise<Reply> {
    signal.throwIfAborted();
    let interrupt = () => {};
    const interrupted = new Promise<never>((_, reject) => {
      interrupt = () => reject(signal.reason);
    });
    signal.addEventListener('abort', interrupt);
    const late = lateReply();
    try {
      const asked = page.evaluate(([n, r]) => window.peers.answer(n, r), [seat, request] as const);
      return await Promise.race([asked, interrupted, late.promise]);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return { kind: 'failed', reason: (error as Error).message.split('\n')[0] };
    } finally {
      late.cancel();
      signal.removeEventListener('abort', interrupt);
    }
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await this.browser.close();
  }
}

/** What an engine that does not answer is taken to say. */
function lateReply(): { promise: Promise<Reply>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<Reply>((resolve) => {
    const reason = `it gave no answer in ${longestMs / 1000} seconds`;
    timer = setTimeout(() => resolve({ kind: 'failed', reason }), longestMs);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

declare global {
  interface Window {
    peers: PeersPage;
  }
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** `/` is the page, `/engines/NAME/` a package's own files, `/files/PATH` a file in one of `folders`. */
async function serve(folders: readonly string[]): Promise<Server> {
  const { resolve } = createRequire(import.meta.url);
  const fileOf = (pathname: string): string | undefined => {
    const [, kind, name, ...rest] = pathname.split('/').map(decodeURIComponent);
    if (kind === 'files') return folders.includes(path.dirname(name)) ? name : undefined;
    if (kind === 'engines') {
      const own = Object.hasOwn(ownFiles, name) ? ownFiles[name] : undefined;
      return own && path.resolve(path.dirname(resolve(own[0])), own[1], path.basename(rest.join('/')));
    }
    const file = path.join(built, pathname === '/' ? 'index.html' : path.normalize(pathname));
    return file.startsWith(built + path.sep) ? file : undefined;
  };
  const server = createServer(({ url = '/' }, response) => {
    const file = fileOf(new URL(url, 'http://localhost').pathname);
    const stats = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file === undefined || !stats?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
      'Content-Type': types[path.extname(file)] ?? 'application/octet-stream',
      'Content-Length': stats.size,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening));
  return server;
}
