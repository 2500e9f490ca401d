import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  Conv2d,
  Flatten,
  Linear,
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

/** Every int8 kernel that does each image by itself, with fewer channels than a panel of outputs too. */
class Net extends Module {
  static override readonly name: string = 'Net';
  readonly quant = new QuantStub();
  readonly first = new Sequential(new Conv2d(3, 20, 3, { padding: 1 }), new ReLU());
  readonly depthwise = new Conv2d(20, 20, 3, { padding: 1, groups: 20 });
  readonly narrow = new Conv2d(20, 5, 1);
  readonly wide = new Sequential(new Conv2d(5, 20, 1), new Sigmoid());
  readonly sum = new FloatFunctional();
  readonly gate = new FloatFunctional();
  readonly pools = new Sequential(
    new MaxPool2d(3, { stride: 2 }),
    new AvgPool2d(2),
    new Upsample({ scaleFactor: 2 }),
  );
  readonly head = new Sequential(
    new Conv2d(20, 24, 3, { stride: 2 }),
    new AdaptiveAvgPool2d(3),
    new Flatten(),
    new Linear(216, 7),
  );
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const y = this.first.call(this.quant.call(x));
    const z = this.wide.call(this.narrow.call(this.depthwise.call(y)));
    const sum = this.sum.add(y, this.gate.mul(y, z));
    return this.dequant.call(this.head.call(this.pools.call(sum)));
  }
}

const made: Backend[] = [];
afterAll(() => {
  setBackend(referenceBackend);
  for (const backend of made) backend.dispose?.();
});

/** Batches that are a prime number, and one too large for the cache and for three parts a thread. */
const batches = [7, 12];

/** What the plan gives for a few inputs, against what calls give. */
function agree(model: Module, batch: number, mostBytes: number): void {
  const plan = planOf(model, [randn([batch, 3, 48, 44])]);
  expect(plan.bytes).toBeLessThan(mostBytes);
  for (let i = 0; i < 3; i++) {
    const x = randn([batch, 3, 48, 44]);
    const called = noGrad(() => model.call(x) as Tensor);
    expect(Array.from((plan.run(x) as Tensor).dataSync())).toEqual(Array.from(called.dataSync()));
  }
}

test.each([
  { threads: 1, dot: 'auto' },
  { threads: 1, dot: 'exact' },
  { threads: 2, dot: 'auto' },
  { threads: 4, dot: 'seven' },
] as const)('a batch, image by image: %o', async ({ threads, dot }) => {
  const backend = await createWasmBackend({ threads, dot });
  made.push(backend);
  await backend.ready;
  setBackend(backend);
  manualSeed(1);
  const prepared = prepare(fuse(new Net().eval()), getDefaultQConfigMapping());
  noGrad(() => prepared.call(randn([2, 3, 48, 44])));
  const model = (await convert(prepared)) as Module;
  for (const batch of batches) {
    // Less than two activations of the whole batch, of which a step needs as many.
    agree(model, batch, threads <= 2 ? 2 * batch * 20 * 48 * 44 : Number.POSITIVE_INFINITY);
  }
});

test.each([1, 2, 4])('a batch of floats, image by image, on %i threads', async (threads) => {
  const backend = await createWasmBackend({ threads });
  made.push(backend);
  await backend.ready;
  setBackend(backend);
  manualSeed(1);
  // Sums and functions are not done so; what comes before and after them is.
  agree(fuse(new Net().eval()), 12, Number.POSITIVE_INFINITY);
  const chain = new Sequential(
    new Conv2d(3, 20, 3, { padding: 1 }),
    new Conv2d(20, 20, 3, { padding: 1, groups: 20 }),
    new Conv2d(20, 5, 1),
    new Conv2d(5, 20, 1),
    new MaxPool2d(3, { stride: 2 }),
    new AvgPool2d(2),
    new AdaptiveAvgPool2d(3),
  );
  agree(chain.eval(), 12, threads <= 2 ? 2 * 12 * 20 * 48 * 44 * 4 : Number.POSITIVE_INFINITY);
});
