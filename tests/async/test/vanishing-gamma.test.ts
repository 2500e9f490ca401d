import { referenceBackend } from '@octet/backend-js-reference';
import { withoutSyncReads } from '@octet/backend-testkit';
import { BatchNorm2d, Conv2d, ReLU, Sequential } from '@octet/nn';
import { convert, fuse, getDefaultQatQConfigMapping, prepareQat, QuantWrapper } from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, tensor } from '@octet/tensor';
import { afterEach, expect, test, vi } from 'vitest';

const later = withoutSyncReads(referenceBackend);
const read = vi.spyOn(later, 'read');

afterEach(() => setBackend(referenceBackend));

test.each([0, -1e-39, 0.5])(
  'training with γ = %s reads nothing, and gives what the reference does',
  async (gamma) => {
    const results = [];
    for (const backend of [referenceBackend, later]) {
      setBackend(backend);
      manualSeed(1);
      const layers = new Sequential(new Conv2d(1, 2, 2), new BatchNorm2d(2), new ReLU());
      noGrad(() => (layers.at(1) as BatchNorm2d).weight?.copy_(tensor([1, gamma])));
      const model = prepareQat(fuse(new QuantWrapper(layers)), getDefaultQatQConfigMapping('qnnpack'));
      const x = randn([3, 1, 4, 4]);
      read.mockClear();
      for (let i = 0; i < 2; i++) model.call(x).square().sum().backward();
      expect(read).not.toHaveBeenCalled();
      const int8 = await convert(model.eval());
      const tensors = [
        ...model.parameters().flatMap((p) => (p.grad ? [p, p.grad] : [p])),
        noGrad(() => int8.call(x)),
      ];
      results.push(await Promise.all(tensors.map(async (t) => [...(await t.data())].map((v) => v + 0))));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[0].flat().every(Number.isFinite)).toBe(true);
  },
);
