/**
 * What plans gain at batch 1 in int8, on WebAssembly: `octet-run apps/bench/scripts/plans.ts [ROUNDS] [RUNS]`. Ways are timed in turn, in
 * blocks, ROUNDS (40) of each; RUNS (100,000) is how often the digits run to see whether memory grows, 0 for not at all.
 */
import { Session } from 'node:inspector';
import { loadavg } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential } from '@octet/nn';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  fuse,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
} from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { hostInfo } from '../src/host';
import { models } from '../src/models';
import { median } from '../src/timing';

/** The digits' network as somebody writes it who knows of nothing but `forward`. */
class Block extends Module {
  static override readonly name: string = 'Block';
  readonly body: Sequential;
  readonly skip: FloatFunctional | undefined;

  constructor(from: number, to: number, stride: number) {
    super();
    const wide = 2 * from === 192 ? 96 : 2 * from;
    const narrow = wide === from;
    this.body = new Sequential(
      ...(narrow ? [] : convBnRelu(from, wide, 1, 1, 1)),
      ...convBnRelu(wide, wide, 3, stride, wide),
      new Conv2d(wide, to, 1, { bias: false }),
      new BatchNorm2d(to),
    );
    this.skip = stride === 1 && from === to ? new FloatFunctional() : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = this.body.call(x);
    return this.skip ? this.skip.add(x, y) : y;
  }
}

function convBnRelu(from: number, to: number, size: number, stride: number, groups: number): Module[] {
  return [
    new Conv2d(from, to, size, { stride, padding: size >> 1, groups, bias: false }),
    new BatchNorm2d(to),
    new ReLU(),
  ];
}

class Digits extends Module {
  static override readonly name: string = 'Digits';
  readonly quant = new QuantStub();
  readonly first = new Sequential(...convBnRelu(1, 16, 5, 2, 1));
  readonly one: Block;
  readonly two: Block;
  readonly three: Block;
  readonly four: Block;
  readonly pool = new AdaptiveAvgPool2d(1);
  readonly flatten = new Flatten();
  readonly head = new Linear(96, 10);
  readonly dequant = new DeQuantStub();

  constructor() {
    super();
    this.one = new Block(16, 32, 2);
    this.two = new Block(32, 64, 2);
    this.three = new Block(64, 96, 2);
    this.four = new Block(96, 96, 2);
  }

  forward(x: Tensor): Tensor {
    let y = this.first.call(this.quant.call(x));
    for (const block of [this.one, this.two, this.three, this.four]) y = block.call(y);
    return this.dequant.call(this.head.call(this.flatten.call(this.pool.call(y))));
  }
}

async function int8Of(model: Module, x: Tensor): Promise<Module> {
  const prepared = prepare(model, getDefaultQConfigMapping());
  noGrad(() => prepared.call(x));
  return (await convert(prepared)) as Module;
}

type Way = readonly [name: string, run: () => void, perBlock: number];

/** Least and median milliseconds of a run, by way. */
function timed(ways: readonly Way[], rounds: number): Map<string, { least: number; median: number }> {
  const times = ways.map((): number[] => []);
  for (let round = -3; round < rounds; round++) {
    ways.forEach(([, run, perBlock], i) => {
      const start = performance.now();
      for (let n = 0; n < perBlock; n++) run();
      if (round >= 0) times[i].push((performance.now() - start) / perBlock);
    });
  }
  return new Map(ways.map(([name], i) => [name, { least: Math.min(...times[i]), median: median(times[i]) }]));
}

function report(title: string, ways: readonly Way[], rounds: number): void {
  const load = loadavg()[0].toFixed(1);
  const found = [...timed(ways, rounds)];
  const [[, base]] = found;
  console.log(`\n${title} (load ${load})`);
  for (const [name, { least, median }] of found) {
    const ratio = `${(base.least / least).toFixed(2)} × by least, ${(base.median / median).toFixed(2)} × by median`;
    console.log(`  ${name}: least ${least.toFixed(4)} ms, median ${median.toFixed(4)} ms; ${ratio}`);
  }
}

/** The share of samples in `run` that fall outside of wasm functions: V8's profiler, every 100 µs. */
function outsideOfWasm(run: () => void, times: number) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 100 });
  session.post('Profiler.start');
  for (let i = 0; i < times; i++) run();
  const outside = new Map<string, number>();
  let samples = 0;
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    for (const { callFrame, hitCount = 0 } of result.profile.nodes) {
      if (callFrame.functionName === '(idle)') continue;
      samples += hitCount;
      if (callFrame.url.startsWith('wasm:') || hitCount === 0) continue;
      outside.set(callFrame.functionName, (outside.get(callFrame.functionName) ?? 0) + hitCount);
    }
  });
  session.disconnect();
  return { outside: [...outside].sort((a, b) => b[1] - a[1]), samples };
}

const [rounds = 40, runs = 100_000] = process.argv.slice(2).map(Number);
const { cpu, cores, node, v8 } = hostInfo();
console.log(`${cpu}, ${cores} cores, Node ${node}, V8 ${v8}; ${rounds} rounds`);

async function networksOn(threads: number) {
  const backend = await createWasmBackend({ threads });
  await backend.ready;
  setBackend(backend);
  manualSeed(0);
  const make = async (float: Module, x: Tensor) => {
    const int8 = await int8Of(float, x);
    const plan = planOf(int8, [x]);
    return {
      eager: () => noGrad(() => int8.call(x)).dispose(),
      /** Bounded by collection and eviction alone. */
      undisposed: () => noGrad(() => int8.call(x)),
      planned: () => (plan.run(x) as Tensor).dispose(),
    };
  };
  const of = (name: 'mobilenetv2' | 'digits') => {
    const { create, channels, size } = models[name];
    const float = create().eval();
    float.fuseModel();
    return make(float, randn([1, channels, size, size]));
  };
  return {
    backend,
    mobilenet: await of('mobilenetv2'),
    digits: await of('digits'),
    own: await make(fuse(new Digits().eval()), randn([1, 1, 28, 28])),
  };
}

const one = await networksOn(1);
console.log(`products: ${JSON.stringify(one.backend.info())}`);
report(
  'MobileNetV2 int8, 224 × 224, one thread',
  [
    ['eager', one.mobilenet.eager, 4],
    ['planned', one.mobilenet.planned, 4],
  ],
  rounds,
);
report(
  'digits int8, one thread',
  [
    ['eager', one.digits.eager, 50],
    ['planned', one.digits.planned, 50],
  ],
  rounds,
);
report(
  'digits int8 planned, one thread',
  [
    ['of @octet/vision', one.digits.planned, 50],
    ["a user's own", one.own.planned, 50],
  ],
  rounds,
);
const { outside, samples } = outsideOfWasm(one.mobilenet.planned, 400);
const share = (hits: number) => `${((100 * hits) / samples).toFixed(2)} %`;
const all = outside.reduce((sum, [, hits]) => sum + hits, 0);
console.log(`\nMobileNetV2 planned, outside of wasm: ${share(all)} of ${samples} samples`);
for (const [name, hits] of outside.slice(0, 8)) console.log(`  ${name || '(anonymous)'}: ${share(hits)}`);

if (runs > 0) {
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (const [name, run] of [
    ['plan runs', one.digits.planned],
    ['eager runs, nothing disposed', () => void one.digits.undisposed()],
  ] as const) {
    for (let part = 0; part <= 5; part++) {
      collect();
      const { buffers, bytes } = (one.backend.memory as () => { buffers: number; bytes: number })();
      const { rss, heapUsed } = process.memoryUsage();
      console.log(
        `${part * (runs / 5)} ${name}: rss ${mega(rss)}, heap ${mega(heapUsed)}, backend ${buffers} buffers, ${mega(bytes)}`,
      );
      if (part === 5) break;
      for (let i = 0; i < runs / 5; i++) {
        run();
        // Finalizers run between tasks.
        if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }
}

const two = await networksOn(2);
report(
  'MobileNetV2 int8 planned, two threads',
  [
    ['one thread', one.mobilenet.planned, 4],
    ['two threads', two.mobilenet.planned, 4],
  ],
  rounds,
);
process.exit(0);
