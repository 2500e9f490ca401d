import {
  AutogradError,
  type Backend,
  bytesPerElement,
  type DType,
  DTypeError,
  isFloatDType,
  isQuantizedDType,
  kind,
  QuantizationError,
  type QuantizedDType,
  readNow,
  requireFlag,
  requireType,
  ShapeError,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { type BackwardOptions, backward, checkRead, type GradNode, record, willRecord } from './autograd';
import { as, dense, emptyOn, expandTo, packed, requireTensor, run } from './kernel';
import {
  formatShape,
  formatStrides,
  isDense,
  type Layout,
  type MemoryFormat,
  normalizeDim,
  numel,
  sameShape,
  sameStrides,
} from './layout';
import * as ops from './ops';
import { formatTensor } from './print';
import { type QParams, sameQParams } from './qparams';
import { keepStorage, tidy } from './scope';
import { requireBackend, Storage } from './storage';
import { activeWatch } from './watch';

type Dims = number | readonly number[];

/**
 * A strided view of a backend's memory, with autograd. Image batches are logical NCHW in either memory format.
 *
 * The methods are the functions of `ops/`, one file each: shapes, formulas and errors are documented there.
 */
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

  // ---- reading

  /**
   * A copy of the elements in row-major order; the integers of a quantized tensor, 0 and 1 of a bool one.
   */
  async data(): Promise<TypedArray> {
    // A backend's read gives the elements as they are at the call.
    let elements: Promise<TypedArray> | undefined;
    tidy(() => {
      const t = dense(this);
      activeWatch()?.read('data', t.storage);
      elements = t.backend.read(t.storage.buffer, t.numel);
    });
    return elements as Promise<TypedArray>;
  }

  /** As `data`, at once. @throws BackendError on a backend that can't (WebGPU): use `await t.data()`. */
  dataSync(): TypedArray {
    return tidy(() => readTensor('dataSync', dense(this), 'Read with await t.data().'));
  }

  /** The number in a tensor of one element. @throws ShapeError if it has more. */
  async item(): Promise<number> {
    this.requireOne('item');
    return (await this.data())[0];
  }

  /** As `item`, at once. */
  itemSync(): number {
    this.requireOne('itemSync');
    return this.dataSync()[0];
  }

  private requireOne(op: string): void {
    if (this.numel === 1) return;
    throw new ShapeError({
      op,
      expected: 'a tensor of one element',
      found: formatShape(this.shape),
      fix: 'Use data() for more.',
    });
  }

  /** As PyTorch prints: `tensor([[1., 2.], …])`. */
  toString(): string {
    return formatTensor(this);
  }

  get [kind](): string {
    return 'Tensor';
  }

  /** What console.log shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return formatTensor(this);
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

  /** Adds d(this)/d(leaf) · gradient to `grad` of every leaf. @throws AutogradError */
  backward(gradient?: Tensor, options?: BackwardOptions): void {
    backward(this, gradient, options);
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

  /**
   * Overwrites the elements with those of `source` (same shape), in place, unrecorded.
   * @throws AutogradError if one of the two requires a gradient, outside of noGrad
   * @throws ShapeError, DTypeError, QuantizationError if both are quantized but not alike
   */
  copy_(source: Tensor): this {
    requireTensor('copy_', source);
    this.requireUnrecorded('copy_', this);
    this.requireUnrecorded('copy_', source);
    if (!sameShape(source.shape, this.shape)) {
      throw new ShapeError({
        op: 'copy_',
        expected: `a source of shape ${formatShape(this.shape)}`,
        found: formatShape(source.shape),
        fix: 'Reshape or expand the source.',
      });
    }
    if (source.dtype !== this.dtype && (source.qparams || this.qparams)) {
      throw new DTypeError({
        op: 'copy_',
        expected: this.dtype,
        found: source.dtype,
        fix: 'Quantize or dequantize the source first.',
      });
    }
    if (!sameQParams(source.qparams, this.qparams)) {
      throw new QuantizationError({
        op: 'copy_',
        expected: 'a source of the same scale and zero point',
        found: 'another',
        fix: 'Its integers mean other numbers: dequantize it and quantize it anew, or copy intRepr() if that is meant.',
      });
    }
    tidy(() => this.overwrite('copy_', source.detach().to(this.backend).to(this.dtype)));
    return this;
  }

  /**
   * Sets every element (of a quantized tensor: every integer) to a number, in place, unrecorded.
   * @throws AutogradError if it requires a gradient, outside of noGrad
   */
  fill_(value: number): this {
    // true and false fill tensors of bool.
    if (typeof value !== 'boolean') requireType('fill_', 'value', value, 'number');
    this.requireUnrecorded('fill_', this);
    if (this.offset === 0 && this.storage.length === this.numel && isDense(this.shape, this.strides)) {
      run('fill', {}, { y: this }, { value });
      this.storage.writer = 'fill_';
      return this;
    }
    // A view: only its own elements.
    tidy(() => {
      const one = new Tensor(
        Storage.allocate(this.backend, this.storage.dtype, 1),
        { shape: [], strides: [], offset: 0 },
        this.storage.dtype,
      );
      this.overwrite('fill_', expandTo(one.fill_(value), this.shape));
    });
    return this;
  }

  private requireUnrecorded(op: string, t: Tensor): void {
    if (!willRecord(t)) return;
    throw new AutogradError({
      op,
      expected: 'tensors without gradients, or noGrad: what changes in place is not recorded',
      found: `a ${t === this ? 'target' : 'source'} ${formatShape(t.shape)} that requires one`,
      fix: t === this ? `Use noGrad(() => t.${op}(…)).` : 'Use source.detach().',
    });
  }

  private overwrite(op: string, source: Tensor): void {
    const { storage } = this;
    // Kernels never read and write the same memory.
    const from = source.storage === storage ? copied(source) : source;
    const attrs = {
      shape: this.shape,
      xStrides: from.strides,
      xOffset: from.offset,
      yStrides: this.strides,
      yOffset: this.offset,
    };
    run('copyStrided', { x: as(from, [from.storage.length]) }, { y: as(this, [storage.length]) }, attrs);
    storage.writer = op;
  }

  /**
   * A copy in another dtype or on another backend; itself, if it is that already. Gradients flow back through it.
   * @throws DTypeError for quantized dtypes, BackendError if the backend it leaves can't be read at once: see `toAsync`
   */
  to(target: DType | Backend): Tensor {
    if (typeof target === 'string') return ops.cast(this, target as StorageDType);
    requireBackend('to', target);
    if (target === this.backend) return this;
    const t = packed(this);
    return this.movedTo(target, t.strides, readTensor('to', t, 'Move it with await t.toAsync(backend).'));
  }

  /** As `to(backend)`, also from a backend that can't be read at once (WebGPU). The elements are those at the call. */
  async toAsync(backend: Backend): Promise<Tensor> {
    requireBackend('toAsync', backend);
    if (backend === this.backend) return this;
    const t = packed(this);
    activeWatch()?.read('toAsync', t.storage);
    return this.movedTo(backend, t.strides, await t.backend.read(t.storage.buffer, t.numel));
  }

  private movedTo(backend: Backend, strides: readonly number[], elements: TypedArray): Tensor {
    const storage = Storage.allocate(backend, this.storage.dtype, this.numel);
    backend.write(storage.buffer, elements);
    const moved = new Tensor(storage, { shape: this.shape, strides, offset: 0 }, this.dtype, this.qparams);
    const home = this.backend;
    return record('to', moved, { x: this }, (grad) => [grad.to(home)]);
  }

  // ---- quantized tensors

  /** float → integers with one scale and zero point. @throws QuantizationError for a bad scale or zero point */
  quantizePerTensor(scale: number, zeroPoint: number, dtype: QuantizedDType): Tensor {
    return ops.quantizePerTensor(this, scale, zeroPoint, dtype);
  }
  /** float → integers with a scale and zero point for each index of `axis`. */
  quantizePerChannel(
    scales: ArrayLike<number>,
    zeroPoints: ArrayLike<number>,
    axis: number,
    dtype: QuantizedDType,
  ): Tensor {
    return ops.quantizePerChannel(this, scales, zeroPoints, axis, dtype);
  }
  /** (q - zeroPoint) * scale, float32. */
  dequantize(): Tensor {
    return ops.dequantize(this);
  }
  /** The integers as a plain uint8, int8 or int32 tensor; shares the memory. */
  intRepr(): Tensor {
    return new Tensor(this.storage, this, this.storage.dtype);
  }

  // ---- ops
  // <ops>
  add(other: Tensor | number, options?: ops.ClampOptions): Tensor {
    return ops.add(this, other, options);
  }
  sub(other: Tensor | number, options?: Record<string, never>): Tensor {
    return ops.sub(this, other, options);
  }
  mul(other: Tensor | number, options?: ops.ClampOptions): Tensor {
    return ops.mul(this, other, options);
  }
  div(other: Tensor | number, options?: Record<string, never>): Tensor {
    return ops.div(this, other, options);
  }
  neg(): Tensor {
    return ops.neg(this);
  }
  affine(scale: number, shift: number): Tensor {
    return ops.affine(this, scale, shift);
  }
  exp(): Tensor {
    return ops.exp(this);
  }
  log(): Tensor {
    return ops.log(this);
  }
  sqrt(): Tensor {
    return ops.sqrt(this);
  }
  abs(): Tensor {
    return ops.abs(this);
  }
  square(): Tensor {
    return ops.square(this);
  }
  pow(exponent: number): Tensor {
    return ops.pow(this, exponent);
  }
  relu(): Tensor {
    return ops.relu(this);
  }
  relu6(): Tensor {
    return ops.relu6(this);
  }
  hardswish(): Tensor {
    return ops.hardswish(this);
  }
  hardsigmoid(): Tensor {
    return ops.hardsigmoid(this);
  }
  sigmoid(): Tensor {
    return ops.sigmoid(this);
  }
  tanh(): Tensor {
    return ops.tanh(this);
  }
  gelu(options?: Record<string, never>): Tensor {
    return ops.gelu(this, options);
  }
  leakyRelu(negativeSlope?: number): Tensor {
    return ops.leakyRelu(this, negativeSlope);
  }
  clone(): Tensor {
    return ops.clone(this);
  }
  clamp(min?: number, max?: number): Tensor {
    return ops.clamp(this, min, max);
  }
  hardtanh(minVal?: number, maxVal?: number): Tensor {
    return ops.hardtanh(this, minVal, maxVal);
  }
  softmax(dim: number): Tensor {
    return ops.softmax(this, dim);
  }
  logSoftmax(dim: number): Tensor {
    return ops.logSoftmax(this, dim);
  }
  sum(dims?: Dims, keepDim?: boolean): Tensor {
    return ops.sum(this, dims, keepDim);
  }
  mean(dims?: Dims, keepDim?: boolean): Tensor {
    return ops.mean(this, dims, keepDim);
  }
  var(dims?: Dims, options?: ops.VarianceOptions): Tensor {
    return ops.variance(this, dims, options);
  }
  amax(dims?: Dims, keepDim?: boolean): Tensor {
    return ops.amax(this, dims, keepDim);
  }
  argmax(dim?: number, keepDim?: boolean): Tensor {
    return ops.argmax(this, dim, keepDim);
  }
  matmul(other: Tensor, options?: ops.ClampOptions): Tensor {
    return ops.matmul(this, other, options);
  }
  linear(weight: Tensor, bias?: Tensor, options?: ops.ClampOptions): Tensor {
    return ops.linear(this, weight, bias, options);
  }
  conv2d(weight: Tensor, bias?: Tensor, options?: ops.Conv2dOptions): Tensor {
    return ops.conv2d(this, weight, bias, options);
  }
  maxPool2d(kernelSize: ops.PairLike, options?: ops.MaxPool2dOptions): Tensor {
    return ops.maxPool2d(this, kernelSize, options);
  }
  avgPool2d(kernelSize: ops.PairLike, options?: ops.AvgPool2dOptions): Tensor {
    return ops.avgPool2d(this, kernelSize, options);
  }
  adaptiveAvgPool2d(outputSize: ops.PairLike): Tensor {
    return ops.adaptiveAvgPool2d(this, outputSize);
  }
  batchNorm(options: ops.BatchNormOptions): Tensor {
    return ops.batchNorm(this, options);
  }
  layerNorm(normalizedShape: readonly number[], weight?: Tensor, bias?: Tensor, eps?: number): Tensor {
    return ops.layerNorm(this, normalizedShape, weight, bias, eps);
  }
  dropout(p?: number, options?: ops.DropoutOptions): Tensor {
    return ops.dropout(this, p, options);
  }
  nllLoss(target: Tensor, options?: ops.NllLossOptions): Tensor {
    return ops.nllLoss(this, target, options);
  }
  crossEntropy(target: Tensor, options?: ops.CrossEntropyOptions): Tensor {
    return ops.crossEntropy(this, target, options);
  }
  mseLoss(target: Tensor, options?: ops.LossOptions): Tensor {
    return ops.mseLoss(this, target, options);
  }
  l1Loss(target: Tensor, options?: ops.LossOptions): Tensor {
    return ops.l1Loss(this, target, options);
  }
  reshape(shape: readonly number[]): Tensor {
    return ops.reshape(this, shape);
  }
  flatten(startDim?: number, endDim?: number): Tensor {
    return ops.flatten(this, startDim, endDim);
  }
  permute(dims: readonly number[]): Tensor {
    return ops.permute(this, dims);
  }
  transpose(dim0: number, dim1: number): Tensor {
    return ops.transpose(this, dim0, dim1);
  }
  squeeze(dim?: number): Tensor {
    return ops.squeeze(this, dim);
  }
  unsqueeze(dim: number): Tensor {
    return ops.unsqueeze(this, dim);
  }
  expand(shape: readonly number[]): Tensor {
    return ops.expand(this, shape);
  }
  slice(dim: number, start?: number, end?: number, step?: number): Tensor {
    return ops.slice(this, dim, start, end, step);
  }
  select(dim: number, index: number): Tensor {
    return ops.select(this, dim, index);
  }
  chunk(chunks: number, dim?: number): Tensor[] {
    return ops.chunk(this, chunks, dim);
  }
  pad(pad: readonly number[], value?: number): Tensor {
    return ops.pad(this, pad, value);
  }
  contiguous(options?: { memoryFormat?: MemoryFormat }): Tensor {
    return ops.contiguous(this, options);
  }
  // </ops>
}

/** A row-major copy in memory of its own. */
function copied(x: Tensor): Tensor {
  const y = emptyOn(x, x.shape, { qparams: x.qparams });
  const attrs = { shape: x.shape, xStrides: x.strides, xOffset: x.offset, yStrides: y.strides, yOffset: 0 };
  run('copyStrided', { x: as(x, [x.storage.length]) }, { y }, attrs);
  return y;
}

/** The elements of a dense tensor as they lie. */
function readTensor(op: string, t: Tensor, fix: string): TypedArray {
  const { backend, storage, numel } = t;
  checkRead('tensor', t);
  activeWatch()?.read(op, storage);
  return readNow(op, backend, storage.buffer, numel, fix);
}
