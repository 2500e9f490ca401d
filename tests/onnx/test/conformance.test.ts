import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { importOnnx, OnnxImportError } from '@octet/onnx';
import { fromData, getBackend, noGrad, numel, setBackend } from '@octet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Case, check, compare, readCases, readLight } from '../src/cases';
import { inputShape } from '../src/light';

const data = new URL('../data/', import.meta.url).pathname;
const archive = join(data, 'node-tests.tar.br');
const passing = new Set(readFileSync(join(data, 'passing.txt'), 'utf8').split('\n').filter(Boolean));
const given = process.env.ONNX_MODELS_DIR && join(process.env.ONNX_MODELS_DIR, 'node-tests.tar.gz');

function byOperator(cases: readonly Case[]): [op: string, cases: Case[]][] {
  const groups = new Map<string, Case[]>();
  for (const c of cases) groups.set(c.ops[0], [...(groups.get(c.ops[0]) ?? []), c]);
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

/** Why a case can't pass: operators that aren't there, or numbers. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const missing = error instanceof OnnxImportError && /others:\n {2}(.*?): \d+ ×/.exec(message)?.[1];
  return missing || message.slice(0, 80);
}

const cases = readCases(archive);
const known = new Map(cases.map((test) => [test.name, test]));
const isOurs = ({ name, model }: Case) =>
  Buffer.compare(model, known.get(name)?.model ?? new Uint8Array()) === 0;
const others = given ? readCases(given).filter((test) => !isOurs(test)) : [];

describe.each(byOperator([...cases, ...others]))('%s', (_, group) => {
  it.for(group)('$name', async (test, { skip }) => {
    // Cases that aren't here can't be listed here: what onnxruntime-web passes must pass.
    const listed = isOurs(test) ? passing.has(test.name) : test.onnxruntimeWeb;
    if (listed) return check(test);
    const error = await check(test).then(
      () => undefined,
      (e: unknown) => e ?? 'nothing',
    );
    if (error !== undefined) return skip(reasonOf(error));
    if (isOurs(test)) expect.fail(`${test.name} passes: list it in data/passing.txt`);
  });
});

describe('passing.txt', () => {
  it('has the names of cases', () => {
    expect([...passing].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('light', () => {
  const before = getBackend();
  beforeAll(async () => setBackend(await createWasmBackend()));
  afterAll(() => setBackend(before));

  it.for(readLight(archive))('$name', async ({ model, output }) => {
    const shape = inputShape(model);
    const size = numel(shape);
    const x = fromData(
      Float32Array.from({ length: size }, (_, i) => i / size),
      shape,
    );
    const module = await importOnnx(model);
    compare(
      noGrad(() => module.call(x)),
      output,
      { rtol: 1e-3, atol: 1e-7 },
    );
  });
});
