import {
  BackendError,
  bytesPerElement,
  extendBackend,
  type KernelFn,
  type StorageDType,
} from '@octet/backend';
import { type Callable, planOf } from '@octet/graph';
import { GRU, Linear, LSTM, type Module, ReLU, Sequential } from '@octet/nn';
import { convert, getDefaultQConfig, prepare, quantizeDynamic } from '@octet/quantization';
import {
  getBackend,
  manualSeed,
  noGrad,
  rand,
  randn,
  setBackend,
  slice,
  type Tensor,
  tensor,
} from '@octet/tensor';
import { DigitClassifier, mobilenetV2 } from '@octet/vision';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWebgpuBackend, DeviceLostError, type GpuBuffer, type WebgpuBackend } from '../src';
import { findAdapter } from '../src/adapter';
import { createTestBackend, noGpu } from './adapter';

interface ImageModel extends Module {
  fuseModel(): void;
}

/** An int8 model, calibrated by one batch. */
async function int8(model: ImageModel, x: Tensor): Promise<Module> {
  model.eval().fuseModel();
  model.qconfig = getDefaultQConfig('qnnpack');
  const prepared = prepare(model);
  noGrad(() => void prepared.call(x));
  return convert(prepared);
}

const flat = (value: unknown): Tensor[] => (Array.isArray(value) ? value.flatMap(flat) : [value as Tensor]);
const free = (value: unknown) => {
  for (const t of flat(value)) t.dispose();
};
const numbers = async (value: unknown) =>
  Promise.all(flat(value).map(async (t) => Array.from(await t.data())));

const small = () => new Sequential(new Linear(6, 5), new ReLU(), new Linear(5, 3)).eval();

describe.skipIf(noGpu)('plans', () => {
  const before = getBackend();
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
    setBackend(backend);
    manualSeed(0);
  });
  afterAll(() => {
    setBackend(before);
    backend.dispose();
  });

  const submits = () => backend.info().submits as number;

  const networks: Record<string, () => Promise<[model: Callable, input: () => Tensor]>> = {
    digits: async () => [new DigitClassifier().eval(), () => rand([2, 1, 28, 28])],
    'digits, int8': async () => [
      await int8(new DigitClassifier(), rand([4, 1, 28, 28])),
      () => rand([2, 1, 28, 28]),
    ],
    MobileNetV2: async () => [mobilenetV2({ widthMult: 0.25 }).eval(), () => randn([1, 3, 32, 32])],
    'MobileNetV2, int8': async () => [
      await int8(mobilenetV2({ widthMult: 0.25, relu6: false }), randn([2, 3, 32, 32])),
      () => randn([1, 3, 32, 32]),
    ],
    LSTM: async () => [new LSTM(5, 6, { numLayers: 2 }).eval(), () => randn([7, 2, 5])],
    GRU: async () => [new GRU(5, 6).eval(), () => randn([7, 2, 5])],
    'LSTM, dynamic int8': async () => [await quantizeDynamic(new LSTM(5, 6).eval()), () => randn([7, 2, 5])],
    'linear layers, dynamic int8': async () => [await quantizeDynamic(small()), () => randn([4, 6])],
  };

  it.each(Object.entries(networks))(
    'of %s give the bits of a call, in one submit',
    async (_, make) => {
      const [model, input] = await make();
      const plan = planOf(model, [input()]);
      for (let i = 0; i < 3; i++) {
        const x = input();
        const expected = await numbers(noGrad(() => model.call(x)));
        await backend.sync();
        const earlier = submits();
        const y = plan.run(x);
        await backend.sync();
        expect(submits()).toBe(earlier + 1);
        const found = await numbers(y);
        expect(found).toEqual(expected);
        expect(found.flat(2).some((v) => v !== 0)).toBe(true);
      }
      plan.dispose();
    },
    120_000,
  );

  it('use memory by turns: less than its tensors have together, in buffers of their own', () => {
    const plan = planOf(new Sequential(...Array.from({ length: 10 }, () => new ReLU())).eval(), [
      rand([1000]),
    ]);
    // Nine tensors between input and output, two at a time; and 256 bytes of uniforms a dispatch.
    expect(plan.bytes).toBe(2 * 4000 + 10 * 256);
    expect(String(plan)).toMatch(/relu .* buffer 0\n.*relu .* buffer 1\n.*relu .* buffer 0/);
    plan.dispose();
  });

  it('take their place between other work, whatever tensors they are given', async () => {
    const model = small();
    const plan = planOf(model, [rand([2, 6])]);
    const results: [found: Tensor, expected: Tensor][] = [];
    for (let i = 0; i < 40; i++) {
      // Written by the host, by a kernel, or a part of a larger tensor; and overwritten right after.
      const x = [
        () => tensor(Array.from({ length: 12 }, (_, k) => k - i)).reshape([2, 6]),
        () => rand([2, 6]).mul(i),
        () => slice(rand([3, 6]), 0, 1, 3),
      ][i % 3]();
      const y = plan.run(x) as Tensor;
      const expected = noGrad(() => model.call(x)) as Tensor;
      if (i % 3 !== 2) backend.write(x.storage.buffer as GpuBuffer, new Float32Array(12));
      results.push([y.add(0), expected]);
      y.dispose();
    }
    for (const [found, expected] of results) expect(await numbers(found)).toEqual(await numbers(expected));
    plan.dispose();
  });

  it("call a plugin's kernels in between", async () => {
    let calls = 0;
    const relu = backend.kernels.relu as unknown as KernelFn<never, GpuBuffer>;
    const plugin = extendBackend(backend, {
      name: 'plugin',
      kernels: {
        relu: ((tensors: never, attrs: never) => {
          calls += 1;
          relu(tensors, attrs);
        }) as never,
      },
    });
    setBackend(plugin);
    try {
      const model = small();
      const plan = planOf(model, [rand([2, 6])]);
      const x = randn([2, 6]);
      const expected = await numbers(noGrad(() => model.call(x)));
      const before = calls;
      expect(await numbers(plan.run(x))).toEqual(expected);
      expect(calls).toBe(before + 1);
      plan.dispose();
    } finally {
      setBackend(backend);
    }
  });

  it('keep what lies behind the tensor in a longer buffer', async () => {
    const memory = (kind: 'input' | 'output') =>
      ({ kind, dtype: 'uint8', length: 5, index: 0, first: 0, last: 0, written: kind === 'output' }) as const;
    const shape = [5];
    const attrs = { shape, xStrides: [1], xOffset: 0, yStrides: [1], yOffset: 0 };
    const compiled = backend.compile?.({
      memory: [memory('input'), memory('output')],
      steps: [
        {
          kind: 'kernel',
          name: 'copyStrided',
          kernel: backend.kernels.copyStrided as never,
          inputs: { x: { memory: 0, dtype: 'uint8', shape } },
          outputs: { y: { memory: 1, dtype: 'uint8', shape } },
          attrs,
        },
      ],
    });
    const allocate = (dtype: StorageDType, values: number[]) => {
      const buffer = backend.allocate(dtype, values.length / bytesPerElement(dtype));
      backend.write(buffer, Uint8Array.from(values));
      return buffer;
    };
    const x = allocate('uint8', [1, 2, 3, 4, 5, 6, 7, 8]);
    const y = allocate('uint8', [9, 9, 9, 9, 9, 9, 9, 9]);
    compiled?.run([x], [y]);
    expect(await backend.read(y, 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 9, 9, 9));
    compiled?.dispose();
  });
});

describe.skipIf(noGpu)('plans on a device', () => {
  const before = getBackend();
  let device: GPUDevice;
  let backend: WebgpuBackend;
  const told: BackendError[] = [];
  beforeEach(async () => {
    told.length = 0;
    device = await (await findAdapter(undefined)).requestDevice();
    backend = await createWebgpuBackend({ device, onError: (error) => void told.push(error) });
    setBackend(backend);
  });
  afterEach(() => {
    setBackend(before);
    backend.dispose();
    device.destroy();
  });

  it('that is lost: runs that wait and runs that follow throw DeviceLostError; disposing is quiet', async () => {
    const [model, x] = [small(), rand([2, 6])];
    const plan = planOf(model, [x]);
    free(plan.run(x));
    const y = plan.run(x) as Tensor;
    const waiting = y.data();
    device.destroy();
    await expect(waiting).rejects.toThrow(DeviceLostError);
    expect(() => plan.run(x)).toThrow(DeviceLostError);
    expect(() => plan.dispose()).not.toThrow();
  });

  it('that is lost between two steps', async () => {
    let lose = false;
    const relu = backend.kernels.relu as unknown as KernelFn<never, GpuBuffer>;
    const plugin = extendBackend(backend, {
      name: 'plugin',
      kernels: {
        relu: ((tensors: never, attrs: never) => {
          if (lose) device.destroy();
          relu(tensors, attrs);
        }) as never,
      },
    });
    setBackend(plugin);
    const [model, x] = [small(), rand([2, 6])];
    const plan = planOf(model, [x]);
    free(plan.run(x));
    lose = true;
    const y = plan.run(x) as Tensor;
    await expect(y.data()).rejects.toThrow(DeviceLostError);
    expect(() => plan.run(x)).toThrow(DeviceLostError);
    expect(() => plan.dispose()).not.toThrow();
  });

  it('whose backend is disposed: a typed error', () => {
    const [model, x] = [small(), rand([2, 6])];
    const plan = planOf(model, [x]);
    plan.run(x);
    backend.dispose();
    expect(() => plan.run(x)).toThrow(/found one that was disposed/);
    expect(() => plan.dispose()).not.toThrow();
  });

  it('that finds something wrong: told at once, and thrown by the next read alone', async () => {
    const [model, x] = [small(), rand([2, 6])];
    const plan = planOf(model, [x]);
    await backend.sync();
    const { submit } = device.queue;
    // A command buffer that was submitted already.
    device.queue.submit = (buffers) => {
      device.queue.submit = submit;
      device.queue.submit(buffers);
      device.queue.submit(buffers);
    };
    const y = plan.run(x) as Tensor;
    await expect(y.data()).rejects.toThrow(/submit to be valid, found an error of the GPU/);
    expect(told).toHaveLength(1);
    expect(told[0]).toBeInstanceOf(BackendError);
    expect(await numbers(plan.run(x))).toEqual(await numbers(noGrad(() => model.call(x))));
    plan.dispose();
  });
});
