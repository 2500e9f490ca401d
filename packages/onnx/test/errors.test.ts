import { ArgumentError } from '@octet/backend';
import { BatchNorm2d, Conv2d, Dropout, Linear, Module, Sequential } from '@octet/nn';
import {
  defaultWeightObserver,
  getDefaultQatQConfig,
  MinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
} from '@octet/quantization';
import { crossEntropy, noGrad, quantizedTensor, randint, randn, type Tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { exportOnnx, OnnxExportError } from '../src';

class Op extends Module {
  constructor(private readonly f: (x: Tensor) => unknown) {
    super();
    this.eval();
  }

  forward(x: Tensor): Tensor {
    return this.f(x) as Tensor;
  }
}

const refusal = async (model: Module, x: Tensor = randn([2, 3, 4, 4])): Promise<Error> =>
  exportOnnx(model, x).then(
    () => new Error('it was exported'),
    (error: Error) => error,
  );

describe('what cannot be exported is refused, and says what to do', () => {
  test('training mode', async () => {
    const error = await refusal(new Sequential(new Dropout(0.5)));
    expect(error).toBeInstanceOf(OnnxExportError);
    expect(error.message).toMatch(/training mode\. Call model\.eval\(\) first\./);
  });

  test('layers in training inside of a model in evaluation: the kernel and the module are named', async () => {
    const model = new Sequential(new Sequential(new Conv2d(3, 3, 1), new BatchNorm2d(3))).eval();
    model[0].train();
    const error = await refusal(model);
    expect(error).toBeInstanceOf(OnnxExportError);
    expect(error.message).toMatch(/the kernel 'batchNormTrain' in '0\.1'\. Call model\.eval\(\) first/);
    const dropout = new Sequential(new Dropout(0.5)).eval();
    dropout[0].train();
    expect((await refusal(dropout)).message).toMatch(/'applyMask' in '0'/);
  });

  test('models before conversion', async () => {
    const model = new Sequential(new Linear(4, 2)).eval();
    model.qconfig = new QConfig({ activation: MinMaxObserver, weight: defaultWeightObserver });
    const x = randn([2, 4]);
    const prepared = prepare(model);
    noGrad(() => prepared.call(x));
    expect((await refusal(prepared, x)).message).toMatch(/Convert the model first/);
    const float = new Sequential(new Linear(4, 2));
    float.qconfig = getDefaultQatQConfig('qnnpack');
    const qat = prepareQat(float);
    noGrad(() => qat.call(x));
    const scale = qat.stateDict()['0.activation_post_process.scale'];
    const before = scale?.dataSync();
    expect((await refusal(qat.eval(), x)).message).toMatch(/Convert the model first/);
    // Refused before anything moved.
    expect(scale?.dataSync()).toEqual(before);
  });

  test('losses', async () => {
    const error = await refusal(new Op((x) => crossEntropy(x, randint(0, 3, [2]))), randn([2, 3]));
    expect(error.message).toMatch(/'nllLoss'\. Export what the model computes in evaluation/);
  });

  test('pools of windows of unequal size', async () => {
    const error = await refusal(new Op((x) => x.adaptiveAvgPool2d(3)));
    expect(error).toBeInstanceOf(OnnxExportError);
    expect(error.message).toMatch(/\[4, 4\] to \[3, 3\]/);
  });

  test('outputs that are no tensors', async () => {
    expect((await refusal(new Op(() => 3))).message).toMatch(/found number/);
    expect((await refusal(new Op(() => []))).message).toMatch(/an empty array/);
  });

  test('opsets, inputs', async () => {
    const model = new Linear(2, 2).eval();
    for (const opset of [12, 23, 13.5]) {
      await expect(exportOnnx(model, randn([1, 2]), { opset })).rejects.toThrow(ArgumentError);
    }
    await expect(exportOnnx(model, [])).rejects.toThrow(/found none/);
    await expect(exportOnnx(model, zeros([0, 2]))).rejects.toThrow(/\[0, 2\]/);
    const q = quantizedTensor([1, 2], [1, 2], 'quint8', { scheme: 'perTensor', scale: 1, zeroPoint: 0 });
    await expect(exportOnnx(model, q)).rejects.toThrow(/QuantStub/);
  });

  test('a forward that throws leaves no hooks behind', async () => {
    const model = new Op((x) => x.add(randn([7])));
    await expect(exportOnnx(model, randn([2]))).rejects.toThrow(/broadcast/);
    expect(noGrad(() => new Linear(2, 2).call(randn([1, 2]))).shape).toEqual([1, 2]);
  });
});
