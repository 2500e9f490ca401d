import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { minified } from '@octet/build/minified';
import * as inspect from '@octet/inspect';
import * as nn from '@octet/nn';
import * as optim from '@octet/optim';
import * as quantization from '@octet/quantization';
import * as vision from '@octet/vision';
import { expect, test } from 'vitest';
import { classNames } from './fixtures/class-names';
import { fixture, temporaryFolder } from './run-cli';

// Lowered too: static fields become calls there.
test.each(['es2022', 'es2021'])('names survive a minified bundle for %s', async (target) => {
  const file = path.join(await temporaryFolder(), 'bundle.mjs');
  await writeFile(file, await minified(fixture('class-names.ts'), { target }));
  const bundle: { classNames: typeof classNames } = await import(pathToFileURL(file).href);
  const { own, ...found } = await bundle.classNames();
  const { own: _, ...expected } = await classNames();
  expect(found).toEqual(expected);
  expect(found.layers[1]).toEqual(['ConvReLU2d', 'QuantizedConvReLU2d']);
  expect(own[1]).not.toMatch(/^Linear/);
});

/** Nothing is ever of these alone. */
const abstract = [
  nn.Module,
  nn.BatchNorm,
  optim.Optimizer,
  optim.LRScheduler,
  quantization.Observer,
  quantization.RangeObserver,
  quantization.FakeQuantizeBase,
  quantization.intrinsic.FusedModule,
] as readonly unknown[];

test('every exported class of modules, optimizers and schedules says its name', () => {
  const { dynamic, intrinsic, qat, quantized } = quantization;
  const classes = [inspect, nn, optim, quantization, dynamic, intrinsic, qat, quantized, vision]
    .flatMap((exported) => Object.values<unknown>(exported))
    .filter((value): value is { name: string; prototype: object } => {
      if (typeof value !== 'function' || abstract.includes(value)) return false;
      const { prototype } = value;
      return [nn.Module, optim.Optimizer, optim.LRScheduler].some((base) => prototype instanceof base);
    });
  expect(classes.length).toBeGreaterThan(70);
  // A name that a minifier may change is no enumerable property.
  expect(classes.filter((one) => !Object.keys(one).includes('name')).map(({ name }) => name)).toEqual([]);
  expect(new Set(classes.map(({ name }) => name)).size).toBe(new Set(classes).size);
});
