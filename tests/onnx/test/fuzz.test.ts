import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OctetError } from '@octet/backend';
import { importOnnx, OnnxImportError } from '@octet/onnx';
import { fromData, noGrad, type Tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { readCases } from '../src/cases';
import { mutate, randomFrom } from '../src/mutate';

/** How many files: some hundreds, or as FUZZ_CASES says. */
const count = Number(process.env.FUZZ_CASES ?? 400);
const seed = Number(process.env.FUZZ_SEED ?? 1);
/** The most that one file may take of the processor. */
const mostMs = 5_000;

/** Of the processor: other programs don't count. */
function ms(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

describe('damaged files', () => {
  it(`${count} of them are read, or refused by a typed error`, { timeout: 3_600_000 }, async () => {
    const cases = readCases(join(new URL('../data/', import.meta.url).pathname, 'node-tests.tar.br'));
    const ops = [...new Set(cases.flatMap((c) => c.ops))];
    const random = randomFrom(seed);
    const wrong: string[] = [];
    let [read, refused, slowest] = [0, 0, 0];
    const dir = mkdtempSync(join(tmpdir(), 'octet-fuzz-'));
    const path = join(dir, 'model.onnx');
    for (let i = 0; i < count; i++) {
      const test = cases[random(cases.length)];
      const file = mutate(test.model, random, ops);
      // Files are read in pieces, bytes as they lie.
      if (i % 2 === 1) writeFileSync(path, file);
      const start = ms();
      try {
        const model = await importOnnx<Tensor | Tensor[]>(i % 2 === 1 ? path : file);
        read++;
        run(model);
      } catch (error) {
        if (error instanceof OnnxImportError) refused++;
        // Of running it: shapes and dtypes that don't fit.
        else if (!(error instanceof OctetError))
          wrong.push(`${test.name}, file ${i}: ${(error as Error)?.stack}`);
      }
      slowest = Math.max(slowest, ms() - start);
    }
    rmSync(dir, { recursive: true });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(read).toBeGreaterThan(count / 20);
    expect(refused).toBeGreaterThan(count / 20);
    expect(slowest).toBeLessThan(mostMs);
  });
});

/** Calls the model on small inputs, if it has few. */
function run(model: Awaited<ReturnType<typeof importOnnx<Tensor | Tensor[]>>>): void {
  const inputs = model.graph.inputs.map(({ dtype = 'float32', shape = [] }) => {
    const sizes = shape.map((d) => (typeof d === 'number' ? Math.min(Math.max(d, 0), 4) : 2));
    const length = sizes.reduce((a, b) => a * b, 1);
    return fromData(new Array<number>(length).fill(1), sizes, { dtype });
  });
  noGrad(() => model.call(...inputs));
}
