import { referenceBackend } from '@octet/backend-js-reference';
import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { SGD } from '@octet/optim';
import {
  DeQuantStub,
  FloatFunctional,
  fuseModulesQat,
  getDefaultQatQConfig,
  prepareQat,
  QuantStub,
} from '@octet/quantization';
import { getBackend, manualSeed, randn, setBackend, type Tensor } from '@octet/tensor';
import { afterAll, describe, expect, test } from 'vitest';
import { createWasmBackend } from '../src';

const before = getBackend();
afterAll(() => setBackend(before));

const convBn = (nIn: number, nOut: number, kernelSize: number, stride = 1, groups = 1) => [
  new Conv2d(nIn, nOut, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
  new BatchNorm2d(nOut),
];

/** An inverted residual block, as in the tutorial's network. */
class Block extends Module {
  readonly layers: Sequential;
  readonly skip: boolean;
  readonly skipAdd = new FloatFunctional();

  constructor(nIn: number, nOut: number, stride: number) {
    super();
    const hidden = nIn * 2;
    this.skip = stride === 1 && nIn === nOut;
    this.layers = new Sequential(
      ...convBn(nIn, hidden, 1),
      new ReLU(),
      ...convBn(hidden, hidden, 3, stride, hidden),
      new ReLU(),
      ...convBn(hidden, nOut, 1),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.layers.call(x) as Tensor;
    return this.skip ? this.skipAdd.add(x, y) : y;
  }

  fuse(): void {
    for (const names of [
      ['0', '1', '2'],
      ['3', '4', '5'],
      ['6', '7'],
    ]) {
      fuseModulesQat(this.layers, names);
    }
  }
}

class Net extends Module {
  readonly quant = new QuantStub();
  readonly blocks = new Sequential(new Block(3, 8, 1), new Block(8, 16, 2), new Block(16, 16, 1));
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.blocks.call(this.quant.call(x)));
  }
}

function prepared(model: Net): Net {
  for (const m of model.modules()) if (m instanceof Block) m.fuse();
  model.qconfig = getDefaultQatQConfig('qnnpack');
  return prepareQat(model);
}

/** The losses of a few steps on the backend that is set: the same numbers to begin with on every one. */
function losses(steps: number, quantized: boolean): number[] {
  manualSeed(5);
  const plain = new Net().train();
  const model = quantized ? prepared(plain) : plain;
  const optimizer = new SGD(model.parameters(), { lr: 0.01 });
  const x = randn([8, 3, 24, 20]);
  return Array.from({ length: steps }, () => {
    optimizer.zeroGrad();
    const loss = model.call(x).sub(1).square().mean();
    loss.backward();
    optimizer.step();
    return loss.dataSync()[0];
  });
}

// Where a float rounds the other way, a quantized activation or a zero point is off by one, and what follows with it.
const kinds = [
  { kind: 'float', quantized: false, tolerance: 1e-5 },
  { kind: 'quantization-aware', quantized: true, tolerance: 1e-3 },
];
const variants = [
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 2 },
];

describe.each(kinds)('$kind training', ({ quantized, tolerance }) => {
  setBackend(referenceBackend);
  const expected = losses(6, quantized);

  test.each(variants)('loses as on the js backend: %o', async (options) => {
    const fallbacks: string[] = [];
    const backend = await createWasmBackend({
      ...options,
      onFallback: ({ kernel }) => void fallbacks.push(kernel),
    });
    setBackend(backend);
    const found = losses(6, quantized);
    backend.dispose();
    expect(fallbacks).toEqual([]);
    expect(expected[5]).toBeLessThan(expected[0]);
    for (const [i, loss] of found.entries()) expect(Math.abs(loss / expected[i] - 1)).toBeLessThan(tolerance);
  });

  test('does not depend on the number of threads', async () => {
    const runs: number[][] = [];
    for (const threads of [1, 2]) {
      const backend = await createWasmBackend({ threads, maxGrain: 1 });
      setBackend(backend);
      runs.push(losses(3, quantized));
      backend.dispose();
    }
    expect(runs[1]).toEqual(runs[0]);
  });
});
