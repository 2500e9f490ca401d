import {
  AutogradError,
  type Backend,
  bytesPerElement,
  type DType,
  DTypeError,
  isFloatDType,
  isQuantizedDType,
  kind,
  requireFlag,
} from '@octet/backend';
import type { GradNode } from './autograd';
import {
  formatShape,
  formatStrides,
  type Layout,
  type MemoryFormat,
  normalizeDim,
  numel,
  sameStrides,
} from './layout';
import type { Methods } from './methods';
import type { QParams } from './qparams';
import { keepStorage } from './scope';
import type { Storage } from './storage';

/**
 * A strided view of a backend's memory, with autograd. Image batches are logical NCHW in either memory format.
 *
 * Most methods are the functions of `ops/`, under the same names and with the same arguments after the first: shapes, formulas
 * and errors are documented there. They are installed by `core-methods.ts` and `methods.ts`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see the interface below
export class Tensor {
  readonly storage: Storage;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly dtype: DType;
  /** Scale and zero point; exactly the quantized dtypes have them. */
  readonly qparams: QParams | undefined;
  /** What `backward` added up here; undefined before, and after `zeroGrad`. */
  grad: Tensor | undefined = undefined;
  private node: GradNode | undefined = undefined;
  private leafRequiresGrad = false;

  /** Ops make tensors with `empty`; users with `tensor`, `zeros`, `randn` and the like. */
  constructor(storage: Storage, { shape, strides, offset }: Layout, dtype: DType, qparams?: QParams) {
    this.storage = storage;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.dtype = dtype;
    this.qparams = qparams;
    if (isQuantizedDType(dtype) !== (qparams !== undefined)) {
      throw new DTypeError({
        op: 'Tensor',
        expected: isQuantizedDType(dtype) ? `qparams for ${dtype}` : `no qparams for ${dtype}`,
        found: qparams ? qparams.scheme : 'none',
        fix: 'Make quantized tensors with quantizePerTensor or quantizePerChannel.',
      });
    }
  }

  // ---- what it is

  get backend(): Backend {
    return this.storage.backend;
  }

  get numel(): number {
    return numel(this.shape);
  }

  get dim(): number {
    return this.shape.length;
  }

  /** The size of one dim; negative ones count from the end. @throws ArgumentError for a dim out of range. */
  size(dim: number): number {
    return this.shape[normalizeDim('size', dim, this.shape.length)];
  }

  /** Bytes of its elements, were they stored alone. */
  get nbytes(): number {
    return this.numel * bytesPerElement(this.dtype);
  }

  get isQuantized(): boolean {
    return this.qparams !== undefined;
  }

  isContiguous(format: MemoryFormat = 'contiguous'): boolean {
    if (format === 'channelsLast' && this.shape.length !== 4) return false;
    return sameStrides(this.shape, this.strides, formatStrides('isContiguous', this.shape, format));
  }

  get [kind](): string {
    return 'Tensor';
  }

  /** Its shape and dtype. Where `@octet/tensor` is imported: its elements, as PyTorch prints them. */
  toString(): string {
    return `tensor(shape=${formatShape(this.shape)}, dtype=${this.dtype})`;
  }

  // ---- autograd

  get requiresGrad(): boolean {
    return this.node !== undefined || this.leafRequiresGrad;
  }

  /** Only leaves can be switched. @throws AutogradError, DTypeError */
  set requiresGrad(value: boolean) {
    requireFlag('requiresGrad', 'requiresGrad', value);
    if (this.node) {
      throw new AutogradError({
        op: 'requiresGrad',
        expected: 'a leaf',
        found: `the result of '${this.node.op}'`,
        fix: 'Use detach() to cut it from the graph.',
      });
    }
    if (value && !isFloatDType(this.dtype)) {
      throw new DTypeError({
        op: 'requiresGrad',
        expected: 'a float dtype',
        found: this.dtype,
        fix: 'Gradients exist for float tensors only; train with fake quantization (prepareQat), not on integers.',
      });
    }
    this.leafRequiresGrad = value;
  }

  get isLeaf(): boolean {
    return this.node === undefined;
  }

  /** The recorded op that made it. */
  get gradNode(): GradNode | undefined {
    return this.node;
  }

  /** For `record`. */
  attachGrad(node: GradNode): void {
    this.node = node;
  }

  /** Makes `backward` keep `.grad` of a tensor that is no leaf, too. */
  retainGrad(): this {
    if (this.node) this.node.retained = this;
    return this;
  }

  /** The same memory, outside of the graph. */
  detach(): Tensor {
    return new Tensor(this.storage, this, this.dtype, this.qparams);
  }

  // ---- memory

  /** Frees the memory now, for all views of it. Optional: garbage collection does it too. */
  dispose(): void {
    this.storage.free();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Keeps it alive past the end of the scopes it was made in: only `dispose` and garbage collection free it. */
  keep(): this {
    keepStorage(this.storage);
    return this;
  }

  /** The integers of a quantized tensor as a plain uint8, int8 or int32 one; shares the memory. */
  intRepr(): Tensor {
    return new Tensor(this.storage, this, this.storage.dtype);
  }
}

export interface Tensor extends Methods {
  /**
   * Overwrites the elements with those of `source` (same shape), in place, unrecorded.
   * @throws AutogradError if one of the two requires a gradient, outside of noGrad
   * @throws ShapeError, DTypeError, QuantizationError if both are quantized but not alike
   */
  copy_(source: Tensor): this;
  /**
   * Sets every element (of a quantized tensor: every integer) to a number, in place, unrecorded.
   * @throws AutogradError if it requires a gradient, outside of noGrad
   */
  fill_(value: number): this;
}
