import { OctetError } from '@octet/backend';
import { Linear, Sequential } from '@octet/nn';
import { expect, test } from 'vitest';
import * as quantization from '../src';

// biome-ignore lint/suspicious/noExplicitAny: calls as JavaScript allows them
const q = quantization as any;
const model = () => new Sequential(new Linear(2, 2)).eval();
const mapping = () => quantization.getDefaultQConfigMapping();

test.each<[text: string, call: () => unknown, message: RegExp]>([
  [
    'a recipe by name',
    () => new q.QConfigMapping().setGlobal('x86'),
    /setGlobal: expected a QConfig or null/,
  ],
  ['no recipe', () => new q.QConfigMapping().setModuleName('0'), /setModuleName: expected a QConfig or null/],
  [
    'a class by name',
    () => new q.QConfigMapping().setObjectType('Linear', null),
    /setObjectType: expected the class of a module, found 'Linear'/,
  ],
  [
    'a layer for its class',
    () => new q.QConfigMapping().setObjectType(new Linear(2, 2), null),
    /setObjectType: expected the class of a module, found a Linear/,
  ],
  [
    'a QConfig for a mapping',
    () => q.prepare(model(), q.getDefaultQConfig()),
    /QConfigMapping, found a QConfig/,
  ],
  [
    'no mapping',
    () => q.leaveInFloat(model(), ['0']),
    /leaveInFloat: expected a QConfigMapping, found undefined/,
  ],
  ['one path', () => q.leaveInFloat(model(), '0', mapping()), /leaveInFloat: expected an array of paths/],
  ['no lists', () => q.fuseModules(model()), /fuseModules: expected an array of paths, found undefined/],
  ['a path for lists', () => q.fuseModules(model(), '0'), /fuseModules: expected an array of paths/],
  ['a dtype without q', () => new q.MinMaxObserver({ dtype: 'uint8' }), /dtype to be 'quint8' or 'qint8'/],
  [
    'a constant as text',
    () => new q.MovingAverageMinMaxObserver({ averagingConstant: '0.1' }),
    /averagingConstant to be a number/,
  ],
  ['the QConfig of a stub', () => new q.QuantStub(q.getDefaultQConfig()), /QuantStub: expected no options/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(OctetError);
  // It names what was found; the op as it was called, or its option.
  expect(call).toThrow(/: expected .*, found /s);
  expect(call).toThrow(
    message.source.includes('found') ? new RegExp(message.source.replace(/^.*(?=found)/, '')) : /./,
  );
});

test.each(['prepare', 'prepareQat', 'fuse', 'fuseModules', 'leaveInFloat'])('%s refuses no model', (name) => {
  expect(() => q[name](undefined, [], mapping())).toThrow(OctetError);
});

test('a wrapper refuses no model', () => {
  expect(() => new q.QuantWrapper()).toThrow(/QuantWrapper: expected a module, found undefined/);
});

test('convert and quantizeDynamic refuse no model, and classes in the place of options', async () => {
  await expect(q.convert()).rejects.toThrow(/convert: expected a module/);
  await expect(q.quantizeDynamic()).rejects.toThrow(/quantizeDynamic: expected a module/);
  await expect(q.quantizeDynamic(model(), new Set([Linear]))).rejects.toThrow(
    /\{ inplace, layers, qconfig, rules \}, found a Set/,
  );
  await expect(q.quantizeDynamic(model(), { layers: Linear })).rejects.toThrow(/layers to be an array/);
  await expect(q.quantizeDynamic(model(), { layers: ['Linear'] })).rejects.toThrow(/found 'Linear'/);
});
