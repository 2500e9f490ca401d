import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { createWebgpuBackend } from '@octet/backend-webgpu';
import { UsageError } from '@octet/cli/errors';
import { importFromHere } from './import-plugin';
import { backendFrom } from './pick-backend';

export interface BackendOptions {
  threads: number;
  /** Whether a backend with one thread will do. */
  orOne?: boolean;
}

type Loader = (options: BackendOptions) => Backend | Promise<Backend>;

/** The backends that `--backend` knows by name, one line each. */
const loaders: Readonly<Record<string, Loader>> = {
  wasm: async ({ threads }) => {
    const backend = await createWasmBackend({ threads });
    await backend.ready;
    return backend;
  },
  webgpu: async (options) => {
    const backend = await createWebgpuBackend({ powerPreference: 'high-performance' });
    const { software, adapter } = backend.info();
    if (software)
      console.warn(`octet: the GPU is software (${adapter}): its times say nothing about a real one.`);
    return oneThread(backend, options);
  },
  js: (options) => oneThread(referenceBackend, options),
};

export const backendNames = Object.keys(loaders);

/**
 * A backend by its name, or from the module at a path or of a package name: its default export, or its only export that
 * is a backend, or a function `({ threads, reference }) => backend` in place of either, where `reference` is the js backend.
 *
 * @throws UsageError if there is none, or it can't have that many threads
 */
export async function loadBackend(name: string, options: BackendOptions): Promise<Backend> {
  return Object.hasOwn(loaders, name) ? loaders[name](options) : fromModule(name, options);
}

function oneThread(backend: Backend, { threads, orOne }: BackendOptions): Backend {
  if (threads === 1 || orOne) return backend;
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
  const { backend, isFixed } = await backendFrom(exported, name, options);
  return isFixed ? oneThread(backend, options) : backend;
}

/** What Node says, without from where it looked. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0].replace(/ imported from .*/, '');
}
