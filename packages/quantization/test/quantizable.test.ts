import { type AnyModule, LSTM, LSTMCell, Module, MultiheadAttention, Sequential, summary } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import {
  calibrate,
  convert,
  defaultPerChannelWeightObserver,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  MinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantStub,
  QuantWrapper,
  quantizable,
  quantized,
  toFloat,
} from '../src';

let warn: MockInstance;
beforeEach(() => {
  manualSeed(3);
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => vi.restoreAllMocks());
const said = () => warn.mock.calls.map(([text]) => String(text)).join('\n');

/** A module whose first output is all. */
class First extends Module {
  readonly quant = new QuantStub();

  constructor(
    readonly layer: AnyModule,
    private readonly inputs = 1,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    const q = this.quant.call(x);
    return this.layer.call(...new Array(this.inputs).fill(q))[0].dequantize();
  }
}

/** A cell whose steps are the module's own. */
class Steps extends Module {
  readonly quant = new QuantStub();
  readonly cell = new LSTMCell(4, 5);

  forward(x: Tensor): Tensor {
    const q = this.quant.call(x);
    let state = this.cell.call(q.select(0, 0));
    for (let t = 1; t < q.shape[0]; t++) state = this.cell.call(q.select(0, t), state);
    return state[0].dequantize();
  }
}

const models: Record<string, () => [model: Module, x: () => Tensor]> = {
  LSTM: () => [new First(new LSTM(4, 5, { numLayers: 2, batchFirst: true })), () => randn([2, 3, 4])],
  'LSTMCell in a loop': () => [new Steps(), () => randn([3, 2, 4])],
  'MultiheadAttention, batch first, a learned key and one of zeros': () => [
    new First(new MultiheadAttention(8, 2, { batchFirst: true, addBiasKv: true, addZeroAttn: true }), 3),
    () => randn([2, 5, 8]),
  ],
};

const largest = (a: Tensor, b: Tensor) => Math.max(...Array.from(a.sub(b).abs().dataSync()));

const recipe = () =>
  new QConfigMapping().setGlobal(
    new QConfig({
      activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
      weight: defaultPerChannelWeightObserver,
    }),
  );

async function int8Of(float: Module, xs: Tensor[]): Promise<Module> {
  const prepared = prepare(float, recipe());
  await calibrate(prepared, xs);
  return convert(prepared);
}

describe.each(Object.entries(models))('%s', (_, make) => {
  test('prepared it computes what the float model does; converted, nearly', async () => {
    const [model, x] = make();
    const float = model.eval();
    const prepared = prepare(float, getDefaultQConfigMapping());
    const data = [x(), x()];
    noGrad(() => expect(largest(prepared.call(data[0]), float.call(data[0]))).toBeLessThan(1e-6));
    const int8 = await int8Of(float, data);
    noGrad(() => expect(largest(int8.call(data[0]), float.call(data[0]))).toBeLessThan(0.1));
    expect(said()).toBe('');
  });

  test('trained, its weights are simulated too', async () => {
    const [model, x] = make();
    const trained = prepareQat(model.train(), getDefaultQatQConfigMapping());
    trained.call(x()).sum().backward();
    const weights = trained.namedParameters().filter(([path]) => path.endsWith('weight'));
    expect(weights.length).toBeGreaterThan(1);
    for (const [path, weight] of weights) {
      expect(trained.namedModules().map(([at]) => at)).toContain(`${path}FakeQuant`);
      expect(weight.grad).toBeDefined();
    }
    const data = x();
    for (let i = 0; i < 100; i++) trained.call(data);
    trained.eval();
    const int8 = await convert(trained);
    noGrad(() => expect(largest(int8.call(data), trained.call(data))).toBeLessThan(0.05));
  });

  test('the float model of the int8 one has the integers’ weights', async () => {
    const [model, x] = make();
    const data = x();
    const float = model.eval();
    const int8 = await int8Of(float, [data]);
    const name = 'layer' in float ? 'layer' : 'cell';
    const back = toFloat(int8.getSubmodule(name));
    expect(back.constructor).toBe(float.getSubmodule(name).constructor);
    float.setSubmodule(name, back);
    noGrad(() => expect(largest(int8.call(data), float.call(data))).toBeLessThan(0.1));
  });

  test('state dicts, a copy and the table of the summary', async () => {
    const [model, x] = make();
    const data = x();
    const int8 = await int8Of(model.eval(), [data]);
    const other = await convert(prepare(make()[0].eval(), getDefaultQConfigMapping()), {
      requireCalibration: false,
    });
    other.loadStateDict(int8.stateDict());
    noGrad(() => {
      const y = int8.call(data).dataSync();
      expect(other.call(data).dataSync()).toEqual(y);
      expect(int8.clone().call(data).dataSync()).toEqual(y);
    });
    const table = summary(int8, data);
    expect(table).toContain('QuantizedLinear');
    expect(table.match(/qlinear/g)?.length).toBeGreaterThan(1);
  });
});

test('the int8 layers are PyTorch’s classes, and hooks go with them', async () => {
  const model = new First(new LSTM(4, 5)).eval();
  const seen: string[] = [];
  model.layer.registerForwardHook((module) => void seen.push(module.constructor.name));
  const prepared = prepare(model, getDefaultQConfigMapping());
  expect(prepared.layer).toBeInstanceOf(quantizable.LSTM);
  prepared.call(randn([3, 2, 4]));
  const int8 = await convert(prepared);
  expect(int8.layer).toBeInstanceOf(quantized.LSTM);
  int8.call(randn([3, 2, 4]));
  expect(seen).toEqual(['QuantizableLSTM', 'QuantizedLSTM']);
  expect(prepared.layer).not.toBeInstanceOf(quantized.LSTM);
});

test('a layer that is the whole model becomes another; not in place', async () => {
  const float = new LSTM(4, 5).eval();
  const prepared = prepare(float as AnyModule, getDefaultQConfigMapping());
  expect(prepared.constructor).toBe(quantizable.LSTM);
  prepared.call(randn([3, 2, 4]));
  await expect(convert(prepared, { inplace: true })).rejects.toThrow('a layer itself');
  expect((await convert(prepared)).constructor).toBe(quantized.LSTM);
});

test('weights that are not wanted are observed all the same', async () => {
  class NoWeights extends Module {
    readonly attention = new MultiheadAttention(8, 2);

    forward(x: Tensor): Tensor {
      const [y, weights] = this.attention.call(x, x, x, { needWeights: false });
      expect(weights).toBeUndefined();
      return y;
    }
  }
  const prepared = prepare(new QuantWrapper(new NoWeights()).eval(), getDefaultQConfigMapping());
  const x = randn([5, 2, 8]);
  noGrad(() => prepared.call(x));
  const int8 = await convert(prepared);
  expect(int8.call(x).shape).toEqual([5, 2, 8]);
});

test('a projection stays in float, and prepare says so', () => {
  const model = new Sequential(new QuantStub(), new LSTM(4, 5, { projSize: 2 }) as never).eval();
  const prepared = prepare(model, getDefaultQConfigMapping());
  expect(prepared.at(1)).toBeInstanceOf(LSTM);
  expect(said()).toMatch(/no int8 form: 1 \(LSTM\)/);
  expect(() => quantizable.LSTM.fromFloat(new LSTM(4, 5, { projSize: 2 }))).toThrow(
    'an LSTM without a projection, found projSize 2',
  );
});

test('what does not fit is refused', () => {
  const lstm = new quantizable.LSTM(4, 5);
  expect(() => lstm.call(randn([3, 4]))).toThrow('3 dimensions');
  expect(() => lstm.call(randn([3, 2, 5]))).toThrow('a step or more of 4 features');
  expect(() => lstm.call(randn([3, 2, 4]), [randn([2, 2, 5]), randn([1, 2, 5])])).toThrow('[1, 2, 5]');
  expect(() => new quantizable.LSTM(4, 5, { projSize: 2 } as never)).toThrow('projSize');
  expect(() => new quantizable.LSTM(4, 5, { numLayers: 2, dropout: 0.1 })).not.toThrow();
  expect(said()).toContain('quantizable.LSTM: dropout does nothing');
  const cell = new quantizable.LSTMCell(4, 5);
  expect(() => cell.call(randn([2, 3]))).toThrow('x [N, 4]');
  expect(() => cell.call(randn([2, 4]), [randn([2, 4]), randn([2, 5])])).toThrow('h and c [N, 5]');
  expect(() => new quantizable.LSTMCell(4, 5, { splitGates: true } as never)).toThrow('splitGates');
  expect(() => new quantizable.MultiheadAttention(8, 2, { heads: 1 } as never)).toThrow('heads');
});
