/**
 * JavaScript has no type checker: every public function and constructor refuses an option that it doesn't know, and an
 * argument in the options' place, before it looks at anything else. What is public, and which options there are, comes
 * from the type checker.
 */
import { ArgumentError } from '@octet/backend';
import { Identity } from '@octet/nn';
import { tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { root } from '../src/markdown';
import { type OptionsParameter, optionsParameters } from '../src/options';

const packages = [
  'backend-wasm-simd',
  'backend-webgpu',
  'tensor',
  'nn',
  'optim',
  'data',
  'quantization',
  'formats',
  'onnx',
  'inspect',
  'vision',
];

/** What isn't called by users but by ops and modules, whose own options were checked. */
const internal = new Set([
  'kernel.empty',
  'kernel.emptyOn',
  'kernel.emptyChannelsLast',
  'windowAttrs',
  'conv2dShape',
  'convShape',
  'convTransposeShape',
  'outputPaddingFor',
  'lookup',
  'quantizedLookup',
  'StateLoader.takeLike',
  // There is a node only while a file is read; import.test.ts of onnx calls them.
  'OnnxNode.call',
  'OnnxNode.call1',
  'OnnxNode.layer',
]);

const modules: Record<string, Record<string, unknown>> = Object.fromEntries(
  await Promise.all(packages.map(async (name) => [name, await import(`@octet/${name}`)] as const)),
);

const parameters = optionsParameters(root, packages).filter(
  // What a layer's call takes needs a layer of its class: tests of nn ask those.
  (p) => !internal.has(p.name) && !p.name.endsWith('.forward') && !p.keys.includes('cause'),
);

/** Calls it with `options` in their place and nothing before them. */
async function call(p: OptionsParameter, options: unknown): Promise<unknown> {
  const args = [...Array<undefined>(p.index), options];
  const path = p.name.split('.');
  const last = path.pop() as string;
  // biome-ignore lint/suspicious/noExplicitAny: any export
  let at: any = modules[p.package];
  if (p.kind === 'method') at = path[0] === 'Tensor' ? tensor([1]) : new Identity();
  else for (const name of path) at = at[name];
  return p.kind === 'constructor' ? new at[last](...args) : at[last](...args);
}

describe('options', () => {
  it('are found', () => {
    expect(parameters.length).toBeGreaterThan(80);
  });

  describe.each(parameters)('$package: $name', (p) => {
    it('refuses an unknown one by name, and lists those there are', async () => {
      const error = await call(p, { zzz: 1 }).then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(ArgumentError);
      const { expected, found } = error as ArgumentError;
      expect(found).toContain('zzz');
      const listed = /\{ (.*) \}/.exec(expected)?.[1].split(', ') ?? [];
      expect(listed.sort()).toEqual([...new Set(p.keys)].sort());
    });

    it('names the nearest one', async () => {
      const known = p.keys[0];
      const snake = known.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
      const typo = snake === known ? `${known}s` : snake;
      await expect(call(p, { [typo]: 1 })).rejects.toMatchObject({ fix: `Did you mean '${known}'?` });
    });

    it.each([7, 'same', true, [1, 2]])('refuses %j in their place', async (value) => {
      // The shape.
      if (p.name === 'tensor' && p.index === 1 && Array.isArray(value)) return;
      await expect(call(p, value)).rejects.toBeInstanceOf(ArgumentError);
    });
  });
});
