import path from 'node:path';
import { loadPt, PtObject, type PtValue, ptStateDict } from '@octet/formats';
import { Conv2d, Flatten, Linear, LSTM, Module, ReLU } from '@octet/nn';
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  type Scheduled,
  SGD,
  StepLR,
} from '@octet/optim';
import {
  convert,
  DeQuantStub,
  fuseModules,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
  quantizeDynamic,
} from '@octet/quantization';
import { type Tensor, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';

// Files of PyTorch 2.13, made by torch/make.py.

const read = async (name: string) =>
  (await loadPt(path.join(import.meta.dirname, '../torch', `${name}.pt`))) as Record<string, PtValue>;
const numbers = (value: PtValue) => Array.from((value as Tensor).contiguous().dataSync());

describe('int8 modules', () => {
  class Static extends Module {
    readonly quant = new QuantStub();
    readonly conv = new Conv2d(3, 4, 3, { padding: 1 });
    readonly relu = new ReLU();
    readonly flatten = new Flatten();
    readonly fc = new Linear(4 * 36, 5);
    readonly out = new Linear(5, 2, { bias: false });
    readonly dequant = new DeQuantStub();

    forward(x: Tensor) {
      const y = this.flatten.call(this.relu.call(this.conv.call(this.quant.call(x))));
      return this.dequant.call(this.out.call(this.fc.call(y)));
    }
  }

  test('static ones give qnnpack’s integers', async () => {
    const { model, x, y } = await read('static');
    const float = fuseModules(new Static().eval(), [['conv', 'relu']]);
    const prepared = prepare(float, getDefaultQConfigMapping('qnnpack'));
    const int8 = (await convert(prepared, { requireCalibration: false })) as Static;
    int8.loadStateDict(ptStateDict(model));
    expect(numbers(int8.call(x as Tensor))).toEqual(numbers(y));
  });

  class Dynamic extends Module {
    readonly fc = new Linear(4, 3);
    readonly lstm = new LSTM(3, 5, { numLayers: 2 });

    forward(x: Tensor) {
      return this.lstm.call(this.fc.call(x))[0];
    }
  }

  test('dynamic ones give qnnpack’s numbers', async () => {
    const { model, x, y } = await read('dynamic');
    const int8 = (await quantizeDynamic(new Dynamic().eval())) as Dynamic;
    int8.loadStateDict(ptStateDict(model));
    const expected = numbers(y);
    numbers(int8.call(x as Tensor)).forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-6);
    });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: of any kind
type AnyOptimizer = Optimizer<any, any>;

describe('optimizers and schedules go on where PyTorch stopped', () => {
  test.each<[string, (m: Module) => AnyOptimizer, (o: Scheduled) => LRScheduler]>([
    [
      'sgd',
      (m) => new SGD(m.parameters(), { lr: 1, momentum: 0.5, nesterov: true }),
      (o) => new StepLR(o, { stepSize: 2 }),
    ],
    ['adam', (m) => new Adam(m.parameters()), (o) => new MultiStepLR(o, { milestones: [1, 3, 3] })],
    ['adamw', (m) => new AdamW(m.parameters()), (o) => new CosineAnnealingLR(o, { tMax: 10 })],
    [
      'onecycle',
      (m) => new SGD(m.parameters(), { lr: 0.1, momentum: 0.9 }),
      (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 10 }),
    ],
  ])('%s', async (name, makeOptimizer, makeSchedule) => {
    const file = await read(name);
    const after = file.after as Record<string, PtValue>;
    const model = new Linear(2, 1);
    const optimizer = makeOptimizer(model);
    const schedule = makeSchedule(optimizer);
    model.loadStateDict(ptStateDict(file.model));
    optimizer.loadStateDict(file.optimizer);
    schedule.loadStateDict(file.scheduler);
    for (const i of [3, 4]) {
      for (const p of model.parameters()) {
        const values = Array.from({ length: p.numel }, (_, at) => (at + 1) * 0.1 * (i + 1));
        p.grad = tensor(values).reshape(p.shape);
      }
      optimizer.step();
      schedule.step();
    }
    for (const key of ['weight', 'bias'] as const) {
      const expected = numbers(after[key]);
      numbers(model[key] as Tensor).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i], 5);
      });
    }
    expect(schedule.getLastLr()[0]).toBeCloseTo(after.lr as number, 12);
  });
});

test.each([2, 4, 5])('what stands beside a state dict, by protocol %i', async (protocol) => {
  const { state_dict: state, ...values } = await read(`beside${protocol}`);
  expect(numbers(ptStateDict(state).w)).toEqual([7]);
  const { array, buffer, ...plain } = values;
  expect([(array as Tensor).shape, numbers(array)]).toEqual([
    [2, 3],
    [0, 1, 2, 3, 4, 5],
  ]);
  expect(numbers(buffer)).toEqual([1]);
  const { path: at, class: type, complex64, float8, model, ...data } = plain;
  expect(
    [at, type, complex64, float8, model].map((object) => [
      object instanceof PtObject,
      (object as PtObject).type,
    ]),
  ).toEqual([
    [true, expect.stringMatching(/^pathlib\..*PosixPath$/)],
    [true, 'torch.nn.modules.linear.Linear'],
    [true, 'torch.Tensor (torch.ComplexFloat)'],
    [true, 'torch.Tensor (torch.float8_e4m3fn)'],
    [true, 'torch.nn.modules.linear.Linear'],
  ]);
  expect(data).toEqual({
    set: new Set([1, 'a']),
    frozenset: new Set([1]),
    bytes: Uint8Array.of(97, 98, 255),
    bytearray: Uint8Array.of(120, 121),
    complex: { real: 1, imag: 2 },
    device: 'cuda:0',
    numpy: [1.5, 0.5, 7, true, 'x'],
    dtype: 'float32',
    namespace: { lr: 0.1 },
    default: { a: [1] },
    tuples: new Map([[[1, 2], 't']]),
    size: [1, 2],
  });
});

test('the highest byte first', async () => {
  const tensors = (await read('big-endian')) as unknown as Tensor[];
  expect(tensors.map(numbers)).toEqual([
    [1.5, -2],
    [258, -1],
    [0.5, 3],
  ]);
});
