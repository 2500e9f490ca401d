import { ArgumentError, type Backend, checkOptions, requireList } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';

/** The backends of Octet, by short names. */
export type BackendName = 'webgpu' | 'wasm' | 'js';

export interface BestBackendOptions {
  /** What to try, in this order. Default: `['webgpu', 'wasm', 'js']`. */
  order?: readonly BackendName[];
  /** Whether a GPU made of software counts as one. Default: no, for it is slower than WebAssembly. */
  softwareGpu?: boolean;
}

/** A backend that was tried and isn't used. */
export interface PassedOver {
  readonly name: BackendName;
  readonly reason: string;
}

export interface BestBackend {
  readonly backend: Backend;
  readonly name: BackendName;
  /** Those before it in the order. */
  readonly passedOver: readonly PassedOver[];
}

/** Makes a backend, or says why there is none. */
type Attempt = (options: BestBackendOptions) => Promise<Backend | string>;

const attempts: Readonly<Record<BackendName, Attempt>> = {
  async webgpu({ softwareGpu = false }) {
    const { createWebgpuBackend } = await import('@octet/backend-webgpu');
    const backend = await createWebgpuBackend();
    const { software, adapter } = backend.info();
    if (!software || softwareGpu) return backend;
    backend.dispose();
    return `its GPU is made of software (${adapter})`;
  },
  async wasm() {
    const { createWasmBackend } = await import('@octet/backend-wasm-simd');
    return createWasmBackend();
  },
  js: () => Promise.resolve(referenceBackend),
};

/**
 * The first backend of the order that works here, and why those before it don't. It isn't set: `setBackend(backend)` does that.
 *
 * WebGPU comes first since it is the fastest for large networks and batches. Small networks in int8 are faster in WebAssembly:
 * measure with `pnpm bench`, and pass `order: ['wasm', 'js']` for those.
 *
 * @throws ArgumentError for an unknown name, or if no backend of the order works here
 */
export async function bestBackend(options?: BestBackendOptions): Promise<BestBackend> {
  const chosen = checkOptions('bestBackend', options, 'order softwareGpu');
  const { order = ['webgpu', 'wasm', 'js'] } = chosen;
  requireList('bestBackend', 'order', order);
  const unknown = order.find((name) => !Object.hasOwn(attempts, name));
  if (unknown !== undefined)
    throw noBackend(`backends of ${Object.keys(attempts).join(', ')}`, String(unknown));
  const passedOver: PassedOver[] = [];
  for (const name of order) {
    const found = await attempts[name](chosen).catch((error: Error) => error.message);
    if (typeof found !== 'string') return { backend: found, name, passedOver };
    passedOver.push({ name, reason: found });
  }
  const reasons = passedOver.map(({ name, reason }) => `${name}: ${reason}`);
  throw noBackend('a backend that works here', reasons.join('; ') || 'an empty order');
}

function noBackend(expected: string, found: string): ArgumentError {
  return new ArgumentError({
    op: 'bestBackend',
    expected,
    found,
    fix: "'js' works everywhere: let the order end with it.",
  });
}
