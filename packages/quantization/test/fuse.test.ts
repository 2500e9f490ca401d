import { addDispatchHook } from '@octet/backend';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Identity,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { grad, manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  convert,
  fuse,
  fuseModules,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  intrinsic,
  prepare,
  prepareQat,
  QuantWrapper,
} from '../src';
import { SmallNet } from './models';

beforeEach(() => void manualSeed(5));
afterEach(() => vi.restoreAllMocks());

const warnings = () => vi.spyOn(console, 'warn').mockImplementation(() => {});

/** A model whose batch normalisation has seen data, in evaluation mode. */
function warm<M extends Sequential>(model: M, shape: number[]): M {
  for (let i = 0; i < 3; i++) noGrad(() => model.call(randn(shape).mul(2).add(1)));
  return model.eval();
}

function expectClose(a: Tensor, b: Tensor): void {
  const want = b.dataSync();
  a.dataSync().forEach((v, i) => {
    expect(Math.abs(v - want[i])).toBeLessThan(1e-5 + 1e-4 * Math.abs(want[i]));
  });
}

describe('fuseModules', () => {
  test.each([
    [
      'conv-bn-relu',
      () => new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4), new ReLU()),
      [5, 3, 7, 6],
      intrinsic.ConvReLU2d,
    ],
    [
      'conv-bn, no bias',
      () => new Sequential(new Conv2d(4, 4, 3, { groups: 4, bias: false }), new BatchNorm2d(4)),
      [5, 4, 7, 6],
      Conv2d,
    ],
    ['conv-relu', () => new Sequential(new Conv2d(3, 4, 1), new ReLU()), [5, 3, 3, 3], intrinsic.ConvReLU2d],
    ['linear-bn', () => new Sequential(new Linear(5, 4), new BatchNorm1d(4)), [9, 5], Linear],
    ['linear-relu', () => new Sequential(new Linear(5, 4), new ReLU()), [9, 5], intrinsic.LinearReLU],
  ] as const)('%s computes the same', (_, make, shape, type) => {
    const model = warm(make(), [...shape]);
    const x = randn(shape);
    const before = noGrad(() => model.call(x));
    const names = model.namedChildren().map(([name]) => name);
    const copy = fuseModules(model, names, { inplace: false });
    expect(model.at(0)).not.toBeInstanceOf(intrinsic.FusedModule);
    expect(copy.at(0).constructor).toBe(type);
    for (const rest of names.slice(1)) expect(copy.getSubmodule(rest)).toBeInstanceOf(Identity);
    expectClose(
      noGrad(() => copy.call(x)),
      before,
    );
    expect(fuseModules(model, [names])).toBe(model);
    expect(model.at(0).constructor).toBe(type);
  });

  test('the wrong mode, an unknown run, and a second time are refused before anything changes', () => {
    const model = new SmallNet();
    expect(() => fuseModules(model, ['stem.0', 'stem.1'])).toThrow(
      /evaluation mode, found training.*fuseModulesQat/,
    );
    expect(() => fuseModulesQat(model.eval(), ['stem.0', 'stem.1'])).toThrow(
      /training mode, found evaluation/,
    );
    const lists = [
      ['stem.0', 'stem.1', 'stem.2'],
      ['stem.1', 'stem.2'],
    ];
    expect(() => fuseModules(model, lists)).toThrow(/found two lists with stem\.1/);
    expect(() => fuseModules(model, [...lists].reverse())).toThrow(/found two lists with stem\.1/);
    expect(() => fuseModules(model, ['stem.2', 'stem.1'])).toThrow(
      /found ReLU-BatchNorm2d \(stem\.2, stem\.1\)/,
    );
    expect(model.stem.at(0)).toBeInstanceOf(Conv2d);
    fuseModules(model, ['stem.0', 'stem.1', 'stem.2']);
    expect(() => fuseModules(model, ['stem.0', 'stem.1', 'stem.2'])).toThrow(/a layer can be fused once/);
    expect(() => fuseModules(model, ['stem.0', 'nowhere'])).toThrow(/nowhere/);
  });
});

describe('ConvReLU2d', () => {
  class OwnConv extends Conv2d {}
  const x = randn([2, 3, 7, 6]);

  /** What the call gives, its gradients, and the kernels of the forward pass. */
  function run(model: Sequential) {
    const kernels: string[] = [];
    const remove = addDispatchHook(({ kernel }, run) => {
      if (kernel !== 'copyStrided') kernels.push(kernel);
      run();
    });
    const y = model.call(x);
    remove();
    const grads = grad(y.square().sum(), model.parameters()) as Tensor[];
    return { kernels: kernels.join(' '), numbers: [y, ...grads].map((t) => t.dataSync()) };
  }

  test.each([
    ['alone', 'conv2d', () => {}],
    ['with a hook on itself', 'conv2d', (m) => m.registerForwardHook(() => {})],
    ['with a hook that is gone', 'conv2d', (m) => m.conv.registerForwardHook(() => {}).remove()],
    ['with a hook on the convolution', 'conv2d relu', (m) => m.conv.registerForwardHook(() => {})],
    ['with a hook before ReLU', 'conv2d relu', (m) => m.at(1).registerForwardPreHook(() => {})],
    [
      'with a convolution of another class',
      'conv2d relu',
      (m) => Object.setPrototypeOf(m.conv, OwnConv.prototype),
    ],
    ['with a module more', 'conv2d relu', (m) => m.append(new Identity())],
  ] satisfies [string, string, (m: intrinsic.ConvReLU2d) => void][])('%s runs %s', (_, kernels, change) => {
    const [conv, relu] = [new Conv2d(3, 4, 3, { padding: 1 }), new ReLU()];
    const fused = new intrinsic.ConvReLU2d(conv.clone(), relu.clone());
    change(fused);
    expect(run(fused)).toEqual({ kernels, numbers: run(new Sequential(conv, relu)).numbers });
  });

  test('a hook on the convolution changes what ReLU gets', () => {
    const fused = new intrinsic.ConvReLU2d(new Conv2d(3, 4, 1), new ReLU());
    fused.conv.registerForwardHook((_, __, y) => y.mul(0).sub(1));
    expect(new Set(fused.call(x).dataSync())).toEqual(new Set([0]));
  });

  test('ReLU that another module replaced stays replaced', () => {
    const fused = new intrinsic.ConvReLU2d(new Conv2d(3, 4, 1), new ReLU());
    fused.setSubmodule('1', new Identity());
    expect(fused.call(x).dataSync()).toEqual(fused.conv.call(x).dataSync());
  });
});

describe('fuseModulesQat', () => {
  test('keeps batch normalisation, learning', () => {
    const model = new SmallNet().fuseModel();
    expect(model.stem.at(0)).toBeInstanceOf(intrinsic.ConvBnReLU2d);
    expect(model.depthwise.at(0)).toBeInstanceOf(intrinsic.ConvBn2d);
    expect(model.namedParameters().map(([path]) => path)).toContain('stem.0.1.weight');
  });
});

describe('fuse', () => {
  test('finds the runs in every Sequential, by the mode of the model', () => {
    const make = () =>
      new Sequential(
        new Sequential(
          new Conv2d(1, 2, 1),
          new BatchNorm2d(2),
          new ReLU(),
          new Conv2d(2, 2, 1),
          new BatchNorm2d(2),
        ),
        new ReLU(),
      );
    const folded = fuse(warm(make(), [3, 1, 4, 4]));
    expect((folded.at(0) as Sequential).at(0)).toBeInstanceOf(intrinsic.ConvReLU2d);
    expect((folded.at(0) as Sequential).at(3)).toBeInstanceOf(Conv2d);
    expect((folded.at(0) as Sequential).at(4)).toBeInstanceOf(Identity);
    const training = fuse(make());
    expect((training.at(0) as Sequential).at(3)).toBeInstanceOf(intrinsic.ConvBn2d);
  });
});

describe('fuse, again and by itself', () => {
  const net = () =>
    new Sequential(new Conv2d(1, 2, 1), new BatchNorm2d(2), new ReLU(), new Conv2d(2, 2, 1), new ReLU());

  test.each(['evaluation', 'training'])('a second time changes nothing, in %s', (mode) => {
    const warn = warnings();
    const once = fuse(net().train(mode === 'training'));
    expect(String(fuse(once))).toBe(String(once));
    expect(String(fuse(fuse(once)))).toBe(String(once));
    expect(warn).not.toHaveBeenCalled();
  });

  test('after fuseModules', () => {
    const model = new SmallNet().eval().fuseModel();
    expect(String(fuse(model))).toBe(String(model));
  });

  test('fields are named, and stay as they are', () => {
    class Block extends Module {
      readonly conv1 = new Conv2d(1, 2, 1);
      readonly bn1 = new BatchNorm2d(2);
      readonly relu = new ReLU();
      readonly conv2 = new Conv2d(2, 3, 1);
      readonly bn2 = new BatchNorm2d(3);

      forward(x: Tensor): Tensor {
        const h = this.relu.call(this.bn1.call(this.conv1.call(x)));
        return this.relu.call(this.bn2.call(this.conv2.call(h)));
      }
    }
    const warn = warnings();
    const model = new Sequential(new Block(), new Conv2d(3, 1, 1), net());
    expect(fuse(model.eval()).at(0)).toMatchObject({ bn1: expect.any(BatchNorm2d) });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toContain("['0.conv1', '0.bn1'], ['0.conv2', '0.bn2']");
    expect(warn.mock.calls[0][0]).toContain('to fuseModules,');
    fuse(model.train());
    expect(warn.mock.calls[1][0]).toContain('to fuseModulesQat,');
    // What it advises is right.
    const x = randn([1, 1, 3, 3]);
    expectClose(
      fuseModules(
        model.eval(),
        [
          ['0.conv1', '0.bn1'],
          ['0.conv2', '0.bn2'],
        ],
        { inplace: false },
      ).call(x),
      model.call(x),
    );
    warn.mockClear();
    fuse(model.eval(), { inplace: true });
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test('batch normalisation of another width, or before the convolution, is not advised', () => {
    class PreActivation extends Module {
      readonly bn1 = new BatchNorm2d(2);
      readonly conv1 = new Conv2d(2, 3, 1);
      readonly bn2 = new BatchNorm2d(4);

      forward(x: Tensor): Tensor {
        return this.conv1.call(this.bn1.call(x));
      }
    }
    const warn = warnings();
    fuse(new PreActivation().eval());
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/nothing to fuse in PreActivation/)]]);
  });

  test('a subclass is named', () => {
    class OwnConv extends Conv2d {}
    const warn = warnings();
    fuse(new Sequential(new OwnConv(1, 2, 1), new BatchNorm2d(2), new ReLU()).eval());
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/\['0', '1'\].*subclasses don't fuse/)]]);
  });

  test('nothing found is said', () => {
    const warn = warnings();
    fuse(new Sequential(new Linear(1, 1)).eval());
    fuse(new Conv2d(1, 1, 1).eval());
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/nothing to fuse in Sequential/),
      expect.stringMatching(/nothing to fuse in Conv2d/),
    ]);
  });

  test('a mode that isn’t the model’s is an error of fuse, with what helps', () => {
    expect(() => fuse(new QuantWrapper(net().eval()))).toThrow(
      /^fuse: expected a model in training mode, found evaluation mode \(module\.0\)\. Call eval\(\) or train\(\) on the whole model\.$/,
    );
  });

  test('a prepared model is refused, and one layer in two lists', () => {
    const model = prepare(new QuantWrapper(net()).eval(), getDefaultQConfigMapping('qnnpack'));
    expect(() => fuseModules(model, ['module.3', 'module.4'])).toThrow(/observer on module\.3.*Fuse first/);
    expect(() => fuse(model)).toThrow(/Fuse first/);
    const float = net().eval();
    const lists = [
      ['0', '1', '2'],
      ['0', '1'],
    ];
    expect(() => fuseModules(float, lists)).toThrow(/two lists with 0/);
    expect(float.at(0)).toBeInstanceOf(Conv2d);
  });
});

describe('a layer that was fused away and is called elsewhere', () => {
  class Block extends Module {
    readonly c1 = new Conv2d(1, 1, 1);
    readonly b1 = new BatchNorm2d(1);
    readonly c2 = new Conv2d(1, 1, 1);
    readonly b2 = new BatchNorm2d(1);
    readonly relu = new ReLU();

    forward(x: Tensor): Tensor {
      const h = this.relu.call(this.b1.call(this.c1.call(x)));
      return this.relu.call(this.b2.call(this.c2.call(h)));
    }
  }
  const x = () => tensor([[[[-2, 3]]]]);
  const block = () => {
    const model = new Block();
    noGrad(() => {
      for (const conv of [model.c1, model.c2]) conv.bias?.fill_(0);
      model.c1.weight.fill_(1);
      model.c2.weight.fill_(-1);
    });
    return model;
  };

  test.each([
    ['the first', [['c1', 'b1', 'relu']], 'c1'],
    [
      'the last',
      [
        ['c1', 'b1'],
        ['c2', 'b2', 'relu'],
      ],
      'c2',
    ],
  ])('throws: ReLU in the list of %s', (_, lists, fused) => {
    const folded = fuseModules(block().eval(), lists);
    const message = new RegExp(`'relu' behind '${fused}'.*a call elsewhere.*leave 'relu' out`);
    expect(() => folded.call(x())).toThrow(message);
    // Again, and in what is made of it.
    expect(() => folded.call(x())).toThrow(message);
    expect(() => folded.clone().call(x())).toThrow(message);
    const prepared = prepare(folded, getDefaultQConfigMapping('qnnpack'));
    expect(() => prepared.call(x())).toThrow(message);
    const qat = prepareQat(fuseModulesQat(block(), lists), getDefaultQatQConfigMapping('qnnpack'));
    expect(() => qat.call(x())).toThrow(message);
  });

  test('in all of the lists, or in none, it computes the same', () => {
    const lists = [
      ['c1', 'b1', 'relu'],
      ['c2', 'b2', 'relu'],
    ];
    for (const chosen of [lists, lists.map(([c, b]) => [c, b])]) {
      const model = fuseModules(block().eval(), chosen);
      for (let i = 0; i < 3; i++) expect([...model.call(x()).dataSync()].map((v) => v + 0)).toEqual([0, 0]);
    }
  });

  test('batch normalisation after two convolutions', () => {
    class Shared extends Module {
      readonly c1 = new Conv2d(1, 1, 1);
      readonly c2 = new Conv2d(1, 1, 1);
      readonly bn = new BatchNorm2d(1);

      forward(x: Tensor): Tensor {
        return this.bn.call(this.c2.call(this.bn.call(this.c1.call(x))));
      }
    }
    const one = fuseModules(new Shared().eval(), ['c1', 'bn'], { inplace: false });
    expect(() => one.call(x())).toThrow(/'bn' behind 'c1'/);
    const shared = new Shared().eval();
    const both = fuseModules(
      shared,
      [
        ['c1', 'bn'],
        ['c2', 'bn'],
      ],
      { inplace: false },
    );
    expectClose(both.call(x()), shared.call(x()));
  });

  test('a pooling between, several passes at once, and a layer used twice are no mistakes', () => {
    class Net extends Module {
      readonly conv = new Conv2d(1, 2, 1);
      readonly pool = new MaxPool2d(2);
      readonly relu = new ReLU();
      readonly linear = new Linear(2, 2);
      readonly relu2 = new ReLU();

      forward(x: Tensor): Tensor {
        const [a, b] = [this.conv.call(x), this.conv.call(x.neg())].map((y) => this.pool.call(y));
        const h = this.relu.call(a).add(this.relu.call(b)).mean([2, 3]);
        const y = this.linear.call(h);
        return this.relu2.call(y).add(this.relu2.call(y));
      }
    }
    const model = new Net().eval();
    const fused = fuseModules(
      model,
      [
        ['conv', 'relu'],
        ['linear', 'relu2'],
      ],
      { inplace: false },
    );
    for (let i = 0; i < 3; i++) {
      const image = randn([1, 1, 4, 4]);
      expectClose(fused.call(image), model.call(image));
    }
  });

  test('a ReLU named a second time says which call to make', () => {
    const model = fuseModules(block().eval(), ['c1', 'b1', 'relu']);
    expect(() => fuseModules(model, ['c2', 'b2', 'relu'])).toThrow(
      /Lists that share a ReLU go into one call/,
    );
  });

  test('converted, nothing is left of it', async () => {
    const model = fuseModules(block().eval(), [
      ['c1', 'b1', 'relu'],
      ['c2', 'b2', 'relu'],
    ]);
    const prepared = prepare(new QuantWrapper(model).eval(), getDefaultQConfigMapping('qnnpack'));
    prepared.call(x());
    const int8 = await convert(prepared);
    expect((int8.module as Block).relu.constructor).toBe(Identity);
    expect(noGrad(() => int8.call(x())).shape).toEqual([1, 1, 1, 2]);
  });
});
