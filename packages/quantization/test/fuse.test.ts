import { addDispatchHook } from '@octet/backend';
import { BatchNorm1d, BatchNorm2d, Conv2d, Identity, Linear, ReLU, Sequential } from '@octet/nn';
import { grad, manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { fuse, fuseModules, fuseModulesQat, intrinsic } from '../src';
import { SmallNet } from './models';

beforeEach(() => void manualSeed(5));

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
    expect(() => fuseModules(model, lists)).toThrow(/found BatchNorm2d-ReLU \(stem\.1, stem\.2\)/);
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
