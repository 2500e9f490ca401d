import {
  ArgumentError,
  AutogradError,
  type Backend,
  DTypeError,
  hostArray,
  ShapeError,
  type TypedArray,
} from '@octet/backend';
import {
  formatShape,
  fromData,
  getBackend,
  numel,
  record,
  Tensor,
  willRecord,
} from '@octet/tensor/functional';

/** The dtypes of numbers on the host: those of tensors but float64. */
export type HostDType = 'float32' | 'int32' | 'uint8' | 'int8' | 'bool';

/** What a graph passes from node to node. */
export type Value = Tensor | HostTensor;

/** Elements that host tensors made from now on may have. */
let limit = 2 ** 28;

/** Runs `fn`, in which a host tensor of more than `elements` is a ShapeError. */
export function withLimit<T>(elements: number, fn: () => T): T {
  const before = limit;
  limit = Math.min(limit, elements);
  try {
    return fn();
  } finally {
    limit = before;
  }
}

/**
 * Numbers on the host, row-major: shapes, axes, indices, masks, and what a graph works out from them. The methods are
 * those of `Tensor` of the same name; nothing changes in place.
 */
export class HostTensor {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: HostDType;

  /** @throws ShapeError if the length doesn't fit the shape */
  constructor(data: TypedArray, shape: readonly number[], dtype: HostDType) {
    if (data.length !== numel(shape)) throw tooMany(shape, `${data.length} elements`);
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** Zeros. @throws ShapeError for a shape that is none, or of more elements than the limit */
  static zeros(shape: readonly number[], dtype: HostDType): HostTensor {
    checkSize(shape);
    return new HostTensor(hostArray(dtype, numel(shape)), shape, dtype);
  }

  /** @throws ArgumentError for a number that is no int32, if that is the dtype */
  static of(values: ArrayLike<number>, shape: readonly number[], dtype: HostDType): HostTensor {
    const out = HostTensor.zeros(shape, dtype);
    if (values.length !== out.numel) throw tooMany(shape, `${values.length} elements`);
    for (let i = 0; i < values.length; i++)
      out.data[i] = dtype === 'int32' ? checkedInt(values[i]) : values[i];
    return out;
  }

  static ints(values: readonly number[]): HostTensor {
    return HostTensor.of(values, [values.length], 'int32');
  }

  get numel(): number {
    return this.data.length;
  }

  get dim(): number {
    return this.shape.length;
  }

  /** The elements that `strides` and `offset` show under `shape`, in a tensor of their own. */
  strided(shape: readonly number[], strides: readonly number[], offset = 0): HostTensor {
    const out = HostTensor.zeros(shape, this.dtype);
    const { data } = this;
    // The last dims that lie one after the other are one run.
    let dim = shape.length;
    let run = 1;
    while (dim > 0 && (shape[dim - 1] === 1 || strides[dim - 1] === run)) run *= shape[--dim];
    const [count, step] = run > 1 || dim === 0 ? [1, 0] : [shape[dim - 1], strides[dim - 1]];
    if (run === 1 && dim > 0) dim--;
    const at = new Array<number>(dim).fill(0);
    let from = offset;
    for (let i = 0; i < out.numel; i += run * count) {
      if (run > 1) out.data.set(data.subarray(from, from + run), i);
      else for (let k = 0; k < count; k++) out.data[i + k] = data[from + k * step];
      for (let d = dim - 1; d >= 0; d--) {
        from += strides[d];
        if (++at[d] < shape[d]) break;
        from -= strides[d] * shape[d];
        at[d] = 0;
      }
    }
    return out;
  }

  /** @throws ShapeError if the counts differ */
  reshape(shape: readonly number[]): HostTensor {
    const known = numel(shape.filter((d) => d !== -1));
    const target = shape.map((d) => (d === -1 && known > 0 ? this.numel / known : d));
    if (target.some((d) => !Number.isInteger(d) || d < 0) || numel(target) !== this.numel) {
      throw tooMany(shape, formatShape(this.shape));
    }
    return new HostTensor(this.data, target, this.dtype);
  }

  permute(dims: readonly number[]): HostTensor {
    const strides = rowMajor(this.shape);
    return this.strided(
      dims.map((d) => this.shape[d]),
      dims.map((d) => strides[d]),
    );
  }

  /** Repeated up to `shape`, which this shape must broadcast to. @throws ShapeError */
  expand(shape: readonly number[]): HostTensor {
    if (shape.join() === this.shape.join()) return this;
    return this.strided(shape, broadcastStrides(this.shape, shape));
  }

  /** As `Tensor.slice`, with negative steps too: then from `start` down to, but without, `end` (-1: to the beginning). */
  slice(dim: number, start = 0, end = this.shape[dim], step = 1): HostTensor {
    const n = this.shape[dim];
    const back = step < 0;
    const at = (p: number) => (p < 0 && !back ? p + n : p);
    const from = back ? Math.min(start, n - 1) : Math.min(Math.max(at(start), 0), n);
    const to = back ? Math.max(end, -1) : Math.min(Math.max(at(end), 0), n);
    const count = Math.max(0, Math.ceil((to - from) / step));
    const strides = rowMajor(this.shape);
    const shape = this.shape.map((s, d) => (d === dim ? count : s));
    return this.strided(
      shape,
      strides.map((s, d) => (d === dim ? s * step : s)),
      count > 0 ? from * strides[dim] : 0,
    );
  }

  to(dtype: HostDType): HostTensor {
    return dtype === this.dtype ? this : HostTensor.cast(this.data, this.shape, dtype);
  }

  /** As `Tensor.to`: float to integer truncates and saturates, to bool is `x != 0`; integers wrap. */
  static cast(data: ArrayLike<number>, shape: readonly number[], dtype: HostDType): HostTensor {
    const out = HostTensor.zeros(shape, dtype);
    for (let i = 0; i < data.length; i++) {
      if (dtype === 'bool') out.data[i] = Number(data[i] !== 0);
      else if (dtype === 'int32') out.data[i] = Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, data[i]));
      else out.data[i] = data[i];
    }
    return out;
  }

  toArray(): number[] {
    return Array.from(this.data);
  }

  /** Itself, in memory of its own if it lies in a larger piece. */
  detached(): HostTensor {
    const whole = this.data.buffer.byteLength === this.data.byteLength;
    return whole ? this : new HostTensor(this.data.slice(), this.shape, this.dtype);
  }

  /** As a tensor on the current backend. */
  tensor(): Tensor {
    return this.on(getBackend());
  }

  /** As a tensor on `backend`. */
  on(backend: Backend): Tensor {
    return fromData(this.data, this.shape, { dtype: this.dtype, backend });
  }

  toString(): string {
    const shown = Array.from(this.data.slice(0, 8), (v) =>
      String(Math.fround(v) === v ? Number(v.toPrecision(6)) : v),
    );
    const values = `${shown.join(', ')}${this.numel > 8 ? ', …' : ''}`;
    return this.shape.length === 0
      ? values
      : `[${values}]${this.shape.length === 1 ? '' : ` ${formatShape(this.shape)}`}`;
  }
}

function tooMany(shape: readonly number[], found: string): ShapeError {
  return new ShapeError({
    op: 'graph',
    expected: `a tensor of shape ${formatShape(shape)}`,
    found,
    fix: 'The product of the sizes must be the number of elements.',
  });
}

function checkSize(shape: readonly number[]): void {
  if (shape.some((d) => !Number.isInteger(d) || d < 0))
    throw tooMany(shape, 'a size that is no whole number >= 0');
  if (numel(shape) <= limit) return;
  throw new ShapeError({
    op: 'graph',
    expected: `at most ${limit} elements on the host`,
    found: formatShape(shape),
    fix: 'The file, or an input, asks for more than can be meant.',
  });
}

/** @throws ArgumentError unless it is one of int32; the ends of int32 stand for what lies far beyond. */
export function checkedInt(value: number): number {
  if (value === (value | 0)) return value;
  if (Math.abs(value) >= 2 ** 62) return value < 0 ? -(2 ** 31) : 2 ** 31 - 1;
  throw new ArgumentError({
    op: 'graph',
    expected: 'integers that fit 32 bits',
    found: String(value),
    fix: 'Integers of 64 bits are kept in 32; use smaller numbers.',
  });
}

/** Strides of a row-major tensor. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d];
  }
  return strides;
}

/** Strides that show a row-major tensor of shape `from` as `to`. @throws ShapeError unless it broadcasts */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const lead = to.length - from.length;
  const strides = rowMajor(from);
  return to.map((n, d) => {
    const size = from[d - lead];
    if (lead < 0 || (size !== undefined && size !== n && size !== 1)) throw unlike(from, to);
    return size === undefined || (size === 1 && n !== 1) ? 0 : strides[d - lead];
  });
}

/** The shape that all broadcast to. @throws ShapeError */
export function broadcastAll(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, d) => {
    let size = 1;
    for (const shape of shapes) {
      const n = shape[d - rank + shape.length] ?? 1;
      if (n === 1) continue;
      if (size !== 1 && size !== n) throw unlike(shape, shapes[0]);
      size = n;
    }
    return size;
  });
}

function unlike(a: readonly number[], b: readonly number[]): ShapeError {
  return new ShapeError({
    op: 'graph',
    expected: 'shapes that broadcast',
    found: `${formatShape(a)} and ${formatShape(b)}`,
    fix: 'Dims must be equal, or 1 in one of them; check the sizes of the inputs.',
  });
}

// ---- between host and backend

/** A value read to the host. @throws BackendError on a backend that can't be read at once */
export function toHost(value: Value): HostTensor {
  if (value instanceof HostTensor) return value;
  const { storage } = value;
  const dtype = storage.dtype === 'float64' ? 'float32' : storage.dtype;
  const data = value.dataSync();
  return new HostTensor(storage.dtype === 'float64' ? Float32Array.from(data) : data, value.shape, dtype);
}

/** A value as a tensor on `backend`. */
export function toTensor(value: Value, backend: Backend): Tensor {
  return value instanceof HostTensor ? value.on(backend) : value;
}

/**
 * A function of host tensors for values wherever they are. Floats go back to where an input was; integers and truth
 * values stay on the host. Gradients don't flow through it: asking for one is an AutogradError.
 */
export function onHost(
  op: string,
  fn: (...args: (HostTensor | undefined)[]) => HostTensor | HostTensor[],
): (args: readonly (Value | undefined)[]) => Value | Value[] {
  return (args) => {
    const tensors = args.filter((a) => a instanceof Tensor);
    if (tensors.some((t) => t.isQuantized)) throw noIntegers(op);
    const result = fn(...args.map((a) => a && toHost(a)));
    const from = tensors[0];
    if (!from) return result;
    const back = (y: HostTensor): Value => {
      if (y.dtype !== 'float32') return y;
      const t = y.on(from.backend);
      const sources = tensors.filter((x) => willRecord(x));
      if (sources.length === 0) return t;
      return record(op, t, Object.fromEntries(sources.map((x, i) => [`x${i}`, x])), () => {
        throw noGradient(op);
      });
    };
    return Array.isArray(result) ? result.map(back) : back(result);
  };
}

function noIntegers(op: string): DTypeError {
  return new DTypeError({
    op,
    expected: 'floats, or integers without a scale',
    found: 'a quantized tensor',
    fix: 'Dequantize it first.',
  });
}

function noGradient(op: string): AutogradError {
  return new AutogradError({
    op: 'backward',
    expected: 'functions that have a gradient',
    found: `'${op}', which was worked out on the host`,
    fix: 'Call requiresGrad_(false) on the modules before it, or run the model in noGrad().',
  });
}
