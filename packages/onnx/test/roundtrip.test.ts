import { Buffer, GELU, Hardswish, LayerNorm, Linear, LSTM, Module, ReLU6, Sequential } from '@octet/nn';
import { convertFx, prepareFx } from '@octet/quantization';
import { embedding, manualSeed, noGrad, randn, Tensor, tensor, where } from '@octet/tensor';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { exportOnnx, type GraphModule, importOnnx } from '../src';
import { TensorProto_DataType as T } from '../src/onnx.generated';
import { forward, ort, parse, run, stepsApart } from './engine';
import { file, floats, ints, node, value } from './files';
import { digitsNet, mobileNet, quantized, seedNet, trained } from './models';

beforeEach(() => void manualSeed(5));

class Op extends Module {
  constructor(private readonly f: (x: Tensor) => Tensor) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.f(x);
  }
}

/** The largest difference between the outputs of a model and of its file, of the largest output. */
async function difference(model: Module, x: Tensor): Promise<number> {
  const [want] = forward(model, [x]);
  const [got] = forward(await importOnnx(await exportOnnx(model, x, { dynamicBatch: true })), [x]);
  expect(got.shape).toEqual(want.shape);
  const [a, b] = [want.dataSync(), got.dataSync()];
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(a[i]));
  }
  return most / largest;
}

describe('a file that was imported', () => {
  /** A label for each of several bytes of int64, and the logits. */
  const labels = () =>
    file({
      inputs: [value('bytes', ['n', 'length'], T.INT64)],
      outputs: ['logits', value('label', ['n', 'length'], T.INT64)],
      weights: [floats('table', [16, 4]), floats('w', [4, 3]), floats('b', [3])],
      nodes: [
        node('Gather', ['table', 'bytes'], ['rows']),
        node('MatMul', ['rows', 'w'], ['products']),
        node('Add', ['products', 'b'], ['logits']),
        node('ArgMax', ['logits'], ['label'], { axis: -1, keepdims: 0 }),
      ],
    });
  const bytes = tensor(
    [
      [1, 15, 3],
      [7, 0, 2],
    ],
    { dtype: 'int32' },
  );
  const int8 = async (model: GraphModule<Tensor | Tensor[]>) => {
    const prepared = prepareFx(model);
    noGrad(() => prepared.call(bytes));
    return convertFx(prepared);
  };

  it.each([
    ['float', async (model: GraphModule<Tensor | Tensor[]>) => model],
    ['int8', int8],
  ] as const)('is written with the dtypes that its inputs and outputs had: %s', async (_, made) => {
    const before = await made(await importOnnx<Tensor[]>(labels()));
    const written = await exportOnnx(before, bytes);
    const { input, output } = parse(written).graph;
    const typesOf = (ports: typeof input) =>
      ports.map(({ type }) => type?.value.case === 'tensorType' && type.value.value.elemType);
    expect([typesOf(input), typesOf(output)]).toEqual([[T.INT64], [T.FLOAT, T.INT64]]);
    const after = await importOnnx<Tensor[]>(written);
    const [want, got] = [before, after].map((m) => noGrad(() => m.call(bytes) as Tensor[]));
    expect(got[1].dtype).toBe('int32');
    expect(got.map((t) => [...t.dataSync()])).toEqual(want.map((t) => [...t.dataSync()]));
    if (!ort) return;
    const session = await ort.InferenceSession.create(written);
    const given = BigInt64Array.from(bytes.dataSync(), BigInt);
    const { label } = await session.run({ bytes: new ort.Tensor('int64', given, bytes.shape) });
    expect([...(label.data as BigInt64Array)].map(Number)).toEqual([...want[1].dataSync()]);
  });
});

it('a weight that several layers have stands in the int8 file once, and each has it back', async () => {
  const nodes = ['a', 'b', 'c'].map((y, i) =>
    node('Conv', [['x', 'a', 'b'][i], 'w'], [y], { pads: [1, 1, 1, 1] }),
  );
  const weights = [floats('w', [8, 8, 3, 3])];
  const shared = file({ inputs: [value('x', [1, 8, 6, 6])], outputs: ['c'], nodes, weights });
  const x = randn([1, 8, 6, 6]);
  const prepared = prepareFx(await importOnnx<Tensor>(shared));
  noGrad(() => prepared.call(x));
  const int8 = await convertFx(prepared);
  const written = await exportOnnx(int8, x);
  const kept = parse(written).graph.initializer.filter(({ dims }) => dims.length === 4);
  expect(kept.map(({ dataType, dims }) => [dataType, ...dims.map(Number)])).toEqual([[T.INT8, 8, 8, 3, 3]]);
  const again = await importOnnx<Tensor>(written);
  const [want] = forward(int8, [x]);
  expect(forward(again, [x])[0].dataSync()).toEqual(want.dataSync());
  if (!ort) return;
  for (const precise of [true, false]) {
    const [got] = await run(written, [x], { precise });
    const step = Math.max(...want.dataSync().map(Math.abs)) / 100;
    for (const [i, v] of want.dataSync().entries()) expect(Math.abs(got.data[i] - v)).toBeLessThan(step);
  }
});

it('int8 convolutions of rows that are padded come back as integers', async () => {
  const rows = file({
    inputs: [value('x', [1, 4, 40])],
    outputs: ['y'],
    nodes: [
      node('Conv', ['x', 'a'], ['p'], { pads: [2, 2] }),
      node('Pad', ['p', 'around'], ['q']),
      node('Conv', ['q', 'b'], ['r'], { strides: [2] }),
      node('Relu', ['r'], ['s']),
      node('Conv', ['s', 'a'], ['y']),
    ],
    weights: [floats('a', [4, 4, 5]), floats('b', [4, 4, 8]), ints('around', [0, 0, 7, 0, 0, 0])],
  });
  const x = randn([1, 4, 40]).add(0.5);
  const prepared = prepareFx(await importOnnx<Tensor>(rows));
  noGrad(() => prepared.call(x));
  const int8 = await convertFx(prepared);
  const written = await exportOnnx(int8, x);
  const again = await importOnnx<Tensor>(written);
  expect(again.modules().filter((m) => /^QuantizedConv/.test(m.constructor.name))).toHaveLength(3);
  const [want] = forward(int8, [x]);
  expect(forward(again, [x])[0].dataSync()).toEqual(want.dataSync());
});

describe('a file that was exported', () => {
  it.each([
    ['seed', () => trained(seedNet()), [2, 3, 32, 32]],
    ['digits', () => trained(digitsNet()), [2, 1, 28, 28]],
    ['MobileNet with ReLU6', () => trained(mobileNet('relu6')), [2, 3, 16, 16]],
    ['MobileNet with Hardswish', () => trained(mobileNet('hardswish')), [2, 3, 16, 16]],
  ] as const)('computes the same: %s', async (_, make, shape) => {
    expect(await difference(make().eval() as Module, randn(shape))).toBeLessThan(1e-5);
  });

  const ints = (...values: number[]) => tensor(Int32Array.from(values));
  it.each<[string, (x: Tensor) => Tensor]>([
    ['comparisons and where', (x) => where(x.gt(0.1).logicalAnd(x.le(1)), x, x.neg())],
    ['logical operations', (x) => x.maskedFill(x.lt(0).logicalOr(x.isnan()).logicalNot(), 3)],
    ['maximum and minimum', (x) => x.maximum(x.neg()).minimum(x.square())],
    ['functions', (x) => x.erf().add(x.floor()).add(x.sin()).add(x.atan()).add(x.round())],
    [
      'powers and rests',
      (x) =>
        x
          .abs()
          .add(1)
          .pow(x)
          .add(x.fmod(x.abs().add(0.5))),
    ],
    ['int32', (x) => x.mul(9).to('int32').mul(3).rsub(1).maximum(-20).to('float32')],
    [
      'sort and topk',
      (x) =>
        x
          .sort(1)[0]
          .narrow(1, 0, 2)
          .add(x.topk(2, { dim: 1 })[0]),
    ],
    ['gather', (x) => x.gather(1, x.argsort(1)).add(x.index([null, ints(2, 0, 1)]))],
    ['scatter', (x) => x.scatter(1, ints(2, 0, 1, 1, 0, 2).reshape([2, 3, 1]).expand([2, 3, 4]), x.mul(2))],
    ['cumsum and triangles', (x) => x.cumsum(1).add(x.tril()).add(x.triu(1))],
  ])('computes the same and stays on its backend: %s', async (_, f) => {
    const x = randn([2, 3, 4]);
    const model = new Op(f).eval();
    const [want] = forward(model, [x]);
    const back = await importOnnx(await exportOnnx(model, x, { opset: 18 }));
    const spy = vi.spyOn(Tensor.prototype, 'dataSync');
    const [got] = forward(back, [x]);
    const reads = spy.mock.calls.length;
    spy.mockRestore();
    expect(reads).toBe(0);
    const [a, b] = [want.dataSync(), got.dataSync()];
    for (let i = 0; i < a.length; i++) expect(b[i]).toBeCloseTo(a[i], 5);
  });

  it('computes the same: LSTM', async () => {
    const model = new LSTM(3, 4).eval();
    const x = randn([5, 2, 3]);
    const want = forward(model, [x]);
    const got = forward(await importOnnx<Tensor[]>(await exportOnnx(model, x, { opset: 17 })), [x]);
    for (const [i, t] of want.entries()) {
      const [a, b] = [t.dataSync(), got[i].dataSync()];
      for (let k = 0; k < a.length; k++) expect(b[k]).toBeCloseTo(a[k], 5);
    }
  });

  it('has its layers back, also those that opset 13 has in pieces', async () => {
    const model = new Sequential(
      new Linear(6, 8),
      new GELU(),
      new LayerNorm([8]),
      new Hardswish(),
      new ReLU6(),
    ).eval();
    const x = randn([5, 6]);
    const back = await importOnnx(await exportOnnx(model, x, { opset: 13 }));
    const types = back.graph.nodes.map(
      ({ target }) => typeof target === 'string' && back.getSubmodule(target).constructor.name,
    );
    expect(types).toEqual(['Linear', 'GELU', 'LayerNorm', 'Hardswish', 'ReLU6']);
    expect(await difference(model, x)).toBeLessThan(1e-5);
  });

  it('in int8 gives the same integers, but for those that lie half-way', async () => {
    const x = randn([4, 3, 32, 32]);
    const model = await quantized(trained(seedNet()), 'qnnpack', x);
    let scale = Number.NaN;
    model.dequant.registerForwardPreHook((_, [t]) => {
      if (t.qparams?.scheme === 'perTensor') scale = t.qparams.scale;
    });
    const want = noGrad(() => model.call(x)).dataSync();
    const back = await importOnnx(await exportOnnx(model, x));
    const { share, most } = stepsApart(want, noGrad(() => back.call(x)).dataSync(), scale);
    expect(most).toBeLessThanOrEqual(1);
    expect(share).toBeLessThan(0.05);
  });
});

describe('rows that an input names', () => {
  class Table extends Module {
    readonly table = new Buffer(randn([7, 3]));

    forward(index: Tensor): Tensor {
      return embedding(index, this.table).mul(2);
    }
  }
  const at = (...values: number[]) => tensor(values, { dtype: 'int32' });

  it('are taken on the backend, and stay the input’s when the graph is exported', async () => {
    const graph = await importOnnx(await exportOnnx(new Table().eval(), at(1, 2)));
    const again = await importOnnx(await exportOnnx(graph, at(1, 2)));
    for (const rows of [at(1, 2), at(6, 0)]) {
      const [want] = forward(new Table().eval(), [rows]).map((t) => t.shape);
      const [a, b] = [graph, again].map((m) => forward(m, [rows])[0]);
      expect(a.shape).toEqual(want);
      expect(b.dataSync()).toEqual(a.dataSync());
    }
    expect(forward(again, [at(1, 2)])[0].dataSync()).not.toEqual(forward(again, [at(6, 0)])[0].dataSync());
  });

  it('that the host would have to choose are refused, rather than written as those of the example', async () => {
    class Chosen extends Module {
      forward(x: Tensor): Tensor {
        return x.add(x.dataSync()[0]);
      }
    }
    const chosen = Object.assign(new Chosen().eval(), { graph: { inputs: [] } });
    await expect(exportOnnx(chosen, randn([2]))).rejects.toThrow(/function on the host/);
  });
});
