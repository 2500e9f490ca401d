import { ArgumentError, BackendError, ModuleError, QuantizationError } from '@octet/backend';
import { Linear, ReLU, Sequential } from '@octet/nn';
import { randn } from '@octet/tensor';
import { describe, expect, test, vi } from 'vitest';
import * as own from '../src';

/** As callers see the functions who have no types. */
const js = own as unknown as Record<string, (...args: unknown[]) => unknown>;
const model = () => new Sequential(new Linear(4, 4), new ReLU()).eval();
const mapping = () => own.getDefaultQConfigMapping();

describe('what JavaScript lets through is refused with a word on it', () => {
  test.each(['prepare', 'prepareQat', 'convert', 'quantizeDynamic', 'fuse', 'fuseModules', 'leaveInFloat'])(
    '%s of what is no model',
    async (name) => {
      for (const wrong of [undefined, {}, Promise.resolve(model())]) {
        const call = async () => js[name](wrong, name === 'fuseModules' ? [['0', '1']] : undefined);
        await expect(call()).rejects.toThrow(ModuleError);
        await expect(call()).rejects.toThrow(`${name}: expected a module, found`);
      }
    },
  );

  test('lists', () => {
    expect(() => js.fuseModules(model(), '0,1')).toThrow(
      /expected modulesToFuse to be an array, found '0,1'/,
    );
    expect(() => js.fuseModules(model())).toThrow(ArgumentError);
    expect(() => js.leaveInFloat(model(), '0', mapping())).toThrow(
      /expected paths to be an array, found '0'/,
    );
    expect(() => js.leaveInFloat(model(), ['0'])).toThrow(/expected a QConfigMapping, found undefined/);
  });

  test('recipes', () => {
    const recipe = mapping() as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const set of [
      () => recipe.setGlobal('x86'),
      () => recipe.setObjectType(Linear, undefined),
      () => recipe.setModuleName('0', {}),
    ]) {
      expect(set).toThrow(QuantizationError);
      expect(set).toThrow(/QConfigMapping: expected a QConfig, or null, found/);
    }
  });

  test('weights with NaN are not blamed on calibration', async () => {
    const broken = model();
    (broken.at(0) as Linear).weight.requiresGrad = false;
    (broken.at(0) as Linear).weight.fill_(Number.NaN);
    await expect(own.quantizeDynamic(broken)).rejects.toThrow(
      /for 0\.weight, .*Mend the weights of the float model/,
    );
  });

  test('dtypes of observers', () => {
    for (const Observer of [own.MinMaxObserver, own.HistogramObserver, own.PerChannelMinMaxObserver]) {
      const make = (dtype: string) => () => new Observer({ dtype } as never);
      expect(make('int8')).toThrow(ArgumentError);
      expect(make('qint32')).toThrow(/Observer: expected dtype quint8 or qint8, found 'qint32'/);
    }
  });

  test('options of int8 functions', () => {
    const x = randn([2, 4]).quantizePerTensor(0.1, 128, 'quint8');
    const { functional } = own.quantized;
    const misspelt = { scale: 0.1, zeroPoint: 0, rellu: true };
    const weight = new functional.PackedWeight(
      'test',
      randn([4, 4]).quantizePerTensor(0.1, 0, 'qint8'),
      undefined,
    );
    for (const call of [
      () => functional.add(x, x, misspelt),
      () => functional.mul(x, x, misspelt),
      () => functional.linear(x, weight, misspelt),
    ]) {
      expect(call).toThrow(/found 'rellu'. Did you mean 'relu'/);
    }
    expect(() => functional.cat([x, x], 0, misspelt)).toThrow(/found 'rellu'/);
    expect(() => functional.conv2d(x, weight, { ...misspelt, strides: 2 } as never)).toThrow(/found 'rellu'/);
  });
});

test('recipes and classes of another copy of the packages', async () => {
  vi.resetModules();
  const copy = (await import('../src')) as unknown as typeof own;
  const nn = (await import('@octet/nn')) as unknown as { Linear: typeof Linear };
  const withRecipe = (qconfig: unknown) => Object.assign(new own.QuantWrapper(model()).eval(), { qconfig });
  for (const [name, call] of Object.entries({
    QConfigMapping: () => own.prepare(model(), copy.getDefaultQConfigMapping()),
    'QConfig ': () => own.prepare(withRecipe(copy.getDefaultQConfig())),
    QConfig: () => mapping().setGlobal(copy.getDefaultQConfig()),
    Module: () => mapping().setObjectType(nn.Linear, null),
  })) {
    expect(call).toThrow(BackendError);
    expect(call).toThrow(`expected a ${name.trim()} of this copy of Octet, found one of another copy`);
  }
  const dynamic = own.quantizeDynamic(model(), { layers: [nn.Linear] });
  await expect(dynamic).rejects.toThrow('expected a Module of this copy of Octet');
});
