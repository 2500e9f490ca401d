import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { assemblySources } from '../scripts/build-wasm.mjs';
import { callsText, constantsText, readFunctions } from '../scripts/calls.mjs';
import type { Address } from '../src/address';
import type { KernelContext } from '../src/kernel';

const src = fileURLToPath(new URL('../src/', import.meta.url));
const generated = (file: string) =>
  readFileSync(`${src}generated/${file}`, 'utf8').split('\n').slice(1).join('\n');

describe('what the build writes of the assembly', () => {
  it('is up to date', () => {
    const sources = assemblySources();
    expect(generated('exports.ts')).toBe(`${callsText(sources)}\n`);
    expect(generated('constants.ts')).toBe(`${constantsText(sources['constants.ts'])}\n`);
  });

  it('has the constants as both sides use them', async () => {
    const sources = assemblySources();
    const rest = Object.entries(sources).flatMap(([file, text]) => (file === 'constants.ts' ? [] : [text]));
    const kernels = (await readdir(`${src}kernels`)).map((file) =>
      readFileSync(`${src}kernels/${file}`, 'utf8'),
    );
    const used = (name: string, texts: string[]) =>
      texts.some((text) => new RegExp(`\\b${name}\\b`).test(text));
    for (const [, name] of sources['constants.ts'].matchAll(/export const (\w+)/g)) {
      const camelCase = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      expect([name, used(name, rest), used(camelCase, kernels)]).toEqual([name, true, true]);
    }
  });

  it('follows a change of the sources', () => {
    const index = "export * from './a';\nexport { other } from './b';";
    const unit = 'begin: i32, end: i32, thread: i32';
    const a = `/** Twice. */\nexport function twice(x: usize, n: i32, by: f32, deep: bool, ${unit}): void {}
      export function helper(x: usize): void {}
      function hidden(x: usize, ${unit}): void {}`;
    const b = `export function other(y: usize, ${unit}): void {}\nexport function another(${unit}): void {}`;
    const sources = { 'index.ts': index, 'a.ts': a, 'b.ts': b };
    expect(readFunctions(sources).map(({ name }) => name)).toEqual(['twice', 'other']);
    const text = callsText(sources);
    for (const part of [
      '/** Twice. */',
      'x: Address;',
      'n: Quantity;',
      'by: Quantity;',
      'deep: boolean;',
      'twice: (a) => [a.x, a.n, a.by, a.deep ? 1 : 0],',
      'other: (a) => [a.y],',
    ]) {
      expect(text).toContain(part);
    }
    const exchanged = callsText({ ...sources, 'a.ts': a.replace('x: usize, n: i32', 'n: i32, x: usize') });
    expect(exchanged).toContain('twice: (a) => [a.n, a.x, a.by, a.deep ? 1 : 0],');
    expect(constantsText('/** Rows. */\nexport const MOST_ROWS: i32 = 48;')).toBe(
      '/** Rows. */\nexport const mostRows = 48;',
    );
  });

  it('refuses what it has no word for', () => {
    const index = "export * from './a';";
    const wide = 'export function f(x: i64, begin: i32, end: i32, thread: i32): void {}';
    expect(() => readFunctions({ 'index.ts': index, 'a.ts': wide })).toThrow('f takes x: i64');
    expect(() => constantsText('export const A: i32 = RELAXED ? 6 : 4;')).toThrow('not a literal number');
  });
});

/** The errors of kernels' sources, were the assembly's sources these. */
function errorsWith(changed: Readonly<Record<string, string>>): string[] {
  const text: Record<string, string> = {
    [`${src}generated/exports.ts`]: callsText(changed),
    [`${src}generated/constants.ts`]: constantsText(changed['constants.ts']),
  };
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['@octet/source'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { readFile } = host;
  host.readFile = (file) => text[file] ?? readFile(file);
  host.getSourceFile = (file, target) => {
    const source = host.readFile(file);
    return source === undefined ? undefined : ts.createSourceFile(file, source, target);
  };
  const program = ts.createProgram([`${src}kernels/reductions.ts`], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${file?.fileName.slice(src.length)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
}

describe('a change of the assembly that kernels do not follow', () => {
  const sources = assemblySources();
  const changed = (file: string, from: string, to: string) => {
    expect(sources[file]).toContain(from);
    return { ...sources, [file]: sources[file].replace(from, to) };
  };

  it.each([
    ['nothing', 'reductions.ts', 'n: i32, blocks: i32', 'n: i32, blocks: i32', 'none'],
    [
      'an argument more',
      'reductions.ts',
      'n: i32, blocks: i32',
      'n: i32, first: i32, blocks: i32',
      "'first'",
    ],
    ['another name', 'reductions.ts', 'n: i32, blocks: i32', 'count: i32, blocks: i32', "'n' does not exist"],
    ['an address for a number', 'reductions.ts', 'n: i32, blocks: i32', 'n: usize, blocks: i32', "'Address'"],
    ['a constant less', 'constants.ts', 'SUM_BLOCK', 'BLOCK_OF_SUMS', 'sumBlock'],
  ])('%s', { timeout: 60_000 }, (_, file, from, to, message) => {
    const errors = errorsWith(changed(file, from, to));
    if (message === 'none') expect(errors).toEqual([]);
    else expect(errors.join('\n')).toContain(message);
  });
});

/** Not run: each line marked must not compile, which `pnpm typecheck` holds. */
export function mistakes(cx: KernelContext, x: Address, y: Address): void {
  cx.parallel('sumPartials', { partial: x, y, blocks: 1 }, 1);
  // @ts-expect-error a missing argument
  cx.parallel('sumPartials', { partial: x, y }, 1);
  // @ts-expect-error a surplus argument
  cx.parallel('sumPartials', { partial: x, y, blocks: 1, more: 1 }, 1);
  const spread = { more: 1 };
  // @ts-expect-error a surplus argument in what is spread
  cx.parallel('sumPartials', { ...spread, partial: x, y, blocks: 1 }, 1);
  // @ts-expect-error a misspelled argument
  cx.parallel('sumPartials', { partial: x, y, block: 1 }, 1);
  // @ts-expect-error a number for an address
  cx.parallel('sumPartials', { partial: 64, y, blocks: 1 }, 1);
  // @ts-expect-error an address for a number
  cx.parallel('sumPartials', { partial: x, y, blocks: y }, 1);
  // @ts-expect-error a function that there isn't
  cx.parallel('sumEverything', { partial: x, y, blocks: 1 }, 1);
}
