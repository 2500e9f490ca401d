import { describe, expect, it, test } from 'vitest';
import {
  addDispatchHook,
  type Backend,
  binaryFunctions,
  composable,
  dispatch,
  elementwiseFunctions,
  hostArray,
  type KernelFn,
  kernelOf,
  MissingKernelError,
  profiles,
  type TypedArray,
} from '../src';
import { erf } from '../src/elementwise/erf';

interface Cell {
  data: TypedArray;
}

/** A backend of the kernels named, by their rows, which counts its buffers. */
function backendOf(...names: string[]): Backend<Cell> & { alive(): number } {
  let alive = 0;
  // biome-ignore lint/suspicious/noExplicitAny: one loop for all
  const kernels: Record<string, KernelFn<any, Cell>> = {};
  for (const name of names) {
    const f = elementwiseFunctions[name as 'relu']?.forward;
    const both = binaryFunctions[name as 'add'];
    kernels[name] = ({ x, a, b, y }, attrs) => {
      for (let i = 0; i < y.shape[0]; i++) {
        y.buffer.data[i] = f ? f(x.buffer.data[i], attrs) : both(a.buffer.data[i], b.buffer.data[i]);
      }
    };
  }
  return {
    name: 'rows',
    dtypes: ['float32'],
    allocate: (dtype, length) => {
      alive++;
      return { data: hostArray(dtype, length) };
    },
    write: ({ data }, from) => data.set(from),
    read: async ({ data }, length) => data.slice(0, length),
    free: () => void alive--,
    kernels,
    alive: () => alive,
  };
}

function hardswishOn(backend: Backend<Cell>, values: number[]): TypedArray {
  const tensor = (of: number[]) => ({
    buffer: { data: Float32Array.from(of) },
    dtype: 'float32' as const,
    shape: [of.length],
  });
  const y = tensor(values.map(() => 7));
  dispatch(backend, 'hardswish', { x: tensor(values) }, { y }, {});
  return y.buffer.data;
}

describe('composites', () => {
  it('run where the backend has the kernels that they are made of, and leave no buffer', () => {
    const backend = backendOf('affine', 'clamp', 'mul');
    const y = hardswishOn(backend, [-4, -1, 0, 3, 5]);
    [0, -1 / 3, 0, 3, 5].forEach((v, i) => {
      expect(y[i]).toBeCloseTo(v, 6);
    });
    expect(backend.alive()).toBe(0);
  });

  it('leave no buffer where a kernel throws', () => {
    const backend = backendOf('affine', 'clamp', 'mul');
    const failing = {
      ...backend,
      kernels: {
        ...backend.kernels,
        clamp: () => {
          throw new Error('broken');
        },
      },
    };
    expect(() => hardswishOn(failing, [1])).toThrow('broken');
    expect(backend.alive()).toBe(0);
  });

  it('are one call for hooks, on the backend itself', () => {
    const backend = backendOf('affine', 'clamp', 'mul');
    const seen: string[] = [];
    const remove = addDispatchHook(({ kernel, ranOn }, run) => {
      seen.push(`${kernel} on ${ranOn.name}`);
      run();
    });
    hardswishOn(backend, [1]);
    remove();
    expect(seen).toEqual(['hardswish on rows']);
  });

  it("give way to the backend's own kernel", () => {
    const backend = backendOf('affine', 'clamp', 'mul', 'hardswish');
    expect(kernelOf(backend, 'hardswish')).toBe(backend.kernels.hardswish);
  });

  it('are no kernels where a part is missing, which the fallback may have', () => {
    const backend = backendOf('affine', 'mul');
    expect(kernelOf(backend, 'hardswish')).toBeUndefined();
    expect(() => hardswishOn(backend, [1])).toThrow(MissingKernelError);
  });

  it('are made of kernels of their profile', () => {
    for (const profile of ['inference-float', 'training'] as const) {
      const backend = {
        ...backendOf(),
        kernels: Object.fromEntries(profiles[profile].map((n) => [n, () => {}])),
      };
      expect(composable[profile].filter((name) => !kernelOf(backend, name))).toEqual([]);
      expect(profiles[profile].filter((name) => composable[profile].includes(name as never))).toEqual([]);
    }
  });
});

test('a row with attributes says examples of them', () => {
  for (const [name, { forward, examples }] of Object.entries(elementwiseFunctions)) {
    if (forward.length > 1 && name !== 'pow') expect(examples?.length, name).toBeGreaterThan(1);
  }
});

describe('erf', () => {
  it.each([
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
    [40, 1],
  ])('of %d is %d, and odd', (x, expected) => {
    expect(erf(x)).toBeCloseTo(expected, 14);
    expect(erf(-x)).toBeCloseTo(-expected, 14);
  });
});
