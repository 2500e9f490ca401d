import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import {
  AdaptiveAvgPool2d,
  type AnyModule,
  AvgPool2d,
  Conv2d,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
  Upsample,
} from '@octet/nn';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  fuse,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
} from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { afterAll, expect, test } from 'vitest';

class Net extends Module {
  static override readonly name: string = 'Net';
  readonly quant = new QuantStub();
  readonly first = new Sequential(new Conv2d(3, 20, 3, { padding: 1 }), new ReLU());
  readonly sum = new FloatFunctional();
  readonly dequant = new DeQuantStub();

  constructor(readonly last: AnyModule | 'sum') {
    super();
  }

  forward(x: Tensor): Tensor {
    const y = this.first.call(this.quant.call(x));
    return this.dequant.call(this.last === 'sum' ? this.sum.add(y, y) : (this.last.call(y) as Tensor));
  }
}

const ends: Record<string, () => AnyModule | 'sum'> = {
  'a product': () => new Conv2d(20, 20, 1),
  'fewer channels': () => new Conv2d(20, 5, 1),
  'a depthwise layer': () => new Conv2d(20, 20, 3, { padding: 1, groups: 20 }),
  'a stride': () => new Conv2d(20, 24, 3, { stride: 2 }),
  'a sum': () => 'sum',
  'a table': () => new Sigmoid(),
  'a largest': () => new MaxPool2d(3, { stride: 2 }),
  'a mean': () => new AvgPool2d(2),
  'means of all': () => new AdaptiveAvgPool2d(3),
  'a larger image': () => new Upsample({ scaleFactor: 2 }),
};

afterAll(() => setBackend(referenceBackend));

// What a run reads and what it writes may not share memory, though the one is dead when the other begins: some images are ahead.
test.each([1, 4].flatMap((threads) => Object.keys(ends).map((name) => [name, threads] as const)))(
  'a run that ends with %s, on %d threads',
  async (name, threads) => {
    const backend = await createWasmBackend({ threads });
    try {
      await backend.ready;
      setBackend(backend);
      manualSeed(1);
      const prepared = prepare(fuse(new Net(ends[name]()).eval()), getDefaultQConfigMapping());
      noGrad(() => prepared.call(randn([2, 3, 48, 44])));
      const model = (await convert(prepared)) as Module;
      const plan = planOf(model, [randn([12, 3, 48, 44])]);
      for (let i = 0; i < 4; i++) {
        const x = randn([12, 3, 48, 44]);
        const called = noGrad(() => model.call(x) as Tensor).dataSync();
        expect(Buffer.compare(bytesOf((plan.run(x) as Tensor).dataSync()), bytesOf(called))).toBe(0);
      }
    } finally {
      backend.dispose();
    }
  },
);

function bytesOf(data: ArrayLike<number>): Buffer {
  return Buffer.from(Float32Array.from(data).buffer);
}
