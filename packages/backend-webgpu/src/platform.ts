/// <reference types="@webgpu/types" />
// What this package uses of the web's and Node's globals: libraries are compiled without DOM and Node types. WebGPU's own
// types are for the sources alone; those that users see are in create.ts.

interface Platform {
  navigator?: { gpu?: GPU };
  process?: { versions?: { node?: string } };
  setTimeout(callback: () => void, ms: number): unknown;
  console: { error(message: string): void };
}

export const platform = globalThis as unknown as Platform;

/** WebGPU's flags; their global namespaces exist only where `navigator.gpu` does. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyDestination: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;
export const mapModeRead = 0x1;
export const shaderStageCompute = 0x4;
