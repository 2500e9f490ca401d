import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { manualSeed, noGrad, rand, setBackend } from '@octet/tensor';
import { DigitClassifier, Model, mobilenetV2 } from '@octet/vision';

const which = process.argv[2] ?? 'mobilenet';
const make: Record<string, [() => any, number[], number]> = {
  digits: [() => new DigitClassifier(), [1, 1, 28, 28], 400],
  seed: [() => new Model(), [1, 3, 28, 28], 20],
  mobilenet: [() => mobilenetV2({ relu6: false }), [1, 3, 224, 224], 2],
};
const [create, shape, n] = make[which];
const runs: Record<string, () => void> = {};
for (const threads of [1, 2]) {
  const backend = await createWasmBackend({ threads });
  await backend.ready;
  setBackend(backend);
  manualSeed(1);
  const float = create().eval().to(backend);
  float.fuseModel?.();
  const x = rand(shape);
  const prepared = prepare(float, getDefaultQConfigMapping());
  noGrad(() => prepared.call(x));
  const int8 = ((await convert(prepared)) as any).eval();
  const plan = planOf(int8 as any, [x], { reuseOutputs: true });
  runs[`eager${threads}`] = () => noGrad(() => (int8 as any).call(x));
  runs[`plan${threads}`] = () => plan.run(x);
}
const times: Record<string, number[]> = {};
for (let round = 0; round < Number(process.argv[3] ?? 60); round++)
  for (const [v, fn] of Object.entries(runs)) {
    fn();
    const t = performance.now();
    for (let i = 0; i < n; i++) fn();
    (times[v] ??= []).push((performance.now() - t) / n);
  }
const q = (a: number[], f: number) => a.slice(5).sort((p, r) => p - r)[Math.floor((a.length - 5) * f)];
for (const [v, t] of Object.entries(times))
  console.log(
    v,
    'min',
    (q(t, 0) * 1000).toFixed(0),
    'p10',
    (q(t, 0.1) * 1000).toFixed(0),
    'median',
    (q(t, 0.5) * 1000).toFixed(0),
  );
console.log(
  'two over one: eager min',
  (q(times.eager1, 0) / q(times.eager2, 0)).toFixed(2),
  'p10',
  (q(times.eager1, 0.1) / q(times.eager2, 0.1)).toFixed(2),
  'plan min',
  (q(times.plan1, 0) / q(times.plan2, 0)).toFixed(2),
  'p10',
  (q(times.plan1, 0.1) / q(times.plan2, 0.1)).toFixed(2),
);
process.exit(0);
