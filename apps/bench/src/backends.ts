import type { Backend, OctetError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { createWebgpuBackend } from '@octet/backend-webgpu';
import { UsageError } from './errors';
import { importFromHere } from './import-plugin';

export interface BackendOptions {
  threads: number;
}

type Loader = (options: BackendOptions) => Backend | Promise<Backend>;

/** The backends that `--backend` knows by name, one line each. */
const loaders: Readonly<Record<string, Loader>> = {
  wasm: async ({ threads }) => {
    const backend = await createWasmBackend({ threads });
    await backend.ready;
    return backend;
  },
  webgpu: async ({ threads }) => {
    const backend = await createWebgpuBackend({ powerPreference: 'high-performance' });
    const { software, adapter } = backend.info();
    if (software)
      console.warn(`octet: the GPU is software (${adapter}): its times say nothing about a real one.`);
    return oneThread(backend, threads);
  },
  js: ({ threads }) => oneThread(referenceBackend, threads),
};

export const backendNames = Object.keys(loaders);

/**
 * A backend by its name, or from the module at a path or of a package name: its default export, or its only export that
 * is a backend, or a function `({ threads }) => backend` in place of either.
 *
 * @throws UsageError if there is none, or it can't have that many threads
 */
export async function loadBackend(name: string, options: BackendOptions): Promise<Backend> {
  return Object.hasOwn(loaders, name) ? loaders[name](options) : fromModule(name, options);
}

function oneThread(backend: Backend, threads: number): Backend {
  if (threads === 1) return backend;
  throw new UsageError({
    op: '--threads',
    expected: `1: backend '${backend.name}' has one thread`,
    found: String(threads),
    fix: 'Leave --threads out, or choose a backend that has threads.',
  });
}

async function fromModule(name: string, options: BackendOptions): Promise<Backend> {
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = await importFromHere(name);
  } catch (cause) {
    throw new UsageError(
      {
        op: '--backend',
        expected: `${backendNames.join(', ')}, or the path or package name of a module that exports a backend`,
        found: `'${name}': ${reason(cause)}`,
        fix: 'Paths are taken from the current folder.',
      },
      { cause },
    );
  }
  const candidate = pick(exported);
  if (typeof candidate === 'function') {
    const made: unknown = await candidate(options);
    if (isBackend(made)) return made;
    throw noBackend(name, `a function that returned ${describe(made)}`);
  }
  if (isBackend(candidate)) return oneThread(candidate, options.threads);
  throw noBackend(name, Object.keys(exported).join(', ') || 'no exports');
}

/** The default export, or the only one that may be a backend: backends first, then functions. */
function pick(exported: Readonly<Record<string, unknown>>): unknown {
  if (exported.default !== undefined) return exported.default;
  const values = Object.values(exported);
  const only = (found: unknown[]) => (found.length === 1 ? found[0] : undefined);
  return only(values.filter(isBackend)) ?? only(values.filter((value) => typeof value === 'function'));
}

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false;
  const { name, allocate, write, read, free, kernels } = value as Partial<Backend>;
  return (
    typeof name === 'string' &&
    [allocate, write, read, free].every((method) => typeof method === 'function') &&
    typeof kernels === 'object'
  );
}

function noBackend(name: string, found: string): OctetError {
  return new UsageError({
    op: '--backend',
    expected: `one backend, or one function that makes it, among the exports of '${name}'`,
    found,
    fix: 'Export it as the default; see docs/adding-a-backend.md.',
  });
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/** What Node says, without from where it looked. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0].replace(/ imported from .*/, '');
}
