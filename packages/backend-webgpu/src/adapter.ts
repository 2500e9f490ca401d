import { BackendError } from '@octet/backend';
import { platform } from './platform';

// Collected while a device of it lives, Node's GPU would crash the process. Shared by copies of this package.
const nodeGpu = Symbol.for('octet.webgpu');

const firstLine = (error: unknown) => String(error).split('\n')[0];

/** The browser's GPU object; in Node the one of the package `webgpu`. @throws BackendError if there is none */
export async function findGpu(): Promise<GPU> {
  const { gpu } = platform.navigator ?? {};
  if (gpu) return gpu;
  if (!platform.process?.versions?.node) {
    throw new BackendError({
      op: 'createWebgpuBackend',
      expected: 'a browser with WebGPU, on a page of https or localhost',
      found: 'one without navigator.gpu',
      fix: 'Use another backend here: createWasmBackend() runs in every browser.',
    });
  }
  const globals = platform as { [nodeGpu]?: GPU };
  // Not as a constant: bundlers would look for the package.
  const name = ['web', 'gpu'].join('');
  try {
    const { create } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
      create(flags: string[]): GPU;
    };
    globals[nodeGpu] ??= create([]);
    return globals[nodeGpu];
  } catch (cause) {
    throw new BackendError(
      {
        op: 'createWebgpuBackend',
        expected: "the package 'webgpu', which brings WebGPU to Node",
        found: `none that can be loaded: ${firstLine(cause)}`,
        fix: 'Run npm install webgpu, or give a device or an adapter.',
      },
      { cause },
    );
  }
}

/** The system's adapter. @throws BackendError if there is none */
export async function findAdapter(powerPreference: GPUPowerPreference | undefined): Promise<GPUAdapter> {
  const gpu = await findGpu();
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (adapter) return adapter;
  throw new BackendError({
    op: 'createWebgpuBackend',
    expected: 'a GPU that WebGPU can use',
    found: 'no adapter',
    fix:
      'Use another backend here, or a software GPU: on Linux set VK_ICD_FILENAMES to the ' +
      'vk_swiftshader_icd.json of a Chromium, and LD_LIBRARY_PATH to its folder, before the program starts.',
  });
}

const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** A device with all that the adapter allows. @throws BackendError if it gives none */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  try {
    const requiredLimits = Object.fromEntries(limits.map((name) => [name, adapter.limits[name]]));
    return await adapter.requestDevice({ label: 'octet', requiredLimits });
  } catch (cause) {
    throw new BackendError(
      {
        op: 'createWebgpuBackend',
        expected: 'an adapter that gives a device',
        found: firstLine(cause),
        fix: 'Ask for a new adapter: one gives a single device.',
      },
      { cause },
    );
  }
}

/** Whether the device's WGSL has `dot4I8Packed`. */
export async function hasDotProduct(device: GPUDevice): Promise<boolean> {
  // WGSL refuses a feature exactly where navigator.gpu.wgslLanguageFeatures lacks it; this asks the device itself.
  device.pushErrorScope('validation');
  device.createShaderModule({ code: 'requires packed_4x8_integer_dot_product;' });
  return (await device.popErrorScope()) === null;
}
