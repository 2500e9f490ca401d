import {
  type BinaryName,
  binaryFunctions,
  type Clamped,
  type ElementwiseFunction,
  type ElementwiseKernels,
  type ElementwiseRow,
  elementwiseFunctions,
  type IntegerName,
  integerFunctions,
  type Kernels,
  type RelationName,
  type TypedArray,
  type UnaryName,
} from '@octet/backend';
import type { HostBuffer } from '../host-buffer';
import { type FloatArray, floats, type HostTensor, size } from '../kernel';
import { clampOutput } from '../math/clamp-output';

type Tensors = Readonly<Record<string, HostTensor>>;
type AnyKernel = (tensors: Tensors, attrs: never) => void;

/** y[i] = a[i·stepA] ∘ b[i·stepB] for n elements. */
type BinaryLoop = (
  a: TypedArray,
  stepA: number,
  b: TypedArray,
  stepB: number,
  y: TypedArray,
  n: number,
) => void;

function loopOf(f: (a: number, b: number) => number): BinaryLoop {
  return (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = f(a[i * sa], b[i * sb]);
  };
}

/** A function that is called for every element can't be inlined for all of them: a loop of its own is ten times faster. */
const binaryLoops: Readonly<Record<BinaryName, BinaryLoop>> = {
  add: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] + b[i * sb];
  },
  sub: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] - b[i * sb];
  },
  mul: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] * b[i * sb];
  },
  div: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] / b[i * sb];
  },
  maximum: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = Math.max(a[i * sa], b[i * sb]);
  },
  minimum: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = Math.min(a[i * sa], b[i * sb]);
  },
  power: loopOf(binaryFunctions.power),
  fmod: loopOf(binaryFunctions.fmod),
  remainder: loopOf(binaryFunctions.remainder),
  floorDivide: loopOf(binaryFunctions.floorDivide),
  atan2: loopOf(binaryFunctions.atan2),
};

/** On int32, where an Int32Array wraps the sums of the float loops. */
const integerLoops: Readonly<Record<IntegerName, BinaryLoop>> = {
  add: binaryLoops.add,
  sub: binaryLoops.sub,
  mul: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = Math.imul(a[i * sa], b[i * sb]);
  },
  maximum: binaryLoops.maximum,
  minimum: binaryLoops.minimum,
  power: loopOf(integerFunctions.power),
  fmod: loopOf(integerFunctions.fmod),
  remainder: loopOf(integerFunctions.remainder),
  floorDivide: loopOf(integerFunctions.floorDivide),
};

const relationLoops: Readonly<Record<RelationName, BinaryLoop>> = {
  eq: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] === b[i * sb] ? 1 : 0;
  },
  ne: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] !== b[i * sb] ? 1 : 0;
  },
  lt: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] < b[i * sb] ? 1 : 0;
  },
  le: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] <= b[i * sb] ? 1 : 0;
  },
  logicalAnd: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] !== 0 && b[i * sb] !== 0 ? 1 : 0;
  },
  logicalOr: (a, sa, b, sb, y, n) => {
    for (let i = 0; i < n; i++) y[i] = a[i * sa] !== 0 || b[i * sb] !== 0 ? 1 : 0;
  },
};

type UnaryLoop = (x: FloatArray, y: FloatArray, n: number, attrs: never) => void;

/** Alike, for what training calls at every step; a test holds them against their rows. */
const unaryLoops: Readonly<Record<string, UnaryLoop>> = {
  affine: (x, y, n, { scale, shift }: { scale: number; shift: number }) => {
    for (let i = 0; i < n; i++) y[i] = x[i] * scale + shift;
  },
  relu: (x, y, n) => {
    for (let i = 0; i < n; i++) y[i] = Math.max(x[i], 0);
  },
  exp: (x, y, n) => {
    for (let i = 0; i < n; i++) y[i] = Math.exp(x[i]);
  },
  sigmoid: (x, y, n) => {
    for (let i = 0; i < n; i++) y[i] = 1 / (1 + Math.exp(-x[i]));
  },
  hardswish: (x, y, n) => {
    for (let i = 0; i < n; i++) y[i] = (x[i] * Math.min(Math.max(x[i] + 3, 0), 6)) / 6;
  },
  clamp: (x, y, n, { min, max }: { min: number; max: number }) => {
    for (let i = 0; i < n; i++) y[i] = Math.min(Math.max(x[i], min), max);
  },
};

type BackwardLoop = (source: FloatArray, gradY: FloatArray, gradX: FloatArray, n: number) => void;

const backwardLoops: Readonly<Record<string, BackwardLoop>> = {
  relu: (x, gradY, gradX, n) => {
    for (let i = 0; i < n; i++) gradX[i] = x[i] > 0 ? gradY[i] : 0;
  },
};

const step = (t: HostTensor) => Number(size(t) !== 1);

function binary(loop: BinaryLoop, integers: BinaryLoop | undefined): AnyKernel {
  return ({ a, b, y }, { clamp }: Clamped) => {
    const run = (y.dtype === 'int32' && integers) || loop;
    run(a.buffer.data, step(a), b.buffer.data, step(b), y.buffer.data, size(y));
    clampOutput(floats(y), 0, size(y), clamp);
  };
}

function relation(loop: BinaryLoop): AnyKernel {
  return ({ a, b, y }) => loop(a.buffer.data, step(a), b.buffer.data, step(b), y.buffer.data, size(y));
}

function forward(f: ElementwiseFunction['forward'], loop?: UnaryLoop): AnyKernel {
  const each: UnaryLoop =
    loop ??
    ((x, y, n, attrs) => {
      for (let i = 0; i < n; i++) y[i] = f(x[i], attrs);
    });
  return ({ x, y }, attrs) => each(floats(x), floats(y), size(y), attrs);
}

function backward(
  f: NonNullable<ElementwiseFunction['backward']>,
  from: 'x' | 'y',
  loop?: BackwardLoop,
): AnyKernel {
  return ({ [from]: source, gradY, gradX }, attrs) => {
    const [s, g, out] = [floats(source), floats(gradY), floats(gradX)];
    const n = size(gradX);
    if (loop) loop(s, g, out, n);
    else for (let i = 0; i < n; i++) out[i] = f(s[i], g[i], attrs);
  };
}

/** The kernels of rows: of each the forward one and, where it has one, the backward one. */
function ofRows(rows: Readonly<Record<string, ElementwiseFunction>>): Readonly<Record<string, AnyKernel>> {
  const kernels: Record<string, AnyKernel> = {};
  for (const [name, row] of Object.entries(rows)) {
    kernels[name] = forward(row.forward, unaryLoops[name]);
    if (row.backward) {
      kernels[`${name}Backward`] = backward(row.backward, row.from ?? 'x', backwardLoops[name]);
    }
  }
  return kernels;
}

function ofAll(): Readonly<Record<string, AnyKernel>> {
  const kernels: Record<string, AnyKernel> = { ...ofRows(elementwiseFunctions) };
  for (const [name, loop] of Object.entries(binaryLoops))
    kernels[name] = binary(loop, integerLoops[name as IntegerName]);
  for (const [name, loop] of Object.entries(relationLoops)) kernels[name] = relation(loop);
  return kernels;
}

/**
 * The kernels of some functions of one tensor, by name: `elementwiseKernels({ relu: reluRow })` are `relu` and `reluBackward`. The
 * rows are those of @octet/backend, so that an app ships no others.
 */
export function elementwiseKernels<N extends UnaryName>(
  rows: { readonly [R in N]: ElementwiseRow<R> },
): Required<Pick<Kernels<HostBuffer>, N | Extract<`${N}Backward`, keyof ElementwiseKernels>>> {
  return ofRows(rows) as never;
}

/** The rows of the table as loops: what each computes stands in its row, in @octet/backend. */
export const elementwise = /* @__PURE__ */ ofAll() as unknown as Required<
  Pick<Kernels<HostBuffer>, keyof ElementwiseKernels>
>;
