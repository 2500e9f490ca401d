import { at, build, type NdArray } from '@octet/backend-testkit/oracle';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  conv2d,
  conv2dRelu,
  convOutputSize,
  grad,
  maxPool2d,
  relu,
  type Tensor,
  tensor,
} from '../src';
import { arrayOf, layout } from './support/arbitraries';
import { list, tensorOf } from './support/layouts';

type Pair = [number, number];

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const options = fc.record({ stride: pair(1, 3), padding: pair(0, 2), dilation: pair(1, 2) });

/** All positions of one window in the image, those in the padding too. */
function windowOf(
  oh: number,
  ow: number,
  kernel: Pair,
  { stride, padding, dilation }: { stride: Pair; padding: Pair; dilation: Pair },
) {
  const out: { kh: number; kw: number; h: number; w: number }[] = [];
  for (let kh = 0; kh < kernel[0]; kh++) {
    for (let kw = 0; kw < kernel[1]; kw++) {
      out.push({
        kh,
        kw,
        h: oh * stride[0] - padding[0] + kh * dilation[0],
        w: ow * stride[1] - padding[1] + kw * dilation[1],
      });
    }
  }
  return out;
}

const inside = (x: NdArray, { h, w }: { h: number; w: number }) =>
  h >= 0 && w >= 0 && h < x.shape[2] && w < x.shape[3];

function expectClose(got: Tensor, want: NdArray): void {
  expect(got.shape).toEqual(want.shape);
  list(got).forEach((v, i) => {
    expect(v).toBeCloseTo(want.data[i], 10);
  });
}

const image = fc
  .record({ n: fc.nat(2), c: fc.integer({ min: 1, max: 3 }), size: pair(3, 6) })
  .chain(({ n, c, size }) => arrayOf([n, c, ...size]));

const convolutions = fc
  .record({
    n: fc.nat(2),
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    outPerGroup: fc.integer({ min: 1, max: 2 }),
    size: pair(5, 7),
    kernel: pair(1, 3),
    options,
    layouts: fc.tuple(layout, layout, layout),
  })
  .chain((p) =>
    fc.record({
      p: fc.constant(p),
      x: arrayOf([p.n, p.groups * p.perGroup, ...p.size]),
      weight: arrayOf([p.groups * p.outPerGroup, p.perGroup, ...p.kernel]),
      bias: fc.option(arrayOf([p.groups * p.outPerGroup]), { nil: undefined }),
    }),
  );

test('conv2d is the seven nested loops', () => {
  fc.assert(
    fc.property(convolutions, ({ p, x, weight, bias }) => {
      const [layX, layW, layB] = p.layouts;
      const y = conv2d(layX(tensorOf(x)), layW(tensorOf(weight)), bias && layB(tensorOf(bias)), {
        ...p.options,
        groups: p.groups,
      });
      const { stride, padding, dilation } = p.options;
      const [oh, ow] = convOutputSize('test', p.size, p.kernel, { stride, padding, dilation });
      const want = build([p.n, weight.shape[0], oh, ow], ([n, o, i, j]) => {
        let sum = bias ? bias.data[o] : 0;
        for (const at4 of windowOf(i, j, p.kernel, p.options)) {
          if (!inside(x, at4)) continue;
          for (let c = 0; c < p.perGroup; c++) {
            const channel = Math.floor(o / p.outPerGroup) * p.perGroup + c;
            sum += at(x, [n, channel, at4.h, at4.w]) * at(weight, [o, c, at4.kh, at4.kw]);
          }
        }
        return sum;
      });
      expectClose(y, want);
      expect(y.isContiguous('channelsLast')).toBe(true);
    }),
  );
});

test('conv2dRelu is relu of conv2d, in its gradients too', () => {
  fc.assert(
    fc.property(convolutions, ({ p, x, weight, bias }) => {
      const [layX, layW, layB] = p.layouts;
      const numbers = (op: typeof conv2d) => {
        const inputs = [layX(tensorOf(x)), layW(tensorOf(weight)), ...(bias ? [layB(tensorOf(bias))] : [])];
        for (const t of inputs) t.requiresGrad = true;
        const [image, w, b] = inputs;
        const y = op(image, w, b, { ...p.options, groups: p.groups });
        return [y, ...grad(y.square().sum(), inputs)].map((t) => list(t as Tensor));
      };
      expect(numbers(conv2dRelu)).toEqual(numbers((...args) => relu(conv2d(...args))));
    }),
  );
});

const pools = fc.record({ x: image, kernel: pair(1, 3), options, layout });

test('maxPool2d is the maximum of what lies inside', () => {
  fc.assert(
    fc.property(pools, ({ x, kernel, options, layout }) => {
      const padding = options.padding.map((p, i) => Math.min(p, Math.floor(kernel[i] / 2))) as Pair;
      const window = { ...options, padding, dilation: [1, 1] as Pair };
      const want = (i: number[]) =>
        Math.max(
          ...windowOf(i[2], i[3], kernel, window)
            .filter((p) => inside(x, p))
            .map((p) => at(x, [i[0], i[1], p.h, p.w])),
        );
      const [oh, ow] = convOutputSize('test', [x.shape[2], x.shape[3]], kernel, window);
      const y = maxPool2d(layout(tensorOf(x)), kernel, window);
      expectClose(
        y,
        build([x.shape[0], x.shape[1], oh, ow], (i) => want([...i])),
      );
    }),
  );
});

test('avgPool2d is the mean, with or without the padding', () => {
  fc.assert(
    fc.property(pools, fc.boolean(), ({ x, kernel, options, layout }, countIncludePad) => {
      const padding = options.padding.map((p, i) => Math.min(p, Math.floor(kernel[i] / 2))) as Pair;
      const window = { stride: options.stride, padding, dilation: [1, 1] as Pair };
      const [oh, ow] = convOutputSize('test', [x.shape[2], x.shape[3]], kernel, window);
      const want = build([x.shape[0], x.shape[1], oh, ow], ([n, c, i, j]) => {
        const values = windowOf(i, j, kernel, window)
          .filter((p) => inside(x, p))
          .map((p) => at(x, [n, c, p.h, p.w]));
        return values.reduce((s, v) => s + v, 0) / (countIncludePad ? kernel[0] * kernel[1] : values.length);
      });
      const y = avgPool2d(layout(tensorOf(x)), kernel, { stride: options.stride, padding, countIncludePad });
      expectClose(y, want);
    }),
  );
});

test('adaptiveAvgPool2d averages floor to ceil', () => {
  fc.assert(
    fc.property(image, pair(1, 7), layout, (x, out, layout) => {
      const [, , h, w] = x.shape;
      const range = (i: number, n: number, size: number) => {
        const from = Math.floor((i * size) / n);
        return Array.from({ length: Math.ceil(((i + 1) * size) / n) - from }, (_, k) => from + k);
      };
      const want = build([x.shape[0], x.shape[1], ...out], ([n, c, i, j]) => {
        const values = range(i, out[0], h).flatMap((r) =>
          range(j, out[1], w).map((s) => at(x, [n, c, r, s])),
        );
        return values.reduce((s, v) => s + v, 0) / values.length;
      });
      expectClose(adaptiveAvgPool2d(layout(tensorOf(x)), out), want);
    }),
  );
});

describe('maxPool2d', () => {
  test('gives the gradient to the first of equals', () => {
    const x = tensor(
      [
        [
          [
            [1, 1],
            [1, 1],
          ],
        ],
      ],
      { requiresGrad: true },
    );
    x.maxPool2d(2).sum().backward();
    expect(list(x.grad as Tensor)).toEqual([1, 0, 0, 0]);
  });

  test('padding never wins', () => {
    const x = tensor([[[[-5]]]]);
    expect(list(x.maxPool2d(3, { padding: 1 }))).toEqual([-5]);
  });

  test('passes NaN on, as PyTorch does', () => {
    expect(list(tensor([[[[Number.NaN, 1]]]]).maxPool2d([1, 2]))).toEqual([Number.NaN]);
  });
});
