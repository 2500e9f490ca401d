import type { GpuTensor } from '../kernel';

/** The sizes of a pool. */
export const poolUniforms = {
  inHeight: 'u32',
  inWidth: 'u32',
  inChannels: 'u32',
  outHeight: 'u32',
  outWidth: 'u32',
  kernelHeight: 'u32',
  kernelWidth: 'u32',
  strideHeight: 'u32',
  strideWidth: 'u32',
  padHeight: 'u32',
  padWidth: 'u32',
} as const;

export interface PoolWindow {
  kernelSize: readonly number[];
  stride: readonly number[];
  padding: readonly number[];
}

/** Adaptive pools find their windows by the sizes alone. */
export const noWindow: PoolWindow = { kernelSize: [0, 0], stride: [0, 0], padding: [0, 0] };

/** @param x [N,H,W,C], @param y [N,OH,OW,C] */
export function poolSizes(x: GpuTensor, y: GpuTensor, { kernelSize, stride, padding }: PoolWindow) {
  const [, inHeight, inWidth, inChannels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  return {
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    kernelHeight: kernelSize[0],
    kernelWidth: kernelSize[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    padHeight: padding[0],
    padWidth: padding[1],
  } satisfies Record<keyof typeof poolUniforms, number>;
}

export const averageUniforms = { ...poolUniforms, adaptive: 'u32', countPad: 'u32' } as const;

/** The windows of average pools, fixed or adaptive, on one axis; of programs with `averageUniforms`. */
export const averageWindows = /* wgsl */ `
// Where an output's window begins and ends, and what the axis contributes to the divisor.
fn windowAt(i: u32, length: u32, cells: u32, kernel: u32, stride: u32, pad: u32) -> vec3u {
  if (u.adaptive != 0u) {
    let start = i * length / cells;
    let end = ((i + 1u) * length + cells - 1u) / cells;
    return vec3u(start, end, end - start);
  }
  // Counted from the padded edge; a window that ceil mode lets hang over the other one is cut off there.
  let first = i * stride;
  let past = min(first + kernel, length + 2u * pad);
  let start = max(first, pad) - pad;
  let end = min(max(past, pad) - pad, length);
  return vec3u(start, end, select(end - start, past - first, u.countPad != 0u));
}
// The first and the last output whose window holds an element.
fn cellsOver(at: u32, length: u32, cells: u32, kernel: u32, stride: u32, pad: u32) -> vec2u {
  if (u.adaptive != 0u) { return vec2u(at * cells / length, ((at + 1u) * cells - 1u) / length); }
  let first = (max(at + pad + stride, kernel) - kernel) / stride;
  return vec2u(first, min((at + pad) / stride, cells - 1u));
}
fn rowWindow(i: u32) -> vec3u {
  return windowAt(i, u.inHeight, u.outHeight, u.kernelHeight, u.strideHeight, u.padHeight);
}
fn columnWindow(i: u32) -> vec3u {
  return windowAt(i, u.inWidth, u.outWidth, u.kernelWidth, u.strideWidth, u.padWidth);
}
fn rowCells(h: u32) -> vec2u {
  return cellsOver(h, u.inHeight, u.outHeight, u.kernelHeight, u.strideHeight, u.padHeight);
}
fn columnCells(w: u32) -> vec2u {
  return cellsOver(w, u.inWidth, u.outWidth, u.kernelWidth, u.strideWidth, u.padWidth);
}
`;
