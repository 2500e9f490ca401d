/** A backend as a page names it, without the code that loads it. */
export interface Choice {
  label: string;
  /** Why this browser can't have it, as far as that shows without loading its code. */
  missing?(): Promise<string | undefined>;
}

/** One line per backend, by the name that pages know it by; the first is the default. */
export const choices = {
  wasm: { label: 'WebAssembly SIMD' },
  webgpu: { label: 'WebGPU', missing: missingGpu },
  js: { label: 'JavaScript, the reference' },
} satisfies Record<string, Choice>;

export type BackendName = keyof typeof choices;

export const backendNames = Object.keys(choices) as BackendName[];

/** Whether a GPU is made of software, by what its adapter says: it computes the same, and takes as long as it takes. */
export function isSoftwareGpu(info: {
  isFallbackAdapter?: boolean;
  architecture?: string;
  description?: string;
}): boolean {
  const name = `${info.architecture} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(name);
}

async function missingGpu(): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  if (!gpu) {
    return isSecureContext
      ? 'this browser has no WebGPU, or it is switched off'
      : 'browsers have WebGPU only on pages of https or localhost';
  }
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter ? undefined : 'this browser has WebGPU, but finds no GPU that it can use';
}
