// What vitest.other-node.config.ts runs beside the properties of int8-property.test.ts.
import { readFileSync } from 'node:fs';
import type { KernelName } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import { type KernelCase, kernelCases } from '@octet/backend-testkit/cases';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWasmBackend, type Dot, type WasmBackend } from '../src';
import { instantiate } from '../src/module';
import { platform, type WasmNamespace } from '../src/platform';
import { wrongProducts } from './products';

const dot = process.env.OCTET_OTHER_DOT as Dot;

it('has the products of bytes that it was made for', async () => {
  expect(process.arch).toBe(dot === 'signed' ? 'arm64' : 'x64');
  const backend = await createWasmBackend({ threads: 1 });
  expect(backend.info().dot).toBe(dot);
  backend.dispose();
});

it('all products of two bytes are what the kernels take them for', async () => {
  const { compile, Memory } = platform.WebAssembly as WasmNamespace;
  const wasm = readFileSync(new URL('../src/generated/wasm/relaxed.wasm', import.meta.url));
  const { dotOf } = instantiate(await compile(wasm), new Memory({ initial: 64, maximum: 65536 }));
  expect(wrongProducts(dot, dotOf)).toEqual([]);
});

const kernels: KernelName[] = [
  'qconv2d',
  'qlinear',
  'qlinearDynamic',
  'qconv2dDynamic',
  'qlstmDynamic',
  'qgruDynamic',
];

describe.each(kernels)('%s', (kernel) => {
  let backend: WasmBackend;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  for (const kernelCase of kernelCases[kernel]() as KernelCase[]) {
    it(kernelCase.name, () => checkCase(backend, kernel, kernelCase));
  }
});
