/** What the elementwise ops have in common. */
import {
  type BinaryName,
  type Clamp,
  type Composite,
  compositesOf,
  DTypeError,
  type ElementwiseFunction,
  type ElementwiseRow,
  integerFunctions,
  type KernelName,
  type KernelTable,
  requireNumbers,
  type UnaryName,
} from '@octet/backend';
import { op } from '../../autograd';
import {
  broadcastOperands,
  denseInAnyOrder,
  emptyLike,
  emptyOn,
  requireFloat,
  requireFloatFor,
  run,
  withStrides,
} from '../../kernel';
import type { Tensor } from '../../tensor';
import { isInteger } from './operands';

type UnaryKernel = {
  [N in KernelName]: KernelTable[N] extends { in: 'x'; out: 'y' } ? N : never;
}[KernelName];
type FromInput = {
  [N in KernelName]: KernelTable[N] extends { in: 'x' | 'gradY'; out: 'gradX' } ? N : never;
}[KernelName];
type FromOutput = {
  [N in KernelName]: KernelTable[N] extends { in: 'y' | 'gradY'; out: 'gradX' } ? N : never;
}[KernelName];

/** y = f(x) without a gradient, inside an op; `op` is its name for errors. */
export function applyUnary<N extends UnaryKernel>(
  name: N,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
  op: string = name,
): Tensor {
  requireFloat(op, x);
  return applyTo(name, x, attrs, op);
}

function applyTo<N extends UnaryKernel>(
  name: N,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
  op: string,
  composite?: Composite,
): Tensor {
  requireNumbers(op, attrs);
  const xd = denseInAnyOrder(x);
  const y = emptyLike(xd);
  run(name, { x: xd } as never, { y } as never, attrs, undefined, composite);
  return y;
}

/** The functions of one tensor that have a backward kernel. */
type Differentiable = {
  [N in UnaryKernel]: `${N}Backward` extends FromInput | FromOutput ? N : never;
}[UnaryKernel];

/** y = f(x) with the gradient of its row, from x or y. The row is given beside its name: an app ships no others. */
export function elementwise<N extends Differentiable & UnaryName>(
  name: N,
  row: ElementwiseRow<N>,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
): Tensor {
  const definition: ElementwiseFunction = row;
  const backward = `${name}Backward` as FromInput;
  return op(name, { x }, (save) => {
    requireFloatFor(name, definition, x);
    const composites = compositesOf(definition);
    const y = applyTo(name, x, attrs, name, composites.forward);
    if (definition.from !== 'y') {
      const savedX = save(x);
      return [y, (grad) => [gradientFromInput(backward, savedX, grad, attrs as never, composites.backward)]];
    }
    const saved = save(y);
    return [
      y,
      (grad) => {
        const gradX = emptyLike(saved);
        run(
          backward,
          { y: saved, gradY: withStrides(grad, saved.strides) } as never,
          { gradX },
          attrs as never,
          undefined,
          composites.backward,
        );
        return [gradX];
      },
    ];
  });
}

/** gradX from gradY and x by the kernel `backward`. */
export function gradientFromInput<M extends FromInput>(
  backward: M,
  x: Tensor,
  gradY: Tensor,
  attrs: KernelTable[M]['attrs'],
  composite?: Composite,
): Tensor {
  const xd = denseInAnyOrder(x);
  const gradX = emptyLike(xd);
  const inputs = { x: xd, gradY: withStrides(gradY, xd.strides) };
  run(backward, inputs as never, { gradX } as never, attrs, undefined, composite);
  return gradX;
}

/** The gradient where x, or what became of it between the bounds, lies inside them; 0 elsewhere. */
export function gradientInside(x: Tensor, grad: Tensor, [min, max]: Clamp): Tensor {
  if (min === 0 && max === Number.POSITIVE_INFINITY) return gradientFromInput('reluBackward', x, grad, {});
  // The kernel includes its bounds: step inside them.
  const inside = { min: neighbour(x, min, 1), max: neighbour(x, max, -1) };
  return gradientFromInput('clampBackward', x, grad, inside);
}

/** The next number of x's dtype above (direction 1) or below (-1) `value`. */
function neighbour(x: Tensor, value: number, direction: 1 | -1): number {
  const float = x.dtype === 'float64' ? Float64Array.of(value) : Float32Array.of(value);
  if (value === 0) return direction * 2 ** (x.dtype === 'float64' ? -1074 : -149);
  const bits = new (x.dtype === 'float64' ? BigInt64Array : Int32Array)(float.buffer);
  const up = value > 0 === direction > 0;
  if (bits instanceof Int32Array) bits[0] += up ? 1 : -1;
  else bits[0] += up ? 1n : -1n;
  return float[0];
}

/** y = f(a, b) with broadcasting, without a gradient, inside an op; `op` is its name for errors. */
export function applyBinary(
  name: BinaryName,
  a: Tensor,
  b: Tensor,
  op: string = name,
  clamp?: Clamp,
): Tensor {
  if (!(isInteger(a) && isInteger(b) && name in integerFunctions)) requireFloat(op, a, b);
  else if (clamp) {
    throw new DTypeError({
      op,
      expected: 'float32 with { clamp }',
      found: 'int32',
      fix: 'Clamp the result by clamp(…).',
    });
  }
  const { shape, strides, operands } = broadcastOperands(op, a, b);
  const y = emptyOn(a, shape, { strides });
  run(name, { a: operands[0], b: operands[1] }, { y }, clamp ? { clamp } : {});
  return y;
}
