// Activations on integers: files say them as functions of floats between scales, which every reader makes integers of.
import {
  CELU,
  ELU,
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  Linear,
  Mish,
  type Module,
  SELU,
  Sequential,
  Sigmoid,
  SiLU,
  Softplus,
  Softsign,
  Tanh,
} from '@octet/nn';
import { convertFx, prepareFx } from '@octet/quantization';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx, importOnnx, symbolicTrace } from '../src';
import { ort, parse, run } from './engine';

beforeEach(() => void manualSeed(5));

const activations: Readonly<Record<string, () => Module>> = {
  SiLU: () => new SiLU(),
  GELU: () => new GELU(),
  'GELU by tanh': () => new GELU({ approximate: 'tanh' }),
  Mish: () => new Mish(),
  ELU: () => new ELU(),
  'ELU of 0.5': () => new ELU(0.5),
  CELU: () => new CELU(),
  SELU: () => new SELU(),
  Softplus: () => new Softplus(),
  Softsign: () => new Softsign(),
  Hardsigmoid: () => new Hardsigmoid(),
  Hardswish: () => new Hardswish(),
  Sigmoid: () => new Sigmoid(),
  Tanh: () => new Tanh(),
  LeakyReLU: () => new LeakyReLU(0.1),
};

describe.each(Object.keys(activations))('%s', (name) => {
  test.each([13, 17, 22])('opset %i', async (opset) => {
    const layers = new Sequential(new Linear(6, 8), activations[name](), new Linear(8, 4)).eval();
    const x = randn([40, 6]).mul(3);
    const prepared = prepareFx(await symbolicTrace<Tensor>(layers, x));
    noGrad(() => prepared.call(x));
    const int8 = await convertFx(prepared);
    const bytes = await exportOnnx(int8, x, { opset });
    expect(parse(bytes).graph.node.map(({ opType }) => opType)).not.toContain('Gather');
    const expected = Array.from(noGrad(() => int8.call(x)).dataSync());
    const back = await importOnnx<Tensor>(bytes);
    expect(String(back)).not.toContain('DequantizeLinear');
    expect(Array.from(noGrad(() => back.call(x)).dataSync())).toEqual(expected);
    if (!ort) return;
    const [found] = await run(bytes, [x]);
    const far = expected.filter((v, i) => Math.abs(v - found.data[i]) > 1e-5);
    // An integer beside, where a function of floats is half-way between two.
    expect(far.length).toBeLessThan(expected.length / 50);
  });
});
