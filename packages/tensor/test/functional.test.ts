import path from 'node:path';
import { BackendError, MissingKernelError } from '@octet/backend';
import { createHostBackend, referenceBackend } from '@octet/backend-js-reference';
import { elementwise } from '@octet/backend-js-reference/kernels';
import ts from 'typescript';
import { beforeEach, expect, test, vi } from 'vitest';

type Functional = typeof import('../src/functional');
type Whole = typeof import('../src');

let functional: Functional;

beforeEach(async () => {
  vi.resetModules();
  functional = await import('../src/functional');
});

test('has no backend until one is set', () => {
  const { getBackend, setBackend, tensor } = functional;
  expect(() => tensor([1])).toThrow("Call setBackend(…) first, or import '@octet/tensor'");
  expect(() => getBackend()).toThrow(BackendError);
  setBackend(referenceBackend);
  expect(tensor([1]).backend).toBe(referenceBackend);
});

test('has the functions, and of the methods reading, moving, overwriting and backward', () => {
  const { relu, Tensor, tensor } = functional;
  const x = tensor([-1, 2], { backend: referenceBackend, requiresGrad: true });
  relu(x).backward(tensor([1, 1], { backend: referenceBackend }));
  expect(x.grad?.dataSync()).toEqual(Float32Array.of(0, 1));
  expect(String(x)).toBe('tensor(shape=[2], dtype=float32)');
  expect('relu' in Tensor.prototype).toBe(false);
});

test('is the same tensors and the same backend as the whole package, which adds the methods and a default', async () => {
  const { getBackend, setBackend, Tensor, tensor } = functional;
  const x = tensor([-1, 2], { backend: referenceBackend });
  const whole: Whole = await import('../src');
  expect(whole.Tensor).toBe(Tensor);
  expect(x.relu().dataSync()).toEqual(Float32Array.of(0, 2));
  expect(String(x)).toBe('tensor([-1.,  2.])');
  expect(getBackend().name).toBe('js');
  const other = createHostBackend(elementwise);
  setBackend(other);
  expect(whole.getBackend()).toBe(other);
});

test('the default doesn’t take the place of a backend that is set', async () => {
  const other = createHostBackend({});
  functional.setBackend(other);
  const whole: Whole = await import('../src');
  expect(whole.getBackend()).toBe(other);
});

test('a host backend runs the kernels that it is given and no others', () => {
  const backend = createHostBackend(elementwise);
  const x = functional.tensor([-1, 2], { backend });
  expect(functional.relu(x).dataSync()).toEqual(Float32Array.of(0, 2));
  expect(() => functional.sum(x)).toThrow(MissingKernelError);
});

/** What the compiler says of packages' sources where tensors have no op as a method. */
function withoutOpMethods(packages: readonly string[]): string[] {
  const folder = path.resolve(import.meta.dirname, '../..');
  const config = ts.getParsedCommandLineOfConfigFile(path.join(folder, 'formats/tsconfig.json'), {}, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => {},
  } as ts.ParseConfigFileHost);
  if (!config) throw new Error('no tsconfig');
  const host = ts.createCompilerHost(config.options);
  const { readFile } = host;
  host.readFile = (file) => {
    const text = readFile(file);
    if (path.resolve(file) !== path.join(folder, 'tensor/src/methods.ts')) return text;
    const changed = text?.replace('CoreFunctions & typeof functions', 'CoreFunctions');
    if (changed === text) throw new Error('methods.ts has no such type');
    return changed;
  };
  const rootNames = packages.map((name) => path.join(folder, name, 'src/index.ts'));
  const program = ts.createProgram({ rootNames, options: config.options, host });
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${path.relative(folder, file?.fileName ?? '')}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

test('the libraries that import it call no op as a method', () => {
  expect(withoutOpMethods(['tensor', 'graph', 'nn', 'quantization', 'formats'])).toEqual([]);
}, 120_000);
