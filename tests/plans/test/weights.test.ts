import type { Program } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend, type WasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { Conv2d, ConvTranspose2d, Flatten, Linear, LSTM, Module, Sequential } from '@octet/nn';
import { manualSeed, matmul, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

class Product extends Module {
  static override readonly name: string = 'Product';
  readonly right = randn([2, 24, 9]);

  forward(x: Tensor): Tensor {
    return matmul(x, this.right);
  }
}

class Steps extends Module {
  static override readonly name: string = 'Steps';
  readonly lstm = new LSTM(6, 10);

  forward(x: Tensor): Tensor {
    return this.lstm.call(x)[0];
  }
}

const layers: Record<string, { make: () => Module; shape: number[]; weight: (model: Module) => Tensor }> = {
  'a product of pixels': {
    make: () => new Conv2d(20, 12, 1),
    shape: [2, 20, 5, 7],
    weight: (model) => (model as Conv2d).weight,
  },
  'a convolution': {
    make: () => new Conv2d(5, 12, 3, { padding: 1, stride: 2 }),
    shape: [2, 5, 9, 7],
    weight: (model) => (model as Conv2d).weight,
  },
  'a depthwise convolution': {
    make: () => new Conv2d(20, 20, 3, { groups: 20 }),
    shape: [1, 20, 9, 7],
    weight: (model) => (model as Conv2d).weight,
  },
  'a transposed convolution': {
    make: () => new ConvTranspose2d(5, 12, 3, { stride: 2 }),
    shape: [1, 5, 9, 7],
    weight: (model) => (model as ConvTranspose2d).weight,
  },
  'a linear layer': {
    make: () => new Sequential(new Flatten(), new Linear(24, 9)),
    shape: [6, 2, 12],
    weight: (model) => ((model as Sequential).at(1) as Linear).weight,
  },
  'a product with a constant': {
    make: () => new Product(),
    shape: [2, 7, 24],
    weight: (model) => (model as Product).right,
  },
  'an LSTM of many rows': {
    make: () => new Steps(),
    shape: [4, 7, 6],
    weight: (model) => [...(model as Steps).lstm.parameters()][1],
  },
};

describe.each([1, 2])('on %i threads', (threads) => {
  let backend: WasmBackend;
  beforeEach(async () => {
    backend = await createWasmBackend({ threads });
    await backend.ready;
    setBackend(backend);
    manualSeed(1);
  });
  afterEach(() => {
    setBackend(referenceBackend);
    backend.dispose();
  });

  test.each(Object.entries(layers))('a plan packs the float weights of %s once', (_, layer) => {
    const model = layer.make().eval();
    const plan = planOf(model, [randn(layer.shape)]);
    const numbers = (t: unknown) => Array.from((t as Tensor).dataSync());
    const inputs = [1, 2, 3].map(() => randn(layer.shape));
    const expected = inputs.map((x) => numbers(noGrad(() => model.call(x as never))));
    for (const [i, x] of inputs.entries()) expect(numbers(plan.run(x))).toEqual(expected[i]);
    // Memory that is changed behind everyone's back: the plan doesn't read it any more.
    const { storage } = layer.weight(model);
    backend.write(storage.buffer as never, new Float32Array(storage.length));
    for (const [i, x] of inputs.entries()) expect(numbers(plan.run(x))).toEqual(expected[i]);
    expect(numbers(noGrad(() => model.call(inputs[0] as never)))).not.toEqual(expected[0]);
  });

  test('a weight that was changed is noticed', () => {
    const model = new Conv2d(20, 12, 1).eval();
    const plan = planOf(model, [randn([2, 20, 5, 7])]);
    noGrad(() => model.weight.copy_(randn([12, 20, 1, 1])));
    expect(() => plan.run(randn([2, 20, 5, 7]))).toThrow(/weight/);
  });

  test('a weight that a step of the program writes is packed at each run', async () => {
    const [weight, x, given, y] = [20 * 12, 20 * 35, 20 * 12, 12 * 35].map((n) =>
      backend.allocate('float32', n),
    );
    const size = (length: number) => ({ dtype: 'float32', length }) as const;
    const whole = { first: 0, last: 1 } as const;
    const tensorOf = (memory: number, shape: number[]) => ({ memory, dtype: 'float32', shape }) as const;
    const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
    const program: Program<never> = {
      memory: [
        { ...size(20 * 12), kind: 'fixed', buffer: weight as never, written: true },
        { ...size(20 * 35), kind: 'input', index: 0, written: false, ...whole },
        { ...size(20 * 12), kind: 'input', index: 1, written: false, ...whole },
        { ...size(12 * 35), kind: 'output', index: 0, written: true, ...whole },
      ],
      steps: [
        {
          kind: 'kernel',
          name: 'affine',
          kernel: backend.kernels.affine as never,
          packed: undefined,
          inputs: { x: tensorOf(2, [20 * 12]) },
          outputs: { y: tensorOf(0, [20 * 12]) },
          attrs: { scale: 1, shift: 0 },
        },
        {
          kind: 'kernel',
          name: 'conv2d',
          kernel: backend.kernels.conv2d as never,
          packed: undefined,
          inputs: { x: tensorOf(1, [1, 5, 7, 20]), weight: tensorOf(0, [12, 1, 1, 20]) },
          outputs: { y: tensorOf(3, [1, 5, 7, 12]) },
          attrs,
        },
      ],
    };
    const compiled = backend.compile?.(program as never);
    backend.write(x, new Float32Array(20 * 35).fill(1));
    for (const value of [1, 3]) {
      backend.write(given, new Float32Array(20 * 12).fill(value));
      compiled?.run([x, given], [y]);
      expect(Array.from(backend.readSync(y, 12 * 35))).toEqual(new Array(12 * 35).fill(20 * value));
    }
    compiled?.dispose();
  });
});
