import type { OnnxNode, Operand } from '../node';

/** The window of a convolution or pool, and its padding. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly autoPad: string;
  /** Before each dim, then after each; for autoPad NOTSET. */
  readonly pads: readonly number[];
  readonly ceil: boolean;
}

/** @throws OnnxImportError for attributes that aren't windows of one rank */
export function windowOf(node: OnnxNode, kernel: readonly number[]): Window {
  const rank = kernel.length;
  const list = (name: string, absent: number, length = rank, least = 1) => {
    const found = node.ints(name) ?? new Array<number>(length).fill(absent);
    if (found.length === length && found.every((n) => n >= least && n < 2 ** 24)) return found;
    throw node.wrong(`${length} ${name} >= ${least}`, `[${found.slice(0, 12)}]`);
  };
  if (kernel.some((k) => !(k >= 1 && k < 2 ** 24)))
    throw node.wrong('a kernel of sizes >= 1', `[${kernel.slice(0, 12)}]`);
  const autoPad = node.string('auto_pad', 'NOTSET');
  return {
    kernel,
    stride: list('strides', 1),
    dilation: list('dilations', 1),
    pads: autoPad === 'NOTSET' ? list('pads', 0, 2 * rank, 0) : new Array<number>(2 * rank).fill(0),
    autoPad,
    ceil: node.flag('ceil_mode'),
  };
}

/** How far a kernel reaches along dim `d`. */
export function reach({ kernel, dilation }: Window, d: number): number {
  return dilation[d] * (kernel[d] - 1) + 1;
}

/** Padding [before…, after…] for an input of these sizes, with what ceil_mode needs at the end. */
export function padsFor(window: Window, sizes: readonly number[]): number[] {
  const { stride, autoPad, pads, ceil, kernel } = window;
  const before: number[] = [];
  const after: number[] = [];
  for (const [d, size] of sizes.entries()) {
    const k = reach(window, d);
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const total = Math.max(0, (Math.ceil(size / stride[d]) - 1) * stride[d] + k - size);
      before[d] = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      after[d] = total - before[d];
      continue;
    }
    [before[d], after[d]] = [pads[d], pads[d + kernel.length]];
    if (!ceil) continue;
    let out = Math.ceil((size + before[d] + after[d] - k) / stride[d]) + 1;
    // The last window begins in the input or before it.
    if ((out - 1) * stride[d] >= size + before[d]) out--;
    after[d] = Math.max(after[d], (out - 1) * stride[d] + k - size - before[d]);
  }
  return [...before, ...after];
}

/** The padding where it doesn't depend on the input's size, and is alike before and after. */
export function evenPads(window: Window): number[] | undefined {
  const { kernel, stride, autoPad, pads, ceil } = window;
  const rank = kernel.length;
  if (ceil) return undefined;
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    const even = kernel.every((_, d) => stride[d] === 1 && reach(window, d) % 2 === 1);
    return even ? kernel.map((_, d) => (reach(window, d) - 1) / 2) : undefined;
  }
  return kernel.every((_, d) => pads[d] === pads[d + rank]) ? pads.slice(0, rank) : undefined;
}

/** [before…, after…] in the order that `pad` of tensors takes. */
export function tensorPads(pads: readonly number[]): number[] {
  const rank = pads.length / 2;
  return Array.from({ length: rank }, (_, i) => [pads[rank - 1 - i], pads[2 * rank - 1 - i]]).flat();
}

/** A list of one size as two: the windows of a row. */
export function planar(window: Window): Window {
  if (window.kernel.length !== 1) return window;
  const [before, after] = window.pads;
  return {
    ...window,
    kernel: [1, ...window.kernel],
    stride: [1, ...window.stride],
    dilation: [1, ...window.dilation],
    pads: [0, before, 0, after],
  };
}

export type Pair = [number, number];

export function pairOf(list: readonly number[]): Pair {
  return [list[0], list[1]];
}

/** x [N, C, L] as [N, C, 1, L]; what `make` gives for it as [N, C, L]. */
export function inRows(node: OnnxNode, x: Operand, spatial: number, make: (x: Operand) => Operand): Operand {
  if (spatial === 2) return make(x);
  if (spatial !== 1) node.unsupported(`${spatial} spatial dimensions`);
  const row = node.call1((args) => unsqueezeAt(args[0] as never), [x], { op: 'unsqueeze', rank: 4 });
  const y = make(row);
  return {
    ...node.call1((args) => squeezeAt(args[0] as never), [y], { op: 'squeeze', rank: 3 }),
    layer: y.layer,
  };
}

interface Shaped<T> {
  readonly shape: readonly number[];
  reshape(shape: readonly number[]): T;
}

function unsqueezeAt<T extends Shaped<T>>(x: T): T {
  const [n, c, ...rest] = x.shape;
  return x.reshape([n, c, 1, ...rest]);
}

function squeezeAt<T extends Shaped<T>>(x: T): T {
  const [n, c, , ...rest] = x.shape;
  return x.reshape([n, c, ...rest]);
}
