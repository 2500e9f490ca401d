import { create } from '@bufbuild/protobuf';
import { ArgumentError, QuantizationError } from '@octet/backend';
import { planOf } from '@octet/graph';
import {
  AdaptiveAvgPool2d,
  type AnyModule,
  AvgPool2d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  Flatten,
  Hardswish,
  Linear,
  LogSoftmax,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
} from '@octet/nn';
import {
  convert,
  convertFx,
  dynamic,
  fuse,
  fuseFx,
  getDefaultQConfigMapping,
  type MinMaxObserver,
  prepare,
  prepareFx,
  prepareQatFx,
  type QConfigMapping,
  QuantWrapper,
  qat,
  quantizationReport,
} from '@octet/quantization';
import { cat, manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { exportOnnx, type GraphModule, importOnnx, symbolicTrace } from '../src';
import { TensorProto_DataType as T, TensorProtoSchema } from '../src/onnx.generated';
import { forward, ort, run } from './engine';
import { file, floats, node, value } from './files';
import { trained } from './models';

beforeEach(() => void manualSeed(7));

/** A residual, a join, a gate, and a head. */
class Net extends Module {
  readonly stem = new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
  );
  readonly left = new Conv2d(8, 8, 3, { padding: 1 });
  readonly right = new Conv2d(8, 8, 1);
  readonly squeeze = new Conv2d(16, 16, 1);
  readonly pool = new AdaptiveAvgPool2d(1);
  readonly gate = new Sigmoid();
  readonly head = new Linear(16, 5);
  readonly out = new Sigmoid();

  forward(x: Tensor): Tensor {
    const a = this.stem.call(x);
    const b = this.left.call(a).add(a).relu();
    const c = cat([b, this.right.call(a)], 1);
    const gated = c.mul(this.gate.call(this.squeeze.call(this.pool.call(c))));
    return this.out.call(this.head.call(this.pool.call(gated).flatten(1)));
  }
}

const net = () => trained(new Net()).eval() as Net;
const image = () => randn([4, 3, 8, 8]);

function calibrated<M extends AnyModule>(model: M, batches: readonly Tensor[]): M {
  for (const x of batches) noGrad(() => model.call(x));
  return model;
}

async function quantized(
  model: AnyModule,
  batches: readonly Tensor[],
  mapping?: QConfigMapping,
): Promise<GraphModule> {
  return convertFx(calibrated(prepareFx(await symbolicTrace(model, batches[0]), mapping), batches));
}

const callsOf = ({ graph, ...model }: GraphModule) =>
  graph.nodes.map(({ target, op, method }) => {
    if (typeof target !== 'string') return op;
    const at = target.split('.').reduce((m, k) => m[k] as never, model as never as Record<string, never>);
    return `${(at as object).constructor.name}${method ? `.${method}` : ''}`;
  });

/** 10 log10 of signal over noise. */
function sqnr(want: Tensor, got: Tensor): number {
  const [a, b] = [want.dataSync(), got.dataSync()];
  let [signal, noise] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    signal += a[i] ** 2;
    noise += (a[i] - b[i]) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

describe('symbolicTrace', () => {
  it('has the layers under their paths, and computes the same for any batch', async () => {
    const model = net();
    const graph = await symbolicTrace(model, image());
    expect(Object.keys(graph.stateDict())).toEqual(
      expect.arrayContaining(['stem.0.weight', 'stem.1.running_mean', 'head.bias']),
    );
    const x = randn([2, 3, 8, 8]);
    expect(
      sqnr(
        noGrad(() => model.call(x)),
        noGrad(() => graph.call(x)),
      ),
    ).toBeGreaterThan(100);
    expect(graph.training).toBe(false);
    expect((await symbolicTrace(model.train(), image())).training).toBe(true);
  });
});

describe('fuseFx', () => {
  it('fuses what follows one another, wherever it stands', async () => {
    const graph = await symbolicTrace(net(), image());
    const fused = fuseFx(graph);
    expect(callsOf(fused)[0]).toBe('ConvReLU2d');
    const x = image();
    expect(
      sqnr(
        noGrad(() => graph.call(x)),
        noGrad(() => fused.call(x)),
      ),
    ).toBeGreaterThan(100);
    expect(callsOf(fuseFx(graph.train()))[0]).toBe('ConvBnReLU2d');
  });

  it('leaves a layer whose result has other readers', async () => {
    class Twice extends Module {
      readonly conv = new Conv2d(2, 2, 1);
      forward(x: Tensor): Tensor {
        const y = this.conv.call(x);
        return y.relu().add(y);
      }
    }
    const fused = fuseFx(await symbolicTrace(new Twice().eval(), randn([2, 2, 3, 3])));
    expect(callsOf(fused).slice(0, 2)).toEqual(['Conv2d', 'ReLU']);
  });

  it('takes graphs', () => {
    expect(() => fuseFx(new Linear(2, 2) as never)).toThrow(ArgumentError);
    expect(() => prepareFx(new Linear(2, 2) as never)).toThrow(/symbolicTrace/);
  });
});

describe('prepareFx and convertFx', () => {
  it('give the integers of the program that one would write by hand', async () => {
    const layers = () =>
      new Sequential(
        new Conv2d(3, 8, 3, { padding: 1 }),
        new BatchNorm2d(8),
        new ReLU(),
        new MaxPool2d(2),
        new Conv2d(8, 8, 3, { groups: 8 }),
        new Flatten(),
        new Linear(32, 4),
      );
    const model = trained(layers()).eval();
    const batches = [image(), image()];
    const byHand = await convert(
      calibrated(prepare(new QuantWrapper(fuse(model)).eval(), getDefaultQConfigMapping()), batches),
    );
    const byGraph = await quantized(model, batches, getDefaultQConfigMapping());
    const x = image();
    expect(Array.from(noGrad(() => byGraph.call(x)).dataSync())).toEqual(
      Array.from(noGrad(() => byHand.call(x)).dataSync()),
    );
  });

  it('keep integers where they can, and go to float where they must', async () => {
    const model = net();
    const batches = [image(), image()];
    const int8 = await quantized(model, batches);
    expect(callsOf(int8)).toEqual([
      'Quantize',
      'QuantizedConvReLU2d',
      'QuantizedConv2d',
      'QFunctional.addRelu',
      'QuantizedConv2d',
      'QFunctional.cat',
      'QuantizedAveragePool',
      'QuantizedConv2d',
      'Sigmoid',
      'QFunctional.mul',
      'QuantizedAveragePool',
      'Reshape',
      'QuantizedLinear',
      'DeQuantize',
      'Sigmoid',
    ]);
    expect(
      sqnr(
        noGrad(() => model.call(batches[0])),
        noGrad(() => int8.call(batches[0])),
      ),
    ).toBeGreaterThan(25);
    const report = quantizationReport(int8);
    expect(report?.inFloat).toEqual([
      { name: expect.any(String), type: 'Sigmoid', runs: 'float', reason: 'read in float only', weights: 0 },
    ]);
    expect(report?.quantizedWeights).toBe(1);
    expect(String(report).split('\n')[0]).toBe(
      '11 of 12 layers and functions in int8, 100.0 % of the weights; 1 in float:',
    );
  });

  it('give what is joined and nothing else one scale', async () => {
    const prepared = prepareFx(await symbolicTrace(net(), image()));
    const join = prepared.graph.nodes.find(({ method }) => method === 'cat');
    const observerOf = (path: string) =>
      (prepared.getSubmodule(path) as never as { activationPostProcess: MinMaxObserver })
        .activationPostProcess;
    expect(observerOf('right')).toBe(observerOf(join?.target as string));
    expect(observerOf('left')).not.toBe(observerOf(join?.target as string));
  });

  it('leave in float what has no int8 form, or what the recipe excludes', async () => {
    const model = new Sequential(
      new Linear(4, 8),
      new LogSoftmax(1),
      new Linear(8, 8),
      new ReLU(),
      new Linear(8, 2),
    );
    const graph = await symbolicTrace(model.eval(), randn([3, 4]));
    const mapping = getDefaultQConfigMapping().exclude('4');
    const int8 = await convertFx(calibrated(prepareFx(graph, mapping), [randn([16, 4])]));
    expect(quantizationReport(int8)?.rows.map(({ type, runs, reason }) => [type, runs, reason])).toEqual([
      ['Linear', 'int8', undefined],
      ['LogSoftmax', 'float', 'no int8 form'],
      ['LinearReLU', 'int8', undefined],
      ['Linear', 'float', 'recipe'],
    ]);
    expect(() => prepareFx(graph, getDefaultQConfigMapping().exclude('nowhere'))).toThrow(QuantizationError);
  });

  it('leave in float the nodes that a recipe names as the file does', async () => {
    const graph = await importOnnx<Tensor>(
      file({
        inputs: [value('x', [1, 3, 4, 4])],
        outputs: ['y'],
        nodes: [
          node('Conv', ['x', 'w'], ['a'], {}, { name: '/net/0/Conv' }),
          node('Add', ['a', 'x'], ['b'], {}, { name: '/net/Add' }),
          node('Conv', ['b', 'v'], ['y'], {}, { name: '/net/1/Conv' }),
        ],
        weights: [floats('w', [3, 3, 1, 1]), floats('v', [2, 3, 1, 1])],
      }),
    );
    const rows = (...inFloat: string[]) =>
      quantizationReport(prepareFx(graph, getDefaultQConfigMapping().exclude(...inFloat)))?.rows.map(
        ({ runs, reason }) => `${runs}${reason ? `: ${reason}` : ''}`,
      );
    expect(rows()).toEqual(['int8', 'int8', 'int8']);
    expect(rows('/net/Add')).toEqual(['int8', 'float: recipe', 'int8']);
    expect(rows('net.add')).toEqual(['int8', 'float: recipe', 'int8']);
    expect(rows('/net/0/Conv')).toEqual(['float: recipe', expect.any(String), 'int8']);
    expect(rows('/net/0/Conv', '/net/1/Conv')).toEqual([
      'float: recipe',
      expect.stringMatching(/^float/),
      'float: recipe',
    ]);
    expect(() => rows('/net/2/Conv')).toThrow(/names of nodes, found '\/net\/2\/Conv'/);
  });

  it('give ranges that end where their readers saturate', async () => {
    const batches = [randn([4, 3, 8, 8]).mul(20), randn([4, 3, 8, 8]).mul(20)];
    const model = new Sequential(new Conv2d(3, 4, 1), new Hardswish(), new Conv2d(4, 2, 1)).eval();
    for (const mapping of [undefined, getDefaultQConfigMapping()]) {
      const int8 = await quantized(model, batches, mapping);
      const { scale, zeroPoint } = int8.getSubmodule('0') as never as { scale: number; zeroPoint: number };
      expect(scale * zeroPoint).toBeGreaterThan(2.5);
      expect(scale * zeroPoint).toBeLessThan(3.5);
    }
    const prepared = prepareFx(await symbolicTrace(model, batches[0]));
    // What is read as it is is seen as it is.
    expect(noGrad(() => prepared.call(batches[0])).dataSync()).toEqual(
      noGrad(() => model.call(batches[0])).dataSync(),
    );
  });

  it('leave the model as it was', async () => {
    const graph = await symbolicTrace(net(), image());
    const x = image();
    const before = Array.from(noGrad(() => graph.call(x)).dataSync());
    const prepared = calibrated(prepareFx(graph), [x]);
    await convertFx(prepared);
    expect(Array.from(noGrad(() => graph.call(x)).dataSync())).toEqual(before);
    expect(planOf(graph, [x]).run(x).dataSync().length).toBe(before.length);
  });

  it('refuse training mode, and being prepared twice', async () => {
    const graph = await symbolicTrace(net(), image());
    expect(() => prepareFx(prepareFx(graph))).toThrow(QuantizationError);
    expect(() => prepareQatFx(graph)).toThrow(/training mode/);
    expect(() => prepareFx(graph.train())).toThrow(/evaluation mode/);
    await expect(convertFx(graph)).rejects.toThrow(/without any/);
  });

  it('save and load', async () => {
    const model = net();
    const batches = [image()];
    const int8 = await quantized(model, batches);
    const other = await convertFx(prepareFx(await symbolicTrace(net(), batches[0])), {
      requireCalibration: false,
    });
    other.loadStateDict(int8.stateDict());
    const x = image();
    expect(noGrad(() => other.call(x)).dataSync()).toEqual(noGrad(() => int8.call(x)).dataSync());
  });

  it('can be planned', async () => {
    const batches = [image()];
    const int8 = await quantized(net(), batches);
    const x = image();
    const plan = planOf(int8, [x]);
    expect(plan.run(x).dataSync()).toEqual(noGrad(() => int8.call(x)).dataSync());
  });

  it('need no warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await quantized(net(), [image()]);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

/** Means and average pools, by a factor smaller than what they are of. */
class Averages extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1 });
  readonly pool = new AvgPool2d(4);
  readonly point = new Conv2d(8, 8, 1);
  readonly head = new Linear(8, 5);

  forward(x: Tensor): Tensor {
    return this.head.call(this.point.call(this.pool.call(this.conv.call(x))).mean([2, 3]));
  }
}

describe('averages in a quantized graph', () => {
  const images = () => [randn([2, 3, 32, 32]), randn([2, 3, 32, 32])];

  it('have a scale of their own, by which they lose little', async () => {
    const batches = images();
    const model = new Averages().eval();
    const int8 = await quantized(model, batches);
    expect(callsOf(int8)).toEqual([
      'Quantize',
      'QuantizedConv2d',
      'QuantizedAveragePool',
      'QuantizedConv2d',
      'QFunctional.mean',
      'Reshape',
      'QuantizedLinear',
      'DeQuantize',
    ]);
    const scaleOf = (at: number) =>
      (int8.getSubmodule(int8.graph.nodes[at].target as string) as never as { scale: number }).scale;
    expect(scaleOf(2)).toBeLessThan(0.6 * scaleOf(1));
    expect(scaleOf(4)).toBeLessThan(0.6 * scaleOf(3));
    const [x] = batches;
    expect(
      sqnr(
        noGrad(() => model.call(x)),
        noGrad(() => int8.call(x)),
      ),
    ).toBeGreaterThan(30);
  });

  it.each([17, 18])('keep it in a file of opset %i', async (opset) => {
    const [x, y] = images();
    const int8 = await quantized(new Averages().eval(), [x, y]);
    const back = await importOnnx(await exportOnnx(int8, x, { opset }));
    expect(callsOf(back)).toEqual(expect.arrayContaining(['QuantizedAveragePool', 'QFunctional.mean']));
    expect(forward(back, [x])[0].dataSync()).toEqual(forward(int8, [x])[0].dataSync());
  });

  it('are trained with it', async () => {
    const graph = await symbolicTrace(new Averages().eval(), images()[0]);
    const prepared = calibrated(prepareQatFx(graph.train()), images()).eval();
    expect(callsOf(await convertFx(prepared))).toEqual(
      expect.arrayContaining(['QuantizedAveragePool', 'QFunctional.mean']),
    );
  });

  it('stay in float where floats alone read them', async () => {
    const [x, y] = images();
    const int8 = await quantized(new Sequential(new Conv2d(3, 4, 3), new AdaptiveAvgPool2d(1)).eval(), [
      x,
      y,
    ]);
    expect(callsOf(int8)).toEqual(['Quantize', 'QuantizedConv2d', 'DeQuantize', 'AveragePool']);
  });
});

describe.skipIf(!ort)('convolutions that quantize their inputs at every call', () => {
  const perChannel = (conv: Conv1d | Conv2d, zero: (o: number) => number) => {
    const outputs = Array.from({ length: conv.outChannels }, (_, o) => o);
    const scales = outputs.map((o) => 0.004 + 0.001 * o);
    return conv.weight.detach().quantizePerChannel(scales, outputs.map(zero), 0, 'qint8');
  };
  it.each([
    ['of one dim', new Conv1d(4, 6, 3, { padding: 1 }), [1, 4, 12], undefined],
    ['of two dims', new Conv2d(4, 6, 3, { stride: 2, padding: 1 }), [1, 4, 8, 8], undefined],
    ['with a scale for each channel', new Conv2d(4, 6, [3, 2], { dilation: 2 }), [2, 4, 8, 8], () => 0],
    ['of points', new Conv2d(4, 6, 1, { bias: false }), [1, 4, 5, 5], () => 0],
    ['in groups', new Conv1d(4, 6, 3, { groups: 2, padding: 1 }), [1, 4, 12], () => 0],
    ['with zero points', new Conv2d(4, 6, 3, { padding: 1 }), [1, 4, 8, 8], (o: number) => 3 * o - 7],
    ['with zero points, in groups', new Conv2d(4, 4, 3, { groups: 4 }), [1, 4, 8, 8], (o: number) => o],
    ["padded 'same'", new Conv1d(4, 6, 4, { padding: 'same' }), [1, 4, 12], () => 0],
    [
      'padded by a reflection',
      new Conv2d(4, 6, 3, { padding: 1, paddingMode: 'reflect' }),
      [1, 4, 8, 8],
      () => 0,
    ],
  ] as const)('%s, run in onnxruntime and read again', async (_, conv, shape, zero) => {
    const x = randn([...shape]);
    const weight = zero ? perChannel(conv, zero) : conv.weight.detach().quantizePerTensor(0.01, 2, 'qint8');
    const layer =
      conv instanceof Conv1d ? new dynamic.Conv1d(conv, weight) : new dynamic.Conv2d(conv, weight);
    const model = new Sequential(layer as never).eval();
    const want = noGrad(() => model.call(x)).dataSync();
    const bytes = await exportOnnx(model, x);
    const isSymmetric = zero?.(1) === 0;
    expect(new TextDecoder('latin1').decode(bytes).includes('ConvInteger')).toBe(!isSymmetric);
    // With it onnxruntime 1.30 makes zero points of another shape for weights behind DequantizeLinear.
    const [{ data }] = await run(bytes, [x], { precise: !isSymmetric });
    const back = await importOnnx(bytes);
    // Conv of one dim is one of two dims with a height of 1.
    const expected = isSymmetric ? dynamic.Conv2d : layer.constructor;
    expect(back.children().map((module) => module.constructor)).toEqual([expected]);
    expect(callsOf(back).filter((name) => /Integer|Dynamic.*Linear|Mul|Add/.test(name))).toEqual([]);
    expect(forward(back, [x])[0].dataSync()).toEqual(want);
    const largest = Math.max(...want.map(Math.abs));
    // A half-way input may go either way: DynamicQuantizeLinear divides.
    for (let i = 0; i < want.length; i++) {
      expect(Math.abs(data[i] - want[i])).toBeLessThan(0.01 * largest);
    }
  });
});

describe('a quantized graph as a file', () => {
  it('gives the same integers when it is read again, on int8 layers', async () => {
    const x = image();
    const int8 = await quantized(net(), [x, image()]);
    const back = await importOnnx(await exportOnnx(int8, x, { dynamicBatch: true }));
    expect(back.inputNames).toEqual(int8.inputNames);
    expect(back.outputNames).toEqual(int8.outputNames);
    const ran = callsOf(back);
    for (const layer of [
      'QuantizedConv2d',
      'QuantizedLinear',
      'QFunctional.addRelu',
      'QFunctional.cat',
      'QFunctional.mul',
      'QuantizedAveragePool',
    ])
      expect(ran).toContain(layer);
    expect(ran.filter((name) => /^(Conv|Linear|QuantizeLinear|DequantizeLinear)/.test(name))).toEqual([]);
    expect(forward(back, [x])[0].dataSync()).toEqual(forward(int8, [x])[0].dataSync());
  });

  it.each([
    ['times a number', (y: Tensor) => y.mul(0.47), ['mulScalar']],
    ['plus a number', (y: Tensor) => y.add(0.25), ['addScalar']],
    ['both', (y: Tensor) => y.mul(1.7).add(-0.2), ['mulScalar', 'addScalar']],
  ])('keeps integers that are scaled between layers: %s', async (_, scaled, methods) => {
    class Scaled extends Module<[Tensor], Tensor> {
      static override readonly name = 'Scaled';
      readonly first = new Conv2d(3, 4, 3);
      readonly act = new Hardswish();
      readonly second = new Conv2d(4, 2, 1);

      forward(x: Tensor): Tensor {
        return this.second.call(scaled(this.act.call(this.first.call(x))));
      }
    }
    const x = image();
    const int8 = await quantized(new Scaled().eval(), [x, image()]);
    const back = await importOnnx(await exportOnnx(int8, x));
    expect(callsOf(back).filter((name) => !/^(Quantize|DeQuantize)$/.test(name))).toEqual([
      'QuantizedConv2d',
      'QuantizedHardswish',
      ...methods.map((method) => `QFunctional.${method}`),
      'QuantizedConv2d',
    ]);
    expect(forward(back, [x])[0].dataSync()).toEqual(forward(int8, [x])[0].dataSync());
  });

  it.skipIf(!ort)('says pixels that are repeated as a Resize', async () => {
    const scales = floats('scales', [4], [1, 1, 2, 2]);
    const model = await importOnnx(
      file({
        inputs: [value('x', [1, 2, 3, 3])],
        outputs: ['y'],
        nodes: [
          node('Conv', ['x', 'w'], ['c']),
          node('Resize', ['c', '', 'scales'], ['r'], {
            mode: 'nearest',
            coordinate_transformation_mode: 'asymmetric',
            nearest_mode: 'floor',
          }),
          node('Conv', ['r', 'w'], ['y']),
        ],
        weights: [floats('w', [2, 2, 1, 1]), scales],
      }),
    );
    const x = randn([1, 2, 3, 3]);
    const int8 = await convertFx(calibrated(prepareFx(model), [x]));
    expect(callsOf(int8)).toEqual(['Quantize', 'QuantizedConv2d', 'Resize', 'QuantizedConv2d', 'DeQuantize']);
    const bytes = await exportOnnx(int8, x);
    const [{ data }] = await run(bytes, [x]);
    const want = forward(int8, [x])[0].dataSync();
    for (let i = 0; i < want.length; i++) expect(data[i]).toBeCloseTo(want[i], 1);
  });

  it.skipIf(!ort)('runs in onnxruntime, under the names of the graph', async () => {
    const x = image();
    const int8 = await quantized(net(), [x]);
    const bytes = await exportOnnx(int8, x);
    const [{ data }] = await run(bytes, [x]);
    const want = forward(int8, [x])[0].dataSync();
    // A step of the last layer's scale, by the slope of a sigmoid.
    for (let i = 0; i < want.length; i++) expect(data[i]).toBeCloseTo(want[i], 1.5);
  });

  it('stays in float where the scales of a file say nothing of integers', async () => {
    const model = file({
      inputs: [value('x', [1, 2])],
      outputs: ['y'],
      nodes: [
        node('QuantizeLinear', ['x', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's', 'z'], ['d']),
        node('Exp', ['d'], ['y']),
      ],
      weights: [
        floats('s', [], [0.5]),
        create(TensorProtoSchema, { name: 'z', dims: [], dataType: T.UINT8, rawData: Uint8Array.of(3) }),
      ],
    });
    const back = await importOnnx(model);
    expect(callsOf(back)).toEqual(['QuantizeLinear', 'DequantizeLinear', 'Exp']);
  });
});

describe('prepareQatFx', () => {
  it('trains with quantized weights and activations, and gives integers', async () => {
    const model = net();
    const graph = (await symbolicTrace(model, image())).train();
    const prepared = prepareQatFx(graph);
    expect(prepared.getSubmodule('stem.0')).toBeInstanceOf(qat.ConvBnReLU2d);
    expect(callsOf(prepared)[0]).toBe('QuantStub');
    const x = image();
    const losses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const loss = prepared.call(x).sub(1).square().mean();
      losses.push(loss.dataSync()[0]);
      loss.backward();
      noGrad(() => {
        for (const p of prepared.parameters()) if (p.grad) p.copy_(p.sub(p.grad.mul(0.2)));
      });
      prepared.zeroGrad();
    }
    expect(losses[11]).toBeLessThan(0.9 * losses[0]);
    prepared.eval();
    const fake = noGrad(() => prepared.call(x));
    const int8 = await convertFx(prepared);
    expect(callsOf(int8)).toContain('QuantizedConvReLU2d');
    expect(
      sqnr(
        fake,
        noGrad(() => int8.call(x)),
      ),
    ).toBeGreaterThan(30);
  });
});

describe('layers whose weight is no matrix', () => {
  const bytes = file({
    inputs: [value('x', [1, 3, 4, 4])],
    outputs: ['y'],
    nodes: [
      node('Conv', ['x', 'w'], ['a'], {}, { name: 'one' }),
      node('PRelu', ['a', 'slope'], ['b'], {}, { name: 'between' }),
      node('Conv', ['b', 'v'], ['y'], {}, { name: 'two' }),
    ],
    weights: [floats('w', [4, 3, 1, 1]), floats('slope', [1], [0.25]), floats('v', [2, 4, 1, 1])],
  });

  it('run in int8 between int8 layers, and in float where both are in float', async () => {
    const rows = async (...inFloat: string[]) => {
      const mapping = getDefaultQConfigMapping().exclude(...inFloat);
      return quantizationReport(prepareFx(await importOnnx(bytes), mapping))?.rows.map(({ runs }) => runs);
    };
    expect(await rows()).toEqual(['int8', 'int8', 'int8']);
    expect(await rows('two')).toEqual(['int8', 'float', 'float']);
    expect(await rows('one', 'two')).toEqual(['float', 'float', 'float']);
  });

  it('a model that has nothing for it stays in float, and that is said', async () => {
    const said = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      const x = randn([2, 6]);
      const graph = await symbolicTrace(new Sequential(new Hardswish(), new LogSoftmax(1)).eval(), x);
      const prepared = prepareFx(graph);
      expect(said).toHaveBeenCalledWith(expect.stringMatching(/^octet: prepareFx: nothing of the model has/));
      expect(quantizationReport(prepared)?.rows.map(({ runs }) => runs)).toEqual(['float', 'float']);
      const [found, expected] = [prepared, graph].map((model) => forward(model, [x])[0].dataSync());
      expect(found).toEqual(expected);
    } finally {
      said.mockRestore();
    }
  });

  it('a recipe may leave all in float', async () => {
    const x = randn([1, 3, 4, 4]);
    const float = await importOnnx<Tensor>(bytes);
    const all = getDefaultQConfigMapping().exclude('one', 'two');
    expect(noGrad(() => prepareFx(float, all).call(x)).dataSync()).toEqual(
      noGrad(() => float.call(x)).dataSync(),
    );
  });
});
