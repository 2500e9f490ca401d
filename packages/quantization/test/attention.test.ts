import { MultiheadAttention, Sequential, summary, Transformer, TransformerEncoderLayer } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { defaultDynamicQConfig, dynamic, getDefaultDynamicQConfig, quantizeDynamic } from '../src';

beforeEach(() => void manualSeed(8));

const list = (t: Tensor) => Array.from(t.dataSync());
const largest = (a: Tensor, b: Tensor) => Math.max(...list(a.sub(b).abs()));

/** A model that holds the layer in a field. */
const holding = (attention: MultiheadAttention) => new Sequential(attention as never);

async function int8Of(attention: MultiheadAttention, options = {}): Promise<dynamic.MultiheadAttention> {
  const model = await quantizeDynamic(holding(attention.eval()), options);
  return model.at(0) as unknown as dynamic.MultiheadAttention;
}

describe('attention with int8 weights', () => {
  const forms = {
    'one width': {},
    'widths of their own, no bias': { kdim: 6, vdim: 7, bias: false },
    'a learned key, batch first': { addBiasKv: true, addZeroAttn: true, batchFirst: true },
  };
  for (const [name, options] of Object.entries(forms)) {
    test(`${name}: near the float layer, and equal to the float layer of its integers' weights`, async () => {
      const { kdim = 16, vdim = 16 } = options as { kdim?: number; vdim?: number };
      const attention = new MultiheadAttention(16, 4, options);
      const int8 = await int8Of(attention);
      expect(int8).toBeInstanceOf(dynamic.MultiheadAttention);
      expect(int8.outProj).toBeInstanceOf(dynamic.Linear);
      const inputs = [randn([5, 3, 16]), randn([5, 3, kdim]), randn([5, 3, vdim])] as const;
      const y = int8.call(...inputs)[0];
      const floated = int8.toFloat();
      expect(floated.constructor).toBe(MultiheadAttention);
      noGrad(() => {
        expect(largest(y, attention.call(...inputs)[0])).toBeLessThan(0.05);
        // Only the inputs are rounded there.
        expect(largest(y, floated.call(...inputs)[0])).toBeLessThan(0.05);
        expect(largest(y, floated.call(...inputs)[0])).toBeGreaterThan(0);
      });
    });
  }

  test('the state dict goes into another, also with a bias that differs', async () => {
    const [from, to] = [
      await int8Of(new MultiheadAttention(8, 2)),
      await int8Of(new MultiheadAttention(8, 2)),
    ];
    expect(Object.keys(from.stateDict())).toEqual([
      ...[
        'q_proj_weight',
        'k_proj_weight',
        'v_proj_weight',
        'in_proj_bias',
        'out_proj.weight',
        'out_proj.bias',
      ],
    ]);
    const x = randn([3, 2, 8]);
    const before = list(to.call(x)[0]);
    const state = from.stateDict();
    state.in_proj_bias = state.in_proj_bias.add(1);
    to.loadStateDict(state);
    expect(list(to.call(x)[0])).not.toEqual(before);
    const bias = from.inProjBias as Tensor;
    bias.copy_(state.in_proj_bias);
    from.loadStateDict(from.stateDict());
    expect(list(to.call(x)[0])).toEqual(list(from.call(x)[0]));
  });

  test('recipes: one scale for a weight, and 7 bits', async () => {
    const attention = new MultiheadAttention(8, 2);
    expect((await int8Of(attention)).qProjWeight?.qparams).toMatchObject({ scheme: 'perChannel', axis: 0 });
    const single = await int8Of(attention, { qconfig: defaultDynamicQConfig });
    expect(single.qProjWeight?.qparams?.scheme).toBe('perTensor');
    const seven = await int8Of(attention, { qconfig: getDefaultDynamicQConfig('x86') });
    expect(seven.reduceRange).toBe(true);
    expect(String(seven)).toContain('reduceRange=true');
  });

  test('a whole transformer: every product is in int8', async () => {
    const options = { dModel: 16, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 32 };
    const model = new Transformer(options).eval();
    const int8 = await quantizeDynamic(model);
    const [src, tgt] = [randn([6, 2, 16]), randn([4, 2, 16])];
    expect(
      largest(
        int8.call(src, tgt),
        noGrad(() => model.call(src, tgt)),
      ),
    ).toBeLessThan(0.1);
    expect(int8.parameters().every((p) => p.dim === 1)).toBe(true);
    const layer = await quantizeDynamic(new TransformerEncoderLayer(16, 2, { dimFeedforward: 32 }).eval());
    const text = summary(layer, [3, 2, 16]);
    expect(text).toContain('DynamicQuantizedMultiheadAttention');
    expect(text).not.toMatch(/\blinear\b/);
    expect(text).toContain('qlinearDynamic');
  });
});
