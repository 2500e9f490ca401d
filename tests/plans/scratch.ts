import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { manualSeed, noGrad, rand, setBackend } from '@octet/tensor';
import { DigitClassifier, Model, mobilenetV2 } from '@octet/vision';
import { Plain } from './test/models';

const threads = Number(process.argv[2] ?? 1);
const only = process.argv[3];
const make: Record<string, [() => any, number[], number]> = {
  digits: [() => new DigitClassifier(), [1, 1, 28, 28], 2000],
  plain: [() => new Plain(), [1, 1, 16, 16], 2000],
  seed: [() => new Model(), [1, 3, 28, 28], 300],
  mobilenet: [() => mobilenetV2({ relu6: false }), [1, 3, 224, 224], 40],
};
const backend = await createWasmBackend({ threads });
await backend.ready;
for (const [name, [create, shape, n]] of Object.entries(make)) {
  if (only && only !== name) continue;
  manualSeed(1);
  setBackend((await import('@octet/backend-js-reference')).referenceBackend);
  setBackend(backend);
  const float = create().eval().to(backend);
  float.fuseModel?.();
  const x = rand(shape);
  const prepared = prepare(float, getDefaultQConfigMapping());
  noGrad(() => prepared.call(x));
  const int8 = ((await convert(prepared)) as any).eval();
  for (const [kind, model] of [
    ['int8', int8],
    ['float', float],
  ] as const) {
    const plan = planOf(model as any, [x]);
    const reuse = planOf(model as any, [x], { reuseOutputs: true });
    const variants: Record<string, () => void> = {
      eager: () => noGrad(() => (model as any).call(x)),
      plan: () => plan.run(x),
      reuse: () => reuse.run(x),
      compiled: () =>
        (reuse as any).compiled.run(
          [x.storage.buffer],
          (reuse as any).reused.map((s: any) => s.buffer),
        ),
    };
    const times: Record<string, number[]> = {};
    for (let round = 0; round < 15; round++)
      for (const [v, fn] of Object.entries(variants)) {
        const t = performance.now();
        for (let i = 0; i < n / 10; i++) fn();
        (times[v] ??= []).push((performance.now() - t) / (n / 10));
      }
    const med = (a: number[]) => a.slice(3).sort((p, q) => p - q)[Math.floor((a.length - 3) / 2)];
    const e = med(times.eager);
    console.log(
      name,
      kind,
      Object.entries(times)
        .map(([v, t]) => `${v} ${(med(t) * 1000).toFixed(1)} µs (${(e / med(t)).toFixed(2)}x)`)
        .join('  '),
      plan.bytes,
      (plan as any).parts.lowered.program.steps.length,
    );
  }
}
backend.dispose();
