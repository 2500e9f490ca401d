import { backends, threadsText } from '@octet/web/backends';
import { choices, isSoftwareGpu } from '@octet/web/choices';
import { type Capability, titles } from './capability';

/** What this browser can do for the backends. Also in workers. */
export async function probeMachine(): Promise<Capability[]> {
  return [...(await probeWasm()), ...(await probeGpu())];
}

async function probeWasm(): Promise<Capability[]> {
  const row = (id: Capability['id'], has: boolean, detail: unknown): Capability => ({
    id,
    title: titles[id],
    has,
    detail: String(detail),
  });
  const simd = (has: boolean, detail: unknown): Capability => ({
    ...row('simd', has, detail),
    neededBy: 'wasm',
  });
  try {
    const { backend, dispose } = await backends.wasm.load();
    const info = backend.info?.() ?? {};
    dispose();
    return [
      simd(true, 'this browser has it'),
      row('relaxed', info.variant === 'relaxed simd', info.variantReason),
      row('threads', Number(info.threads) > 1, threadsText(info)),
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    return [
      simd(false, why),
      row('relaxed', false, 'it needs WebAssembly SIMD'),
      row('threads', false, 'they need WebAssembly SIMD'),
    ];
  }
}

/** What of WebGPU is shown here. */
interface Gpu {
  requestAdapter(): Promise<{
    info?: Partial<Record<'vendor' | 'architecture' | 'description', string>> & {
      isFallbackAdapter?: boolean;
    };
  } | null>;
  wgslLanguageFeatures?: { has(name: string): boolean };
}

async function probeGpu(): Promise<Capability[]> {
  const adapterRow = { id: 'adapter', title: titles.adapter, neededBy: 'webgpu' } as const;
  const dotRow = { id: 'dot', title: titles.dot } as const;
  const missing = await choices.webgpu.missing();
  if (missing) {
    return [
      { ...adapterRow, has: false, detail: missing },
      { ...dotRow, has: false, detail: 'it needs WebGPU' },
    ];
  }
  const { gpu } = navigator as unknown as { gpu: Gpu };
  const info = (await gpu.requestAdapter())?.info ?? {};
  const { vendor, architecture, description } = info;
  const name = [vendor, architecture, description].filter(Boolean).join(' ');
  const dot = gpu.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false;
  return [
    { ...adapterRow, has: true, detail: name || 'a GPU without a name', software: isSoftwareGpu(info) },
    { ...dotRow, has: dot, detail: `WGSL ${dot ? 'has' : 'lacks'} packed_4x8_integer_dot_product` },
  ];
}
