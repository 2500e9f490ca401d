import { backends } from '@octet/web/backends';

/** Something that a browser has or lacks, and what it says about it. */
export interface Capability {
  id: 'simd' | 'relaxed' | 'threads' | 'adapter' | 'dot';
  title: string;
  has: boolean;
  detail: string;
}

/** What this browser can do for the backends. Also in workers. */
export async function probeMachine(): Promise<Capability[]> {
  return [...(await probeWasm()), ...(await probeGpu())];
}

async function probeWasm(): Promise<Capability[]> {
  const row = (id: Capability['id'], title: string, has: boolean, detail: unknown) =>
    ({ id, title, has, detail: String(detail) }) as const;
  try {
    const { backend, dispose } = await backends.wasm.load();
    const info = backend.info?.() ?? {};
    dispose();
    return [
      row('simd', 'WebAssembly SIMD', true, 'this browser has it'),
      row('relaxed', 'relaxed SIMD', info.variant === 'relaxed simd', info.variantReason),
      row('threads', 'threads', Number(info.threads) > 1, `${info.threads}: ${info.threadsReason}`),
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    return [
      row('simd', 'WebAssembly SIMD', false, why),
      row('relaxed', 'relaxed SIMD', false, 'it needs WebAssembly SIMD'),
      row('threads', 'threads', false, 'they need WebAssembly SIMD'),
    ];
  }
}

/** What of WebGPU is used here. */
interface Gpu {
  requestAdapter(): Promise<{ info?: { vendor: string; architecture: string; description: string } } | null>;
  wgslLanguageFeatures?: { has(name: string): boolean };
}

async function probeGpu(): Promise<Capability[]> {
  const lacking = (why: string): Capability[] => [
    { id: 'adapter', title: 'WebGPU', has: false, detail: why },
    { id: 'dot', title: 'WebGPU dot product', has: false, detail: 'it needs WebGPU' },
  ];
  const { gpu } = navigator as { gpu?: Gpu };
  if (!gpu) {
    return lacking(
      isSecureContext
        ? 'this browser has no WebGPU, or it is switched off'
        : 'the page is not served over https or from localhost, where browsers offer it',
    );
  }
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return lacking('this browser has WebGPU, but finds no GPU that it supports');
  const { vendor, architecture, description } = adapter.info ?? {};
  const dot = gpu.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false;
  return [
    {
      id: 'adapter',
      title: 'WebGPU',
      has: true,
      detail: [vendor, architecture, description].filter(Boolean).join(' ') || 'an adapter without a name',
    },
    {
      id: 'dot',
      title: 'WebGPU dot product',
      has: dot,
      detail: dot ? 'WGSL has packed_4x8_integer_dot_product' : 'WGSL lacks packed_4x8_integer_dot_product',
    },
  ];
}
