import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  addDispatchHook,
  type Backend,
  type DispatchEvent,
  dispatch,
  extendBackend,
  hostArray,
  type Kernels,
  MissingKernelError,
  PrepackCache,
  readSyncOrThrow,
  runKernel,
  type TypedArray,
  warnOnce,
} from '../src';

interface Cell {
  data: TypedArray;
}

/** As little of a backend as there can be. */
function backendOf(
  name: string,
  kernels: Partial<Kernels<Cell>>,
  more: Partial<Backend<Cell>> = {},
): Backend<Cell> {
  return {
    name,
    dtypes: ['float32', 'uint8', 'int8'],
    allocate: (dtype, length) => ({ data: hostArray(dtype, length) }),
    write: ({ data }, from) => data.set(from),
    read: async ({ data }, length) => data.slice(0, length),
    readSync: ({ data }, length) => data.slice(0, length),
    free: () => {},
    kernels,
    ...more,
  };
}

const cell = (backend: Backend<Cell>, values: number[]) => {
  const buffer = backend.allocate('float32', values.length);
  backend.write(buffer, Float32Array.from(values));
  return { buffer, dtype: 'float32' as const, shape: [values.length] };
};
const relu: Kernels<Cell>['relu'] = ({ x, y }) => {
  for (let i = 0; i < x.shape[0]; i++) y.buffer.data[i] = Math.max(0, x.buffer.data[i]);
};

describe('dispatch', () => {
  it("runs the backend's own kernel with tensors and attributes", () => {
    const affine = vi.fn();
    const backend = backendOf('one', { affine });
    const [x, y] = [cell(backend, [1]), cell(backend, [0])];
    dispatch(backend, 'affine', { x }, { y }, { scale: 2, shift: 3 });
    expect(affine).toHaveBeenCalledExactlyOnceWith({ x, y }, { scale: 2, shift: 3 });
  });

  it('names kernel, backend and profile of what is missing', () => {
    const backend = backendOf('bare', {});
    const y = cell(backend, [0]);
    expect(() => dispatch(backend, 'relu', { x: y }, { y }, {})).toThrow(MissingKernelError);
    expect(() => dispatch(backend, 'relu', { x: y }, { y }, {})).toThrow(
      "relu: expected a kernel 'relu' in backend 'bare', found none, and it has no fallback. Add it to the backend's kernels " +
        "(it belongs to the profile 'inference-float')",
    );
    const lacking = backendOf('lacking', {}, { fallback: backend });
    expect(() => dispatch(lacking, 'relu', { x: y }, { y }, {})).toThrow('nor has its fallback');
  });

  it('runs the nearest fallback that has the kernel, on copies, and reports it', () => {
    const events: unknown[] = [];
    const last = backendOf('last', { relu });
    const middle = backendOf('middle', {}, { fallback: last });
    const first = backendOf(
      'first',
      {},
      { fallback: middle, onFallback: (event) => void events.push(event) },
    );
    const [x, y] = [cell(first, [-1, 2]), cell(first, [9, 9])];
    dispatch(first, 'relu', { x }, { y }, {});
    expect(Array.from(y.buffer.data)).toEqual([0, 2]);
    expect(Array.from(x.buffer.data)).toEqual([-1, 2]);
    expect(events).toEqual([{ kernel: 'relu', backend: first, fallback: last }]);
  });

  it('gives the fallback what in-out tensors hold', () => {
    const sgdStep: Kernels<Cell>['sgdStep'] = ({ param, grad }) => {
      param.buffer.data[0] -= grad.buffer.data[0];
    };
    const backend = backendOf(
      'first',
      {},
      { fallback: backendOf('last', { sgdStep }), onFallback: () => {} },
    );
    const [param, grad] = [cell(backend, [5]), cell(backend, [2])];
    dispatch(backend, 'sgdStep', { grad }, { param }, {} as never);
    expect(param.buffer.data[0]).toBe(3);
  });

  it('falls back on nothing that can not be read at once', () => {
    const backend = backendOf('gpu', {}, { readSync: undefined, fallback: backendOf('js', { relu }) });
    const y = cell(backend, [0]);
    expect(() => dispatch(backend, 'relu', { x: y }, { y }, {})).toThrow(
      "and 'js' can't stand in, because 'gpu' can't be read synchronously",
    );
  });

  it('warns of the first fallback of each kernel where nobody listens', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const backend = backendOf('quiet', {}, { fallback: backendOf('js', { relu }) });
    const y = cell(backend, [0]);
    dispatch(backend, 'relu', { x: y }, { y }, {});
    dispatch(backend, 'relu', { x: y }, { y }, {});
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining("octet: backend 'quiet' has no kernel 'relu': it runs on 'js', on copies.")],
    ]);
    warn.mockRestore();
  });

  it('frees the copies of a fallback that fails', () => {
    const free = vi.fn();
    const failing = backendOf(
      'failing',
      {
        relu: () => {
          throw new Error('inside');
        },
      },
      { free },
    );
    const backend = backendOf('first', {}, { fallback: failing, onFallback: () => {} });
    const [x, y] = [cell(backend, [1]), cell(backend, [0])];
    expect(() => dispatch(backend, 'relu', { x }, { y }, {})).toThrow('inside');
    expect(free).toHaveBeenCalledTimes(2);
  });
});

describe('hooks', () => {
  it('wrap calls, the last one outermost, until they are removed', () => {
    const backend = backendOf('one', { relu });
    const y = cell(backend, [0]);
    const order: string[] = [];
    const hook = (name: string) => (event: DispatchEvent, run: () => void) => {
      order.push(`${name} ${event.kernel}`);
      run();
      order.push(`${name} done`);
    };
    const removeInner = addDispatchHook(hook('inner'));
    const removeOuter = addDispatchHook(hook('outer'));
    dispatch(backend, 'relu', { x: y }, { y }, {});
    removeInner();
    removeInner();
    dispatch(backend, 'relu', { x: y }, { y }, {});
    removeOuter();
    dispatch(backend, 'relu', { x: y }, { y }, {});
    const outer = ['outer relu', 'outer done'];
    expect(order).toEqual(['outer relu', 'inner relu', 'inner done', 'outer done', ...outer]);
  });
});

describe('prepacking', () => {
  let log: string[];
  const qlinear: Kernels<Cell>['qlinear'] = {
    prepack(weights) {
      log.push('x' in weights ? 'pack x' : 'pack');
      return log.length;
    },
    run: (_, __, packed) => void log.push(`run ${packed}`),
    free: (packed) => void log.push(`free ${packed}`),
  };
  const backend = backendOf('one', { qlinear });
  const t = cell(backend, [0]);
  const call = (cache?: PrepackCache) =>
    dispatch(backend, 'qlinear', { x: t, weight: t, bias: t }, { y: t }, {} as never, cache);
  beforeEach(() => {
    log = [];
  });

  it('packs once for each cache, without x, and frees when cleared', () => {
    const cache = new PrepackCache();
    call(cache);
    call(cache);
    cache.clear();
    cache.clear();
    call(cache);
    expect(log).toEqual(['pack', 'run 1', 'run 1', 'free 1', 'pack', 'run 5']);
  });

  it('without a cache packs for the call alone, and frees also when it fails', () => {
    call();
    expect(log).toEqual(['pack', 'run 1', 'free 1']);
    const failing = { ...qlinear, run: () => expect.fail('inside') } as typeof qlinear;
    log = [];
    expect(() => runKernel(failing, { x: t, weight: t, y: t }, {} as never)).toThrow('inside');
    expect(log).toEqual(['pack', 'free 1']);
  });
});

describe('extendBackend', () => {
  const base = backendOf('base', { relu, fill: () => {} });

  it('swaps and adds kernels, and keeps storage and the rest', () => {
    const add = vi.fn();
    const extended = extendBackend(base, { name: 'more', kernels: { add } });
    expect(extended.kernels).toEqual({ ...base.kernels, add });
    expect(extended.name).toBe('more');
    expect(extended.allocate).toBe(base.allocate);
    expect(base.kernels.add).toBeUndefined();
  });

  it.each(['', 'base'])('refuses the name %o', (name) => {
    expect(() => extendBackend(base, { name, kernels: {} })).toThrow('a name that differs');
  });

  it.each([null, undefined, 3, { prepack: () => {} }, { run: () => {} }])(
    'refuses %o as a kernel',
    (kernel) => {
      expect(() => extendBackend(base, { name: 'bad', kernels: { add: kernel as never } })).toThrow(
        "kernel 'add' to be a function or { prepack, run }",
      );
    },
  );
});

describe('others', () => {
  it('readSyncOrThrow says what to do where nothing can be read at once', () => {
    const backend = backendOf('gpu', {}, { readSync: undefined });
    expect(() => readSyncOrThrow('item', backend, backend.allocate('float32', 1), 1, 'Wait.')).toThrow(
      "item: expected a backend that can be read at once, found 'gpu', which can't. Wait.",
    );
  });

  it('warnOnce speaks once for each key', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    for (const key of ['a', 'b', 'a']) warnOnce(`test ${key}`, key);
    expect(warn.mock.calls).toEqual([['octet: a'], ['octet: b']]);
    warn.mockRestore();
  });
});
