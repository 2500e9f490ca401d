import { type Address, nowhere } from '../address';
import { depth, maxTile, panel, unitRows } from '../generated/constants';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';
import { boundsOf, unbounded } from './bounds';

/** Multiply-adds worth a thread: about 20 µs. */
export const workGrain = 500_000;
/** Units enough to keep all threads busy to the end. */
const manyUnits = 16;

/** How packed matrices of n columns are laid out in memory: see packPanels. */
export interface PanelSource {
  matrices: number;
  matrixStep: number;
  n: number;
  columnStep: number;
  k: number;
  kStep: number;
  taps?: number;
  tapStep?: number;
}

/** What is packed: a tensor, or what `at` makes of it. */
export interface Packable {
  readonly of: WasmTensor;
  at(): Address;
}

export function packable(cx: KernelContext, of: WasmTensor): Packable {
  return { of, at: () => cx.address(of) };
}

/** Packs the right operand of a product. */
export function packPanels(cx: KernelContext, { of, at }: Packable, source: PanelSource): Address {
  const { matrices, matrixStep, n, columnStep, k, kStep, taps = 1, tapStep = 0 } = source;
  const panels = matrices * Math.ceil(n / panel);
  return cx.derived(of, panels * panel * 4 * k * taps, (packed) => {
    const args = { b: at(), packed, matrixStep, n, columnStep, k, kStep, taps, tapStep };
    cx.parallel('packPanels', args, panels, Math.ceil(40_000 / (panel * k * taps + 1)));
  });
}

/** What a block of rows takes that is packed, some elements of k at a time. */
export function packedRowsBytes(count: number, k: number): number {
  return (count + maxTile - 1) * Math.min(k, depth) * 4;
}

/** y [batch,m,n] = a · b (+ bias, clamped), b packed; the strides are in bytes, from one matrix to the next. */
export function multiply(
  cx: KernelContext,
  a: { address: Address; step: number; transposed?: boolean },
  b: { packed: Address; step: number },
  bias: Address,
  y: Address,
  [batch, m, n, k]: readonly [batch: number, m: number, n: number, k: number],
  bounds = unbounded,
): void {
  const blocks = batch * Math.ceil(m / unitRows);
  const panels = Math.ceil(n / panel);
  // Few rows: columns too are shared out. By the shapes alone, so that results don't depend on the threads.
  const span = Math.max(1, Math.ceil(panels / Math.ceil(manyUnits / Math.max(1, blocks))));
  const scratch = packedRowsBytes(unitRows, k) + (a.transposed ? unitRows * k * 4 : 0);
  const args = {
    a: a.address,
    aStep: a.step,
    transposed: a.transposed ?? false,
    packed: b.packed,
    bStep: b.step,
    bias,
    ...bounds,
    y,
    m,
    n,
    k,
    span,
    ...cx.scratchEach(scratch),
  };
  const grain = Math.ceil(workGrain / (unitRows * span * panel * k + 1));
  cx.parallel('multiply', args, blocks * Math.ceil(panels / span), grain);
}

/** a [ba,m,k] (or [ba,k,m]), b [bb,k,n] (or [bb,n,k]) → y [batch,m,n], clamped */
export const matmul: WasmKernel<'matmul'> = (cx, { a, b, y }, { transposeA, transposeB, clamp }) => {
  const [batch, m, n] = y.shape;
  const k = a.shape[transposeA ? 1 : 2];
  const packed = packPanels(cx, packable(cx, b), {
    matrices: b.shape[0],
    matrixStep: n * k,
    n,
    columnStep: transposeB ? k : 1,
    k,
    kStep: transposeB ? 1 : n,
  });
  const aStep = a.shape[0] > 1 ? m * k * 4 : 0;
  const bStep = b.shape[0] > 1 ? Math.ceil(n / panel) * panel * k * 4 : 0;
  const left = { address: cx.address(a), step: aStep, transposed: transposeA };
  multiply(cx, left, { packed, step: bStep }, nowhere, cx.address(y), [batch, m, n, k], boundsOf(clamp));
};

/** Up to this many rows, weights are read as they are: each is used too rarely to pay for packing. */
export const fewRows = 4;

/** x [m,k], weight [n,k], bias [n]? → y [m,n], clamped */
export const linear: WasmKernel<'linear'> = (cx, { x, weight, bias, y }, { clamp }) => {
  const [m, n] = y.shape;
  const k = x.shape[1];
  const biasAt = cx.addressIfAny(bias);
  const bounds = boundsOf(clamp);
  if (m <= fewRows) {
    const addresses = { x: cx.address(x), weight: cx.address(weight), bias: biasAt, y: cx.address(y) };
    const args = { ...addresses, ...bounds, m, n, k };
    cx.parallel('dotRows', args, Math.ceil(n / 4), Math.ceil(workGrain / (8 * m * k + 1)));
    return;
  }
  const source = { matrices: 1, matrixStep: 0, n, columnStep: k, k, kStep: 1 };
  const packed = packPanels(cx, packable(cx, weight), source);
  const left = { address: cx.address(x), step: 0 };
  multiply(cx, left, { packed, step: 0 }, biasAt, cx.address(y), [1, m, n, k], bounds);
};
