import { type AbortSignalLike, ArgumentError, warnOnce } from '@octet/backend';

/** How far a file is. */
export interface DownloadProgress {
  readonly url: string;
  /** Bytes that have arrived. */
  readonly loaded: number;
  /** Bytes of the file; null where the server doesn't say. */
  readonly total: number | null;
}

/** How files are fetched from an address. */
export interface DownloadOptions {
  /** Told as pieces of a file arrive from an address, and at its end. */
  onProgress?: (progress: DownloadProgress) => unknown;
  /** Ends the import with the signal's reason. */
  signal?: AbortSignalLike;
  /**
   * The name of a cache of the browser (Cache API) that keeps what was fetched, by address and for good: change the address with the file.
   * Where there is no such API, as on pages without https, files are fetched each time.
   */
  cache?: string;
}

/** What browsers and Node have, of which library code has no types. */
interface Platform {
  fetch?(url: string, options: { signal?: AbortSignalLike }): Promise<FetchResponse>;
  Response: new (body: Uint8Array, options: { headers: unknown }) => FetchResponse;
  caches?: { open(name: string): Promise<FileCache> };
}

interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } } | null;
}

interface FileCache {
  match(url: string): Promise<FetchResponse | undefined>;
  put(url: string, response: FetchResponse): Promise<void>;
}

const platform = globalThis as unknown as Platform;

/**
 * The bytes at an address.
 * @throws ArgumentError for one that can't be fetched; the signal's reason
 */
export async function download(url: string, options: DownloadOptions): Promise<Uint8Array> {
  const { signal, cache: name } = options;
  signal?.throwIfAborted();
  if (!platform.fetch) throw notFound(url, 'an environment without fetch');
  try {
    const cache = name === undefined ? undefined : await openCache(name);
    const kept = await cache?.match(url);
    const response = kept ?? (await platform.fetch(url, signal ? { signal } : {}));
    if (!response.ok) throw notFound(url, `${response.status} ${response.statusText}`);
    const bytes = await readAll(url, response, options);
    if (cache && !kept) await keep(cache, url, bytes);
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ArgumentError ? error : notFound(url, (error as Error).message, error);
  }
}

async function readAll(
  url: string,
  { headers, body }: FetchResponse,
  { onProgress, signal }: DownloadOptions,
): Promise<Uint8Array> {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  // What is packed has the length of the packed bytes.
  const total = Number.isNaN(length) || headers.get('content-encoding') ? null : length;
  const pieces: Uint8Array[] = [];
  let loaded = 0;
  const reader = body?.getReader();
  for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
    pieces.push(piece.value);
    loaded += piece.value.length;
    signal?.throwIfAborted();
    await onProgress?.({ url, loaded, total });
  }
  await onProgress?.({ url, loaded, total: loaded });
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function openCache(name: string): Promise<FileCache | undefined> {
  if (platform.caches) return platform.caches.open(name);
  warnOnce('importOnnx cache', `importOnnx: there is no Cache API here, so nothing is kept in '${name}'`);
  return undefined;
}

async function keep(cache: FileCache, url: string, bytes: Uint8Array): Promise<void> {
  try {
    const headers = { 'content-length': String(bytes.length) };
    await cache.put(url, new platform.Response(bytes, { headers }));
  } catch (error) {
    warnOnce('importOnnx quota', `importOnnx: '${url}' isn't kept: ${(error as Error).message}`);
  }
}

export function notFound(name: string, found: string, cause?: unknown): ArgumentError {
  return new ArgumentError(
    { op: 'importOnnx', expected: `a file at '${name}'`, found, fix: 'Check the name.' },
    cause === undefined ? undefined : { cause },
  );
}
