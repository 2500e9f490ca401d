import type { AvgPoolAttrs } from '@octet/backend';

/** An image and what its windows make of it. */
export const imageUniforms = {
  inHeight: 'i32',
  inWidth: 'i32',
  outHeight: 'i32',
  outWidth: 'i32',
  channels: 'i32',
} as const;

/** @param x [N,H,W,C], @param y [N,OH,OW,C] */
export function imageSizes(
  x: { readonly shape: readonly number[] },
  y: { readonly shape: readonly number[] },
) {
  const [, inHeight, inWidth, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  return { inHeight, inWidth, outHeight, outWidth, channels };
}

export const averageUniforms = {
  ...imageUniforms,
  kernelHeight: 'i32',
  kernelWidth: 'i32',
  strideHeight: 'i32',
  strideWidth: 'i32',
  padHeight: 'i32',
  padWidth: 'i32',
  countPadding: 'u32',
} as const;

export const averageAttrs = ({ kernelSize, stride, padding, countIncludePad }: AvgPoolAttrs) => ({
  kernelHeight: kernelSize[0],
  kernelWidth: kernelSize[1],
  strideHeight: stride[0],
  strideWidth: stride[1],
  padHeight: padding[0],
  padWidth: padding[1],
  countPadding: countIncludePad ? 1 : 0,
});

// Both of the following define the same four functions:
// rowWindow, columnWindow: the start and end of the rows (columns) under an output's window, and their part of the divisor
// rowCells, columnCells: the first and last output whose window holds the row (column)

/** Windows of an average pool. Programs have `averageUniforms`. */
export const averageWindows = /* wgsl */ `
fn windowAt(i: i32, length: i32, kernel: i32, stride: i32, pad: i32) -> vec3i {
  let first = i * stride - pad;
  // A window that ceil mode lets hang over the padded edge is cut off there.
  let past = min(first + kernel, length + pad);
  let start = max(first, 0);
  let end = min(past, length);
  return vec3i(start, end, select(end - start, past - first, u.countPadding != 0u));
}
fn cellsOver(at: i32, out: i32, kernel: i32, stride: i32, pad: i32) -> vec2i {
  let first = max(at + pad - kernel + stride, 0) / stride;
  return vec2i(first, min((at + pad) / stride, out - 1));
}
fn rowWindow(i: i32) -> vec3i {
  return windowAt(i, u.inHeight, u.kernelHeight, u.strideHeight, u.padHeight);
}
fn columnWindow(i: i32) -> vec3i { return windowAt(i, u.inWidth, u.kernelWidth, u.strideWidth, u.padWidth); }
fn rowCells(h: i32) -> vec2i { return cellsOver(h, u.outHeight, u.kernelHeight, u.strideHeight, u.padHeight); }
fn columnCells(w: i32) -> vec2i { return cellsOver(w, u.outWidth, u.kernelWidth, u.strideWidth, u.padWidth); }
`;

/** Cells of an adaptive average pool: ⌊i · length / out⌋ to ⌈(i + 1) · length / out⌉. Programs have `imageUniforms`. */
export const adaptiveWindows = /* wgsl */ `
fn windowAt(i: i32, length: i32, out: i32) -> vec3i {
  let start = i * length / out;
  let end = ((i + 1) * length + out - 1) / out;
  return vec3i(start, end, end - start);
}
fn cellsOver(at: i32, length: i32, out: i32) -> vec2i {
  return vec2i(at * out / length, ((at + 1) * out - 1) / length);
}
fn rowWindow(i: i32) -> vec3i { return windowAt(i, u.inHeight, u.outHeight); }
fn columnWindow(i: i32) -> vec3i { return windowAt(i, u.inWidth, u.outWidth); }
fn rowCells(h: i32) -> vec2i { return cellsOver(h, u.inHeight, u.outHeight); }
fn columnCells(w: i32) -> vec2i { return cellsOver(w, u.inWidth, u.outWidth); }
`;
