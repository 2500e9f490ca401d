import { ArgumentError, extendBackend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { Conv2d, Flatten, Linear, LSTM, Module, ReLU, Sequential } from '@octet/nn';
import { cat, manualSeed, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx } from '../src';
import {
  AttributeProto_AttributeType,
  type GraphProto,
  TensorProto_DataType as Type,
} from '../src/onnx.generated';
import { compareTo, forward, ort, parse, run } from './engine';
import { digitsNet, mobileNet, type Net, quantized, seedNet, trained } from './models';

beforeEach(() => void manualSeed(5));

const ops = (graph: GraphProto) => graph.node.map((n) => n.opType);
const dimsOf = ({ type }: GraphProto['input'][number]) => {
  const tensorType = type?.value.case === 'tensorType' ? type.value.value : undefined;
  return tensorType?.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : value.value,
  );
};

describe('the file', () => {
  test('says who made it, and the versions that belong together', async () => {
    const model = new Linear(2, 3).eval();
    const x = randn([1, 2]);
    for (const [opset, ir] of [
      [undefined, 7],
      [13, 7],
      [15, 8],
      [18, 8],
      [20, 9],
      [22, 10],
    ]) {
      const proto = parse(await exportOnnx(model, x, opset === undefined ? {} : { opset, producer: 'me' }));
      expect(proto.irVersion).toBe(BigInt(ir as number));
      expect(proto.opsetImport.map((o) => [o.domain, o.version])).toEqual([['', BigInt(opset ?? 13)]]);
      expect(proto.producerName).toBe(opset === undefined ? 'octet' : 'me');
    }
  });

  test('calls weights as the state dict does, with their values', async () => {
    const model = trained(seedNet());
    const { graph } = parse(await exportOnnx(model, randn([1, 3, 8, 8])));
    const state = model.stateDict();
    const named = graph.initializer.filter((t) => t.name in state);
    const used = Object.keys(state).filter((key) => !key.endsWith('num_batches_tracked'));
    expect(named.map((t) => t.name).sort()).toEqual(used.sort());
    for (const { name, dims, rawData } of named) {
      expect(dims.map(Number)).toEqual(state[name].shape);
      expect(new Float32Array(rawData.slice().buffer)).toEqual(state[name].dataSync());
    }
  });

  test('calls nodes as the modules they come from, inputs and outputs by what they are', async () => {
    const model = new Sequential(new Flatten(), new Linear(6, 3), new ReLU()).eval();
    const { graph } = parse(await exportOnnx(model, randn([2, 2, 3])));
    expect(graph.node.map((n) => [n.name, ...n.output])).toEqual([
      // What views do is written where they are read.
      ['1/Reshape', '0'],
      ['1/Gemm', '1'],
      ['2/Relu', 'output'],
    ]);
    expect(graph.input.map((v) => [v.name, dimsOf(v)])).toEqual([['input', [2, 2, 3]]]);
    expect(graph.output.map((v) => [v.name, dimsOf(v)])).toEqual([['output', [2, 3]]]);
    const names = { inputNames: ['x'], outputNames: ['scores'] };
    const renamed = parse(await exportOnnx(model, randn([2, 2, 3]), names));
    expect([renamed.graph.input[0].name, renamed.graph.output[0].name]).toEqual(['x', 'scores']);
    for (const wrong of [
      { inputNames: [] },
      { outputNames: ['a', 'b'] },
      { inputNames: ['x'], outputNames: ['x'] },
    ])
      await expect(exportOnnx(model, randn([2, 2, 3]), wrong)).rejects.toThrow(ArgumentError);
    const lstm = parse(await exportOnnx(new LSTM(2, 3).eval(), randn([4, 1, 2])));
    expect(lstm.graph.output.map((v) => [v.name, dimsOf(v)])).toEqual([
      ['output_0', [4, 1, 3]],
      ['output_1', [1, 1, 3]],
      ['output_2', [1, 1, 3]],
    ]);
  });

  test('has no name twice, every name defined before it is used, and nothing unused', async () => {
    for (const model of [
      trained(mobileNet()),
      await quantized(trained(mobileNet()), 'x86', randn([2, 3, 9, 9])),
    ]) {
      const { graph } = parse(await exportOnnx(model, randn([1, 3, 9, 9])));
      const made = [...graph.input.map((v) => v.name), ...graph.initializer.map((t) => t.name)];
      const read = new Set(graph.output.map((v) => v.name));
      for (const { input, output, attribute } of graph.node) {
        for (const name of input) if (name !== '') expect(made).toContain(name);
        for (const name of input) read.add(name);
        made.push(...output);
        for (const { type } of attribute) expect(type).not.toBe(AttributeProto_AttributeType.UNDEFINED);
      }
      expect(new Set(made).size).toBe(made.length);
      expect(made.filter((name) => !read.has(name))).toEqual([]);
    }
  });

  test('memory formats leave no trace', async () => {
    const { graph } = parse(await exportOnnx(trained(seedNet()), randn([1, 3, 8, 8])));
    expect(new Set(ops(graph))).toEqual(new Set(['Conv', 'BatchNormalization', 'Relu', 'Add']));
    const logits = parse(await exportOnnx(trained(digitsNet()), randn([1, 1, 8, 8])));
    expect(ops(logits.graph).slice(-3)).toEqual(['GlobalAveragePool', 'Reshape', 'Gemm']);
  });

  test('leaves out what no output needs', async () => {
    class Wasteful extends Module {
      forward(x: Tensor): Tensor {
        x.exp().sum();
        return x.relu();
      }
    }
    expect(ops(parse(await exportOnnx(new Wasteful().eval(), randn([2]))).graph)).toEqual(['Relu']);
  });

  test('an input or a constant as output goes through Identity', async () => {
    class Both extends Module<[Tensor], Tensor[]> {
      forward(x: Tensor): Tensor[] {
        const y = x.abs();
        return [x, y, y, tensor([1, 2])];
      }
    }
    const model = new Both().eval();
    const bytes = await exportOnnx(model, tensor([-1, 1]));
    const { graph } = parse(bytes);
    expect(ops(graph)).toEqual(['Abs', 'Identity', 'Identity', 'Identity']);
    if (ort)
      for (const { difference } of await compareTo(bytes, model, [tensor([3, -4])]))
        expect(difference).toBe(0);
  });

  test('the model is as it was: no hooks stay, and its weights are not touched', async () => {
    const x = randn([2, 1, 9, 9]);
    for (const model of [trained(digitsNet()), await quantized(trained(digitsNet()), 'x86', x)]) {
      const bytes = await exportOnnx(model, x);
      const [before] = forward(model, [x]);
      // Layers may have kept what they made for their kernels: names and all are as before.
      expect(await exportOnnx(model, x)).toEqual(bytes);
      expect(forward(model, [x])[0].dataSync()).toEqual(before.dataSync());
    }
  });
});

test('a backend that can only be read later serves too', async () => {
  const later = Object.assign(extendBackend(referenceBackend, { name: 'later', kernels: {} }), {
    readSync: undefined,
  });
  const model = trained(digitsNet());
  const x = randn([1, 1, 9, 9]);
  const bytes = await exportOnnx(model, x);
  expect(await exportOnnx(model.to(later), x.to(later))).toEqual(bytes);
});

describe('QDQ form', () => {
  for (const engine of ['qnnpack', 'x86'] as const) {
    test(`${engine}: uint8 activations, int8 weights, a float bias of whole steps`, async () => {
      const model = await quantized(trained(seedNet()), engine, randn([2, 3, 8, 8]));
      const { graph } = parse(await exportOnnx(model, randn([1, 3, 8, 8])));
      const constants = new Map(graph.initializer.map((t) => [t.name, t]));
      const makers = new Map(graph.node.flatMap((n) => n.output.map((o) => [o, n])));
      const readers = (name: string) => graph.node.filter((n) => n.input.includes(name));
      const convolutions = graph.node.filter((n) => n.opType === 'Conv');
      expect(convolutions).toHaveLength(9);
      for (const { input, output } of convolutions) {
        const [x, weight] = input.map((name) => makers.get(name));
        expect([x, weight].map((n) => n?.opType)).toEqual(Array(2).fill('DequantizeLinear'));
        // A zero point of 0 goes without saying.
        const [xZero, weightZero] = [x, weight].map((n) => constants.get(n?.input[2] ?? ''));
        expect(xZero?.dataType ?? Type.UINT8).toBe(Type.UINT8);
        const [w, scale] = (weight?.input ?? []).map((name) => constants.get(name));
        expect([w?.dataType, scale?.dataType]).toEqual([Type.INT8, Type.FLOAT]);
        const channels = engine === 'x86' ? [w?.dims[0]] : [];
        expect(scale?.dims).toEqual(channels);
        expect(weightZero?.dataType ?? Type.INT8).toBe(Type.INT8);
        expect(weight?.attribute.map((a) => [a.name, a.i])).toEqual(engine === 'x86' ? [['axis', 0n]] : []);
        // The bias is of multiples of sx · sw.
        const bias = constants.get(input[2]);
        expect(bias?.dataType).toBe(Type.FLOAT);
        const number = (name?: string) =>
          new Float32Array(constants.get(name as string)?.rawData.slice().buffer as ArrayBuffer);
        const product = Math.fround(number(x?.input[1])[0] * number(weight?.input[1])[0]);
        const steps = number(input[2])[0] / product;
        expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-6 * Math.max(1, Math.abs(steps)));
        expect(readers(output[0]).map((n) => n.opType)).toEqual(['QuantizeLinear']);
      }
      // As in the state dict.
      expect([...constants.keys()]).toEqual(
        expect.arrayContaining(Object.keys(model.stateDict()).filter((k) => !/skip_add|zero_point$/.test(k))),
      );
    });
  }
});

describe('constants', () => {
  class Op extends Module {
    constructor(private readonly f: (x: Tensor) => Tensor) {
      super();
    }

    forward(x: Tensor): Tensor {
      return this.f(x);
    }
  }
  const shapesOf = async (f: (x: Tensor) => Tensor, x = randn([1, 4, 8, 8])) => {
    const model = new Op(f).eval();
    const bytes = await exportOnnx(model, x);
    if (ort)
      for (const { difference } of await compareTo(bytes, model, [x])) expect(difference).toBeLessThan(1e-6);
    const { graph } = parse(bytes);
    return {
      shapes: graph.initializer.filter((t) => t.dataType === Type.FLOAT).map((t) => t.dims.map(Number)),
      ops: ops(graph),
    };
  };
  const column = randn([4, 1, 1]);

  test('that were expanded are written as they were before', async () => {
    const whole = column.expand([1, 4, 8, 8]).contiguous();
    expect(await shapesOf((x) => x.add(whole))).toEqual({ shapes: [[1, 4, 1, 1]], ops: ['Add'] });
    // The other operand is expanded, so this one gives the size.
    expect((await shapesOf((x) => x.sum(3, true).mul(whole))).shapes).toEqual([[1, 4, 1, 8]]);
    const other = randn([1, 4, 8, 8]);
    expect((await shapesOf((x) => x.mul(other))).shapes).toEqual([[1, 4, 8, 8]]);
  });

  test('of repeated numbers that an operator takes as they are are expanded in the file', async () => {
    const zeros = tensor(0).expand([1, 4, 8, 8]).contiguous();
    expect(await shapesOf((x) => cat([x, zeros], 1))).toEqual({
      shapes: [[1, 1, 1, 1]],
      ops: ['Expand', 'Concat'],
    });
  });

  test('of equal numbers stand there once', async () => {
    const a = randn([8, 8]);
    const b = a.clone();
    expect((await shapesOf((x) => x.add(a).mul(b))).shapes).toEqual([[1, 1, 8, 8]]);
  });
});

describe('batches of any size', () => {
  const shapes = [1, 2, 5];

  test('dim 0 of inputs and outputs has a name', async () => {
    const { graph } = parse(
      await exportOnnx(trained(digitsNet()), randn([1, 1, 9, 9]), { dynamicBatch: true }),
    );
    expect([...graph.input, ...graph.output].map(dimsOf)).toEqual([
      ['batch', 1, 9, 9],
      ['batch', 10],
    ]);
  });

  class Reshapes extends Module<[Tensor], Tensor[]> {
    readonly linear = new Linear(4, 6);

    forward(x: Tensor): Tensor[] {
      const y = this.linear.call(x.transpose(1, 2));
      return [y.reshape([-1, 3]), y.slice(1, 1).sum(2), y.add(x.amax([1, 2], true))];
    }
  }

  const models: Record<string, [() => Module<never, unknown>, number[]]> = {
    digits: [() => trained(digitsNet()) as never, [1, 1, 9, 9]],
    mobileNet: [() => trained(mobileNet('hardswish')) as never, [3, 3, 9, 11]],
    reshapes: [() => new Reshapes().eval() as never, [1, 4, 5]],
  };

  for (const [name, [make, shape]] of Object.entries(models)) {
    test.runIf(ort)(name, async () => {
      const model = make() as unknown as Net;
      const bytes = await exportOnnx(model, randn(shape), { dynamicBatch: true });
      for (const n of shapes) {
        for (const { difference } of await compareTo(bytes, model, [randn([n, ...shape.slice(1)])]))
          expect(difference).toBeLessThan(1e-5);
      }
    });
  }

  test.runIf(ort)('int8', async () => {
    const model = await quantized(trained(digitsNet()), 'x86', randn([4, 1, 9, 9]));
    const bytes = await exportOnnx(model, randn([1, 1, 9, 9]), { dynamicBatch: true });
    for (const n of shapes) {
      const x = randn([n, 1, 9, 9]);
      const [{ dims }] = await run(bytes, [x]);
      expect(dims).toEqual([n, 10]);
      const [{ difference }] = await compareTo(bytes, model, [x]);
      expect(difference).toBeLessThan(1e-6);
    }
  });

  test('refuses a model into which the size goes', async () => {
    const lstm = new LSTM(2, 3, { batchFirst: true }).eval();
    await expect(exportOnnx(lstm, randn([1, 4, 2]), { dynamicBatch: true })).rejects.toThrow(
      /size of the batch in a constant of .*pass states as inputs/,
    );
    class Mean extends Module {
      forward(x: Tensor): Tensor {
        return x.sum(0).div(x.shape[0]);
      }
    }
    await expect(exportOnnx(new Mean().eval(), randn([1, 4]), { dynamicBatch: true })).rejects.toThrow(
      /a constant of Div/,
    );
    class Loop extends Module {
      forward(x: Tensor): Tensor {
        for (let i = 0; i < x.shape[0]; i++) x = x.mul(2);
        return x;
      }
    }
    await expect(exportOnnx(new Loop().eval(), randn([1, 4]), { dynamicBatch: true })).rejects.toThrow(
      /the operations themselves/,
    );
    await expect(exportOnnx(new Conv2d(1, 1, 1).eval(), randn([]), { dynamicBatch: true })).rejects.toThrow(
      /a batch dimension/,
    );
  });
});
