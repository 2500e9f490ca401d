import type { Conv2d, Sequential } from '@octet/nn';
import {
  convert,
  FixedQParamsObserver,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  prepare,
  QConfig,
} from '@octet/quantization';
import { noGrad, tensor } from '@octet/tensor';
import { expect, test, vi } from 'vitest';
import { analyze, sensitivity } from '../src';
import { batches, fusedNet } from './models';

const data = batches(3);
const mapping = getDefaultQConfigMapping('qnnpack');

function spoiled() {
  const float = fusedNet();
  const { weight } = float.second[0] as Conv2d;
  noGrad(() => weight.copy_(weight.mul(tensor([100, 1, 1, 1, 1]).reshape([5, 1, 1, 1]))));
  return float;
}

test('finds the bad layer, and its answer can be prepared and converted', async () => {
  const float = spoiled();
  const onProgress = vi.fn();
  const result = await sensitivity(float, data, undefined, { mapping, recover: 0.5, onProgress });
  expect(result.float).toBe(1);
  expect(result.int8).toBeLessThan(1);
  expect(result.layers.map(({ path }) => path).sort()).toEqual(
    ['first.0', 'head.1', 'quant', 'second.0', 'skip'].sort(),
  );
  for (const { path, inFloat } of result.layers)
    expect(inFloat === null).toBe(['quant', 'skip'].includes(path));
  expect(result.exclude.length).toBeGreaterThan(0);
  expect(result.metric).toBeGreaterThan(result.int8);
  for (const [done, total] of onProgress.mock.calls) expect(done).toBeLessThanOrEqual(total);
  expect(onProgress.mock.lastCall?.[0]).toBe(onProgress.mock.lastCall?.[1]);

  const prepared = prepare(result.model, result.mapping);
  for (const x of data) noGrad(() => prepared.call(x));
  const int8 = await convert(prepared);
  const { output, layers } = await analyze(result.model, int8, data);
  expect(layers.filter(({ int8Type }) => int8Type === null).map(({ path }) => path)).toEqual(
    result.exclude.map((path) => `${path}.layer`),
  );
  // The simulation promised what the integers keep.
  expect(1 - output.noise / output.signal).toBeCloseTo(result.metric, 2);
});

test('brings back the part that was asked for, where that can be had', async () => {
  const float = spoiled();
  const { weight } = (float.first[0] as unknown as Sequential)[0] as Conv2d;
  noGrad(() => weight.copy_(weight.mul(tensor([100, 1, 1, 1, 1]).reshape([5, 1, 1, 1]))));
  const all = await sensitivity(float, data, undefined, { mapping, recover: 1 });
  const [one, two] = all.steps;
  expect(two.metric).toBeGreaterThan(one.metric);
  const goal = (one.metric + two.metric) / 2;
  const recover = (goal - all.int8) / (all.float - all.int8);
  const { exclude, metric } = await sensitivity(float, data, undefined, { mapping, recover });
  expect(exclude).toEqual([one.path, two.path]);
  expect(metric).toBe(two.metric);
});

test('the metric is the user’s; the worst by it comes first', async () => {
  const float = fusedNet();
  const narrow = new QConfig({
    activation: FixedQParamsObserver.withArgs({ scale: 0.1 / 255, zeroPoint: 0 }),
    weight: getDefaultQConfig('qnnpack').weight,
  });
  const [x] = data;
  const expected = noGrad(() => float.call(x)).dataSync();
  const metric = async (model: typeof float) => {
    const y = await noGrad(() => model.call(x)).data();
    return -Math.max(...Array.from(expected, (v, i) => Math.abs(v - y[i])));
  };
  const recipe = mapping.clone().setModuleName('first', narrow);
  const { layers, exclude, float: best, int8 } = await sensitivity(float, data, metric, { mapping: recipe });
  expect(best).toBeCloseTo(0, 10);
  expect(layers[0].path).toBe('first.0');
  expect(layers[0].alone).toBeLessThan(0.5 * layers[1].alone);
  // Its range is the trouble: with the weights in float nothing is won, without it all is.
  expect(layers[0].without).toBeGreaterThan(0.2 * int8);
  expect(layers[0].inFloat).toBeLessThan(0.8 * int8);
  expect(exclude).not.toContain('first.0');
});

test('where nothing is lost, nothing stays in float', async () => {
  const { exclude, steps } = await sensitivity(fusedNet(), data, () => 1, { mapping });
  expect({ exclude, steps }).toEqual({ exclude: [], steps: [] });
});

test('refuses a part above 1, and no data', async () => {
  await expect(sensitivity(fusedNet(), data, undefined, { recover: 80 })).rejects.toThrow(
    /recover from 0 to 1/,
  );
  await expect(sensitivity(fusedNet(), [])).rejects.toThrow(/expected some inputs, found none/);
});
