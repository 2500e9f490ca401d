import { type Backend, dispatch, type KernelName } from '@octet/backend';
import type { CaseTensor } from '../cases';
import { floats } from '../cases/case';
import { size } from '../oracle';
import { demand, type Law } from './law';

interface Call {
  readonly kernel: 'conv2d' | 'linear' | 'matmul';
  readonly inputs: Readonly<Record<string, CaseTensor>>;
  readonly y: readonly number[];
  readonly attrs: object;
}

interface Window {
  stride?: number;
  padding?: number;
  groups?: number;
}

/** A channel of numbers that a clamp could treat as it likes: the sums of the first output are -0, those of the second NaN. */
function parameters(weight: readonly number[]): { weight: CaseTensor; bias: CaseTensor } {
  const weights = floats(2, weight);
  weights.data.fill(0, 0, weights.data.length / weight[0]);
  const bias = floats(3, [weight[0]]);
  bias.data.set([-0, Number.NaN]);
  return { weight: weights, bias };
}

function convolution(
  x: readonly number[],
  weight: readonly number[],
  { stride = 1, padding = 0, groups = 1 }: Window = {},
): Call {
  const out = (axis: 1 | 2) => Math.floor((x[axis] + 2 * padding - weight[axis]) / stride) + 1;
  return {
    kernel: 'conv2d',
    // Of one sign: a product of the zeros is -0.
    inputs: { x: floats(1, x, -2, -0.1), ...parameters(weight) },
    y: [x[0], out(1), out(2), weight[0]],
    attrs: { stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups },
  };
}

// Products of whole tiles and less, of one block of sums and of several, of patches that are gathered and that aren't,
// depthwise ones, and those of few channels a group.
const calls = (): Call[] => [
  convolution([2, 5, 7, 5], [13, 1, 1, 5]),
  convolution([1, 3, 3, 600], [9, 1, 1, 600]),
  convolution([1, 5, 6, 70], [5, 3, 3, 70], { padding: 1 }),
  convolution([2, 9, 8, 6], [10, 3, 3, 3], { groups: 2, stride: 2 }),
  convolution([1, 9, 8, 6], [6, 3, 3, 1], { groups: 6 }),
  convolution([1, 9, 9, 6], [6, 3, 3, 1], { groups: 6, stride: 2 }),
  convolution([1, 9, 9, 8], [8, 5, 5, 1], { groups: 8, padding: 2 }),
  convolution([1, 5, 5, 8], [8, 3, 3, 1], { groups: 8 }),
  convolution([1, 9, 8, 6], [12, 3, 3, 1], { groups: 6 }),
  convolution([1, 7, 7, 8], [12, 3, 3, 2], { groups: 4, stride: 2 }),
  convolution([1, 8, 3, 9], [6, 5, 1, 3], { groups: 3, padding: 2 }),
  {
    kernel: 'linear',
    inputs: { x: floats(1, [7, 30], -2, -0.1), ...parameters([19, 30]) },
    y: [7, 19],
    attrs: {},
  },
  {
    kernel: 'matmul',
    inputs: { a: floats(1, [2, 7, 30]), b: floats(2, [2, 30, 19]) },
    y: [2, 7, 19],
    attrs: { transposeA: false, transposeB: false },
  },
];

const bounds = [
  [0, Infinity],
  [0, 6],
  [-0.5, 1.5],
] as const;

const used: readonly KernelName[] = ['conv2d', 'linear', 'matmul', 'clamp'];

export const clamped: Law = {
  name: 'bounds in a product have the bits of the kernel clamp after it',
  lacks(backend) {
    const lacking = used.filter((kernel) => !backend.kernels[kernel]);
    return lacking.length > 0 ? `the backend has no ${lacking.join(', ')}` : undefined;
  },
  async check(backend) {
    for (const call of calls()) {
      for (const clamp of bounds) {
        const { inside, after } = await bothWays(backend, call, clamp);
        const at = inside.findIndex((v, i) => v !== after[i]);
        demand(
          at < 0,
          `${call.kernel} to [${call.y}] with clamp [${clamp}]: element ${at} has the bits ${inside[at]?.toString(16)}, ` +
            `clamp after it makes ${after[at]?.toString(16)}`,
        );
      }
    }
  },
};

/** The bits of what the kernel makes with the bounds, and of what `clamp` makes of what it makes without. */
async function bothWays(
  backend: Backend,
  { kernel, inputs, y: shape, attrs }: Call,
  [min, max]: readonly [number, number],
): Promise<{ inside: Uint32Array; after: Uint32Array }> {
  const length = size(shape);
  const buffers: unknown[] = [];
  const place = (of: readonly number[], data?: CaseTensor['data']) => {
    const buffer = backend.allocate('float32', size(of));
    buffers.push(buffer);
    if (data) backend.write(buffer, data);
    return { buffer, dtype: 'float32' as const, shape: of };
  };
  const bits = async (t: { buffer: unknown }) => {
    const data = (await backend.read(t.buffer, length)) as Float32Array;
    return new Uint32Array(data.buffer, data.byteOffset, data.length);
  };
  try {
    const placed = Object.fromEntries(
      Object.entries(inputs).map(([name, t]) => [name, place(t.shape, t.data)]),
    );
    const [inside, plain, after] = [place(shape), place(shape), place([length])];
    dispatch(
      backend,
      kernel,
      placed as never,
      { y: inside } as never,
      { ...attrs, clamp: [min, max] } as never,
    );
    dispatch(backend, kernel, placed as never, { y: plain } as never, attrs as never);
    dispatch(backend, 'clamp', { x: { ...plain, shape: [length] } }, { y: after }, { min, max });
    return { inside: await bits(inside), after: await bits(after) };
  } finally {
    for (const buffer of buffers) backend.free(buffer);
  }
}
