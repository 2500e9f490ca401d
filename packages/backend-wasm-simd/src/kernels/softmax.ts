import type { WasmFunction } from '../generated/exports';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';

/** Elements worth a thread. */
const grainElements = 16_384;

/** Calls a function of assembly/softmax.ts: units are rows, or strips of four columns; or else single columns. */
function along(
  cx: KernelContext,
  name: WasmFunction,
  shape: readonly number[],
  tensors: readonly WasmTensor[],
  { columns = false, more = [] as readonly number[] } = {},
): void {
  const [outer, n, inner] = shape;
  const across = columns ? inner : Math.ceil(inner / 4);
  const args = [...tensors.map((t) => cx.address(t)), n, inner, ...more];
  const lanes = inner === 1 || columns ? 1 : 4;
  cx.parallel(name, args, outer * across, Math.ceil(grainElements / (lanes * n + 1)));
}

export const softmax: WasmKernel<'softmax'> = (cx, { x, y }) => along(cx, 'softmax', x.shape, [x, y]);
export const logSoftmax: WasmKernel<'logSoftmax'> = (cx, { x, y }) =>
  along(cx, 'logSoftmax', x.shape, [x, y]);
export const softmaxBackward: WasmKernel<'softmaxBackward'> = (cx, { y, gradY, gradX }) =>
  along(cx, 'softmaxBackward', y.shape, [y, gradY, gradX]);
export const logSoftmaxBackward: WasmKernel<'logSoftmaxBackward'> = (cx, { y, gradY, gradX }) =>
  along(cx, 'logSoftmaxBackward', y.shape, [y, gradY, gradX]);
export const amax: WasmKernel<'amax'> = (cx, { x, y }) => along(cx, 'amax', x.shape, [x, y]);
export const amaxBackward: WasmKernel<'amaxBackward'> = (cx, { x, y, gradY, gradX }) =>
  along(cx, 'amaxBackward', x.shape, [x, y, gradY, gradX], { columns: true });
export const argmax: WasmKernel<'argmax'> = (cx, { x, y }) =>
  along(cx, 'argmax', x.shape, [x, y], { columns: true });
export const variance: WasmKernel<'variance'> = (cx, { x, y, mean }, { correction }) =>
  along(cx, 'variance', x.shape, [x, y, mean], { columns: true, more: [correction] });
