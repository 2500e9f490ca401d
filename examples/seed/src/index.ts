/**
 * The tutorial's program, line by line: a float network is prepared for quantization, trained for a while, and becomes
 * int8; then both are timed and three checkpoints are written.
 */
import { parseArgs } from 'node:util';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { save } from '@octet/formats';
import { planOf } from '@octet/graph';
import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { SGD } from '@octet/optim';
import {
  convert,
  DeQuantStub,
  defaultObserver,
  FloatFunctional,
  fuseModules,
  MinMaxObserver,
  prepareQat,
  QConfig,
  QuantStub,
} from '@octet/quantization';
import { randn, setBackend, type Tensor } from '@octet/tensor';

/** Convolution, batch normalisation and ReLU, to be fused. */
class ConvBNReLU extends Sequential {
  constructor(nIn: number, nOut: number, { kernelSize = 3, stride = 1, groups = 1 } = {}) {
    super(
      new Conv2d(nIn, nOut, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
      new BatchNorm2d(nOut),
      new ReLU(),
    );
  }
}

/** MobileNetV2's block: wide inside, narrow outside. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly useRes: boolean;

  constructor(nIn: number, nOut: number, stride: number, expandRatio: number) {
    super();
    const hidden = Math.round(nIn * expandRatio);
    this.useRes = stride === 1 && nIn === nOut;
    this.conv = new Sequential(
      ...(expandRatio !== 1 ? [new ConvBNReLU(nIn, hidden, { kernelSize: 1 })] : []),
      new ConvBNReLU(hidden, hidden, { stride, groups: hidden }),
      new Conv2d(hidden, nOut, 1, { bias: false }),
      new BatchNorm2d(nOut),
    );
  }

  forward(x: Tensor): Tensor {
    return this.useRes ? x.add(this.conv.call(x)) : this.conv.call(x);
  }
}

/** The same, with an addition that can be quantized. */
class QInvertedResidual extends InvertedResidual {
  readonly skipAdd = new FloatFunctional();

  override forward(x: Tensor): Tensor {
    return this.useRes ? this.skipAdd.add(x, this.conv.call(x)) : this.conv.call(x);
  }

  fuseModel(): void {
    this.conv.children().forEach((layer, i) => {
      if (layer instanceof Conv2d) fuseModules(this.conv, [`${i}`, `${i + 1}`]);
    });
  }
}

class Model extends Module {
  readonly layers = new Sequential(
    new QInvertedResidual(3, 16, 1, 2),
    new QInvertedResidual(16, 32, 1, 2),
    new QInvertedResidual(32, 64, 2, 2),
    new QInvertedResidual(64, 128, 1, 2),
    new QInvertedResidual(128, 128, 2, 2),
    new QInvertedResidual(128, 256, 1, 2),
  );
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.layers.call(this.quant.call(x)));
  }

  fuseModel(): void {
    for (const module of this.modules()) {
      if (module instanceof ConvBNReLU) fuseModules(module, ['0', '1', '2']);
      if (module instanceof QInvertedResidual) module.fuseModel();
    }
  }
}

const { values } = parseArgs({
  options: {
    iterations: { type: 'string', default: '100' },
    batch: { type: 'string', default: '50' },
    size: { type: 'string', default: '64' },
    runs: { type: 'string', default: '10' },
    out: { type: 'string', default: 'ckpt' },
  },
});
const [iterations, batch, size, runs] = [values.iterations, values.batch, values.size, values.runs].map(
  (text) => {
    const n = Number(text);
    if (Number.isInteger(n) && n > 0) return n;
    console.error(`--iterations, --batch, --size and --runs take whole numbers > 0, not '${text}'.`);
    return process.exit(2);
  },
);

const backend = await createWasmBackend({ threads: 1 });
setBackend(backend);

// Training
const model = new Model();
model.eval(); // to fold batch normalisation
model.qconfig = new QConfig({
  activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
  weight: defaultObserver.withArgs({ dtype: 'qint8' }),
});
model.fuseModel();
model.train();
const prepared = prepareQat(model); // warns: plain observers don't simulate quantization

const optimizer = new SGD(prepared.parameters(), { lr: 0.1 });
for (let i = 0; i < iterations; i++) {
  const x = randn([12, 3, 28, 28]);
  const loss = prepared.call(x).square().mean();
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  if ((i + 1) % 10 === 0)
    console.log(`Training ${i + 1}/${iterations}, loss ${(await loss.item()).toExponential(2)}`);
}

// Inference
prepared.eval();
const int8 = await convert(prepared);

// Test
const x = randn([batch, 3, size, size]);
const seconds = async (network: Module<[Tensor], Tensor>) => {
  // Decides memory, kernels and addresses once; every run writes the same output.
  using plan = planOf(network, [x], { reuseOutputs: true });
  const start = performance.now();
  for (let i = 0; i < runs; i++) plan.run(x);
  await backend.sync?.(); // on a GPU the work is only handed over by now
  return (performance.now() - start) / 1000;
};
model.eval();
const fp32Seconds = await seconds(model);
const int8Seconds = await seconds(int8);
console.log(
  `Time consumption: fp32 ${fp32Seconds.toFixed(2)} s, int8 ${int8Seconds.toFixed(2)} s, ` +
    `speedup ${(fp32Seconds / int8Seconds).toFixed(2)}`,
);

await save(model.stateDict(), `${values.out}/fp32.safetensors`);
await save(prepared.stateDict(), `${values.out}/fp32_prepared.safetensors`);
await save(int8.stateDict(), `${values.out}/int8.safetensors`);
