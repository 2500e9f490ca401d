// Large inputs and outputs are used where they are: wherever that is, from run to run, and whoever else reads them.
import { createWasmBackend, type WasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { Conv2d, Linear, Module, ReLU, Sequential } from '@octet/nn';
import {
  convert,
  getDefaultDynamicQConfig,
  getDefaultQConfigMapping,
  prepare,
  QuantWrapper,
  quantizeDynamic,
} from '@octet/quantization';
import { add, manualSeed, noGrad, randn, relu, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

class Sum extends Module<[Tensor, Tensor], Tensor> {
  static override readonly name: string = 'Sum';

  constructor(
    readonly left: Module,
    readonly right: Module,
  ) {
    super();
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return add(this.left.call(a) as Tensor, add(relu(a), this.right.call(b) as Tensor));
  }
}

const numbers = (t: unknown) => Array.from((t as Tensor).dataSync());

describe.each([1, 2])('on %i threads', (threads) => {
  let backend: WasmBackend;
  beforeEach(async () => {
    backend = await createWasmBackend({ threads, memoryBudget: 2 ** 21 });
    await backend.ready;
    manualSeed(1);
  });
  afterEach(() => backend.dispose());

  const image = () => randn([1, 8, 64, 64], { backend });
  const convolutions = () => {
    const conv = () => new Conv2d(8, 8, 3, { padding: 1 });
    return new Sum(conv(), conv()).eval().to(backend);
  };

  test('the plan holds no copy of them', () => {
    const x = image();
    const plan = planOf(new ReLU().eval(), [x]);
    expect(plan.bytes).toBeLessThan(4096);
    expect(numbers(plan.run(x))).toEqual(numbers(relu(x)));
  });

  test('a batch that goes through image by image holds none, either', async () => {
    const shape = [12, 3, 32, 48];
    const conv = (from: number, to: number) => new Conv2d(from, to, 3, { padding: 1 });
    const float = new Sequential(conv(3, 8), conv(8, 8), conv(8, 24)).eval();
    const batch = () => randn(shape, { backend });
    float.to(backend);
    const prepared = prepare(new QuantWrapper(float).eval(), getDefaultQConfigMapping());
    noGrad(() => prepared.call(batch()));
    for (const model of [float, await convert(prepared)]) {
      const plan = planOf(model, [batch()]);
      const all = 12 * (3 + 24) * 32 * 48 * 4;
      expect(plan.bytes).toBeLessThan(all / 1.5);
      const runs = [batch(), batch()].map((x) => ({ x, y: plan.run(x) as Tensor }));
      for (const { x, y } of runs) expect(numbers(y)).toEqual(numbers(noGrad(() => model.call(x))));
    }
  });

  test('several outputs, of which one is an input of the next run', () => {
    class Both extends Module<[Tensor, Tensor], [Tensor, Tensor]> {
      static override readonly name: string = 'Both';

      forward(a: Tensor, b: Tensor): [Tensor, Tensor] {
        const sum = add(a, b);
        return [sum, add(b, relu(a))];
      }
    }
    const model = new Both().eval();
    const given = () => randn([3, 1000], { backend });
    for (const reuseOutputs of [false, true]) {
      const plan = planOf(model, [given(), given()], { reuseOutputs });
      let [a, b] = [given(), given()];
      for (let run = 0; run < 4; run++) {
        const expected = noGrad(() => model.call(a, b)).map(numbers);
        const [first, second] = plan.run(a, b) as unknown as [Tensor, Tensor];
        expect([first, second].map(numbers)).toEqual(expected);
        [a, b] = run % 2 === 0 ? [first, second] : [second, first];
      }
    }
  });

  test('what was given by one run is left alone by the next', () => {
    const model = convolutions();
    const plan = planOf(model, [image(), image()]);
    const x = image();
    const y = plan.run(x, x) as Tensor;
    const before = numbers(y);
    plan.run(y, x);
    plan.run(image(), image());
    expect(numbers(y)).toEqual(before);
  });

  test('from run to run they lie elsewhere, in wasm memory or out of it', () => {
    const model = convolutions();
    const plan = planOf(model, [image(), image()]);
    const movedIn = Number(backend.info().movedIn);
    // More than the budget: the first ones have moved out when their turn comes again.
    const images = Array.from({ length: 24 }, image);
    for (let round = 0; round < 2; round++) {
      images.forEach((a, i) => {
        const b = images[(i + 5) % images.length];
        const before = numbers(a);
        const expected = numbers(noGrad(() => model.call(a, b)));
        expect(numbers(plan.run(a, b))).toEqual(expected);
        expect(numbers(a)).toEqual(before);
      });
    }
    expect(Number(backend.info().movedIn)).toBeGreaterThan(movedIn);
  });

  test('one tensor may be two of them, and the output of another run one', () => {
    const model = convolutions();
    const plan = planOf(model, [image(), image()], { reuseOutputs: true });
    const x = image();
    const expected = noGrad(() => model.call(x, x)) as Tensor;
    const y = plan.run(x, x) as Tensor;
    expect(numbers(y)).toEqual(numbers(expected));
    const next = noGrad(() => model.call(expected, x));
    // Its own output, which it writes to, as its input.
    expect(numbers(plan.run(y, x))).toEqual(numbers(next));
  });

  test('what runs by its own code reads them, too', async () => {
    const linear = () => new Linear(64, 64);
    const float = new Sum(linear(), linear()).eval();
    const model = await quantizeDynamic(float, { qconfig: getDefaultDynamicQConfig() });
    model.to(backend);
    const rows = () => randn([64, 64], { backend });
    const plan = planOf(model, [rows(), rows()]);
    for (let run = 0; run < 3; run++) {
      const [a, b] = [rows(), rows()];
      expect(numbers(plan.run(a, b))).toEqual(numbers(noGrad(() => model.call(a, b))));
    }
  });
});
