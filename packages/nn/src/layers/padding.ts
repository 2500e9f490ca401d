import { ArgumentError, checkOptions, describe, requireNumbers } from '@octet/backend';
import { pad, type Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** Amounts before and after each dim, the last one first, or one for all. */
export type PaddingLike = number | readonly number[];

type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** What layers that pad have in common: PyTorch's `_ConstantPadNd`, `_ReflectionPadNd` and the like. */
export abstract class PadNd extends Module {
  static override readonly name: string = 'PadNd';
  static readonly pure = true;

  readonly padding: readonly number[];

  constructor(
    op: string,
    rank: 1 | 2,
    padding: PaddingLike,
    private readonly mode: PadMode,
    readonly value = 0,
  ) {
    super();
    const list = Array.isArray(padding) ? padding : new Array<unknown>(2 * rank).fill(padding);
    if (list.length !== 2 * rank || !list.every(Number.isInteger)) {
      throw new ArgumentError({
        op,
        expected: `a whole number or ${2 * rank}: ${rank === 1 ? '[left, right]' : '[left, right, top, bottom]'}`,
        found: describe(padding),
        fix: "Correct 'padding'.",
      });
    }
    requireNumbers(op, { value });
    this.padding = list;
  }

  forward(x: Tensor): Tensor {
    const { padding, mode, value } = this;
    return pad(x, padding, mode === 'constant' ? value : { mode });
  }

  override extraRepr(): string {
    const { padding, value } = this;
    return repr({ padding, value: value === 0 ? undefined : value });
  }
}

/** The class of a layer that is given only how much to pad. */
interface PadClass {
  readonly name: string;
  /** `padding` has an amount for each side, or is one for all. */
  new (padding: PaddingLike, options?: Record<string, never>): PadNd;
}

/** A class to extend, of layers that pad so. */
function padBy(op: string, rank: 1 | 2, mode: PadMode): PadClass {
  return class extends PadNd {
    constructor(padding: PaddingLike, options?: Record<string, never>) {
      checkOptions(op, options);
      super(op, rank, padding, mode);
    }
  };
}

/** x, rows [N, C, L], with `value` around it: `padding` is one amount or [left, right]. */
export class ConstantPad1d extends PadNd {
  static override readonly name: string = 'ConstantPad1d';

  constructor(padding: PaddingLike, value: number) {
    super('ConstantPad1d', 1, padding, 'constant', value);
  }
}

/** x, images [N, C, H, W], with `value` around it: `padding` is one amount or [left, right, top, bottom]. */
export class ConstantPad2d extends PadNd {
  static override readonly name: string = 'ConstantPad2d';

  constructor(padding: PaddingLike, value: number) {
    super('ConstantPad2d', 2, padding, 'constant', value);
  }
}

/** x, rows [N, C, L], with zeros around it: `padding` is one amount or [left, right]. */
export class ZeroPad1d extends /* @__PURE__ */ padBy('ZeroPad1d', 1, 'constant') {
  static override readonly name: string = 'ZeroPad1d';
}

/** x, images [N, C, H, W], with zeros around it: `padding` is one amount or [left, right, top, bottom]. */
export class ZeroPad2d extends /* @__PURE__ */ padBy('ZeroPad2d', 2, 'constant') {
  static override readonly name: string = 'ZeroPad2d';
}

/** x, rows [N, C, L], with it mirrored at its edges around it, without repeating them: `padding` is one amount or [left, right]. */
export class ReflectionPad1d extends /* @__PURE__ */ padBy('ReflectionPad1d', 1, 'reflect') {
  static override readonly name: string = 'ReflectionPad1d';
}

/** x, images [N, C, H, W], with it mirrored at its edges around it, without repeating them: `padding` is one amount or [left, right, top, bottom]. */
export class ReflectionPad2d extends /* @__PURE__ */ padBy('ReflectionPad2d', 2, 'reflect') {
  static override readonly name: string = 'ReflectionPad2d';
}

/** x, rows [N, C, L], with its edges around it: `padding` is one amount or [left, right]. */
export class ReplicationPad1d extends /* @__PURE__ */ padBy('ReplicationPad1d', 1, 'replicate') {
  static override readonly name: string = 'ReplicationPad1d';
}

/** x, images [N, C, H, W], with its edges around it: `padding` is one amount or [left, right, top, bottom]. */
export class ReplicationPad2d extends /* @__PURE__ */ padBy('ReplicationPad2d', 2, 'replicate') {
  static override readonly name: string = 'ReplicationPad2d';
}

/** x, rows [N, C, L], with what is at its other end around it: `padding` is one amount or [left, right]. */
export class CircularPad1d extends /* @__PURE__ */ padBy('CircularPad1d', 1, 'circular') {
  static override readonly name: string = 'CircularPad1d';
}

/** x, images [N, C, H, W], with what is at its other end around it: `padding` is one amount or [left, right, top, bottom]. */
export class CircularPad2d extends /* @__PURE__ */ padBy('CircularPad2d', 2, 'circular') {
  static override readonly name: string = 'CircularPad2d';
}
