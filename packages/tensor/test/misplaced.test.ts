import { ArgumentError, OctetError } from '@octet/backend';
import { expect, test } from 'vitest';
import * as ops from '../src';
import { ones, scope, type Tensor } from '../src';

// biome-ignore lint/suspicious/noExplicitAny: calls as JavaScript allows them
const t = ops as any;
const x = ones([2, 3]);
// biome-ignore lint/suspicious/noExplicitAny: see above
const method = x as any;
const image = ones([1, 2, 4, 4]);

test.each<[text: string, call: () => unknown, message: RegExp]>([
  ['sizes one by one', () => method.reshape(3, -1), /reshape: expected an array of whole numbers, found 3/],
  ['dims one by one', () => method.permute(1, 0), /permute: expected an array/],
  ['sizes one by one, expanded', () => method.expand(2, 3), /expand: expected an array/],
  ['one pad', () => t.pad(image, 1), /pad: expected an array/],
  ['a mode of padding', () => t.pad(image, [1, 1], 'reflect'), /value to be a number, found 'reflect'/],
  ['a mode of padding', () => t.pad(image, [1, 1], 'reflect'), /pad: expected options of \{ mode, value \}/],
  ['a size without brackets', () => t.layerNorm(x, 3), /layerNorm: expected an array/],
  ['a dim in options', () => method.sum({ dim: 1 }), /sum: expected an array.*found an object of \{ dim \}/],
  ['a dim as text', () => method.mean('1'), /mean: expected an array.*found '1'/],
  ['a slope in options', () => t.leakyRelu(x, { negativeSlope: 1 }), /negativeSlope to be a number/],
  ['a slope as text', () => t.leakyRelu(x, '0.1'), /negativeSlope to be a number/],
  ['a bound as text', () => t.clamp(x, '0'), /clamp: expected min to be a number/],
  ['no exponent', () => method.pow(), /pow: expected exponent to be a number, found undefined/],
  ['no value to fill', () => t.full([2]), /value to be a number, found undefined/],
  ['alpha of a sum', () => t.add(x, x, { alpha: 2 }), /add: expected no options, found 'alpha'/],
  ['alpha of a difference', () => method.sub(x, { alpha: 2 }), /sub: expected no options, found 'alpha'/],
  ['a rounding mode', () => method.div(x, { roundingMode: 'floor' }), /div: expected no options/],
  ['an approximation', () => method.gelu({ approximation: 'tanh' }), /gelu: .*'approximation'/],
  ['a start in options', () => method.slice(0, { start: 1 }), /slice: expected start to be a number/],
  [
    'a memory format by PyTorch’s name',
    () => image.contiguous({ memoryFormat: 'channels_last' as never }),
    /memoryFormat to be 'contiguous' or 'channelsLast', found 'channels_last'/,
  ],
  ['a dtype without q', () => t.quantizePerTensor(x, 1, 0, 'uint8'), /dtype to be 'quint8' or/],
  ['no dtype', () => t.quantizePerChannel(x, [1, 1], [0, 0], 0), /dtype to be .*found undefined/],
  ['a dtype in options', () => method.to({ dtype: 'int32' }), /to: expected a backend or a dtype/],
  ['no target', () => method.to(), /to: expected a backend or a dtype, found undefined/],
  ['a flag for a function', () => t.noGrad(true), /noGrad: expected a function, found true/],
  ['no function', () => t.scope(), /scope: expected a function, found undefined/],
  ['a set for options', () => t.zeros([2], new Set(['int32'])), /options of \{ dtype.*found a Set/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(OctetError);
  // It names what was found; the op as it was called, or its option.
  expect(call).toThrow(/: expected .*, found /s);
  expect(call).toThrow(
    message.source.includes('found') ? new RegExp(message.source.replace(/^.*(?=found)/, '')) : /./,
  );
});

test('a dtype that is none is refused', () => {
  expect(() => t.cast(x, { dtype: 'int32' })).toThrow(OctetError);
});

test('a refused function leaves mode and scopes as they were', () => {
  expect(() => t.noGrad(1)).toThrow(ArgumentError);
  expect(ops.isGradEnabled()).toBe(true);
  expect(() => t.scope(1)).toThrow(ArgumentError);
  let kept: Tensor | undefined;
  scope(() => {
    kept = ones([1]);
    return kept;
  });
  expect(kept?.dataSync()).toEqual(Float32Array.of(1));
});

test('booleans, NaN and infinities are numbers enough to fill with', () => {
  expect(t.full([1], true, { dtype: 'bool' }).dataSync()).toEqual(Uint8Array.of(1));
  expect(ones([1]).fill_(Number.NaN).dataSync()).toEqual(Float32Array.of(Number.NaN));
  expect(ones([1]).clamp(Number.NEGATIVE_INFINITY, 0).dataSync()).toEqual(Float32Array.of(0));
});
