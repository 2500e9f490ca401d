import { Linear, LSTM, Module, MultiheadAttention } from '@octet/nn';
import {
  calibrate,
  convert,
  DeQuantStub,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
} from '@octet/quantization';
import { manualSeed, randn, type Tensor } from '@octet/tensor';
import { beforeEach, expect, test } from 'vitest';
import { adaround, analyze, correctBias, sensitivity, tryRemedies } from '../src';

/** Two layers that are several in int8, and a linear one. */
class Net extends Module {
  readonly quant = new QuantStub();
  readonly lstm = new LSTM(6, 8);
  readonly attention = new MultiheadAttention(8, 2);
  readonly out = new Linear(8, 3);
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const [y] = this.lstm.call(this.quant.call(x));
    return this.dequant.call(this.out.call(this.attention.call(y, y, y)[0]));
  }
}

let model: Net;
let data: Tensor[];
beforeEach(() => {
  manualSeed(5);
  model = new Net().eval();
  data = [0, 1, 2, 3].map(() => randn([5, 2, 6]));
});

async function prepared(): Promise<Net> {
  const made = prepare(model, getDefaultQConfigMapping());
  await calibrate(made, data.slice(0, 2));
  return made;
}

test('analyze compares an LSTM and attention as one layer each', async () => {
  const calibrated = await prepared();
  const int8 = await convert(calibrated);
  const { layers } = await analyze(model, int8, data);
  expect(layers.map(({ path, type }) => [path, type])).toEqual([
    ['quant', 'QuantStub'],
    ['lstm', 'LSTM'],
    ['attention', 'MultiheadAttention'],
    ['out', 'Linear'],
  ]);
  for (const { error, macs, path } of layers) {
    expect(error.local?.sqnrDb).toBeGreaterThan(20);
    if (path !== 'quant') expect(macs).toBeGreaterThan(0);
  }
});

test('sensitivity simulates the layers beside them', async () => {
  const { layers } = await sensitivity(model, data);
  expect(layers.map(({ path }) => path).sort()).toEqual(['out', 'quant']);
});

test('remedies go on with what is inside', async () => {
  await correctBias(await prepared(), data.slice(2));
  await adaround(await prepared(), data.slice(2), { iterations: 5 });
  const trials = await tryRemedies(model, data.slice(0, 2), data.slice(2), {
    mapping: getDefaultQConfigMapping(),
  });
  expect(trials).toBeDefined();
});
