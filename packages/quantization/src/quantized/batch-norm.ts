import { type Clamp, QuantizationError } from '@octet/backend';
import {
  BatchNorm1d,
  BatchNorm2d,
  Buffer,
  type Module,
  Parameter,
  ReLU,
  type StateLoader,
} from '@octet/nn/modules';
import { ones, type Tensor, zeros } from '@octet/tensor/functional';
import { type BatchNormNumbers, quantizedBatchNorm } from '../functional/channels';
import { type OutputQparams, RELU } from '../functional/int8';
import { BNReLU2d } from '../intrinsic';
import { QuantizedOutput } from './with-output';

/** The numbers of `BatchNormNumbers` that tensors hold. */
export type BatchNormFields = Pick<BatchNormNumbers, 'weight' | 'bias' | 'mean' | 'variance'>;

/** The fields of the module that the numbers come from, and their keys. */
const sources = {
  weight: 'weight',
  bias: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
} as const satisfies Record<keyof BatchNormFields, string>;

/** Batch normalisation on integers, by running statistics: a layer that isn't fused into the one before it. */
export abstract class QuantizedBatchNorm extends QuantizedOutput {
  static override readonly name: string = 'QuantizedBatchNorm';
  static readonly pure = true;

  readonly numFeatures: number;
  readonly eps: number;
  /** What the tensors hold, on the host. */
  private numbers: BatchNormNumbers;
  weight: Buffer;
  bias: Buffer;
  runningMean: Buffer;
  runningVar: Buffer;
  numBatchesTracked: Buffer;

  /** `numbers` are what the tensors of `bn` hold, for a backend that can't be read at once: see `numbersOf`. */
  constructor(bn: BatchNorm1d | BatchNorm2d, numbers: BatchNormFields, output: OutputQparams) {
    super(output);
    const { numFeatures, eps } = bn;
    this.numbers = { ...numbers, eps };
    const { runningMean, runningVar, numBatchesTracked } = requireRunning(bn);
    this.numFeatures = numFeatures;
    this.eps = eps;
    const { backend } = runningMean;
    this.weight = new Buffer(bn.weight?.detach() ?? ones([numFeatures], { backend }));
    this.bias = new Buffer(bn.bias?.detach() ?? zeros([numFeatures], { backend }));
    this.runningMean = new Buffer(runningMean);
    this.runningVar = new Buffer(runningVar);
    this.numBatchesTracked = new Buffer(numBatchesTracked ?? zeros([], { dtype: 'int32', backend }));
  }

  /** What the tensors of a batch normalisation hold. @throws QuantizationError without running statistics, and for NaN and infinities */
  static async numbersOf(path: string, bn: BatchNorm1d | BatchNorm2d): Promise<BatchNormFields> {
    const { runningMean, runningVar } = requireRunning(bn);
    const read = async (name: string, t: Tensor | undefined, unless: number) => {
      const values = t ? Float32Array.from(await t.data()) : new Float32Array(bn.numFeatures).fill(unless);
      const bad = values.find((v) => !Number.isFinite(v));
      if (bad === undefined) return values;
      throw new QuantizationError({
        op: 'convert',
        expected: `finite numbers (${path}.${name})`,
        found: String(bad),
        fix: 'Mend the float model first.',
      });
    };
    return {
      weight: await read('weight', bn.weight, 1),
      bias: await read('bias', bn.bias, 0),
      mean: await read('runningMean', runningMean, 0),
      variance: await read('runningVar', runningVar, 1),
    };
  }

  /** The bounds of the output, in real numbers. */
  protected get clamp(): Clamp | undefined {
    return undefined;
  }

  override forward(x: Tensor): Tensor {
    return quantizedBatchNorm(x, this.numbers, this, this.clamp);
  }

  /** A float layer with the same tensors. */
  protected fill<B extends BatchNorm1d | BatchNorm2d>(bn: B): B {
    const { weight, bias, runningMean, runningVar, numBatchesTracked } = this;
    Object.assign(bn, {
      weight: new Parameter(weight),
      bias: new Parameter(bias),
      runningMean: new Buffer(runningMean),
      runningVar: new Buffer(runningVar),
      numBatchesTracked: new Buffer(numBatchesTracked),
    });
    return bn.train(this.training) as B;
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    const read = Object.entries(sources).flatMap(([field, key]) => {
      const values = load.has(key) ? load.read(key) : undefined;
      return values ? [[field, Float32Array.from(values)] as const] : [];
    });
    load.commit(() => {
      this.numbers = { ...this.numbers, ...Object.fromEntries(read) };
    });
  }

  override extraRepr(): string {
    return `${this.numFeatures}, eps=${this.eps}, ${super.extraRepr()}`;
  }
}

function requireRunning(bn: BatchNorm1d | BatchNorm2d) {
  const { runningMean, runningVar, numBatchesTracked } = bn;
  if (runningMean && runningVar) return { runningMean, runningVar, numBatchesTracked };
  throw new QuantizationError({
    op: 'convert',
    expected: 'a batch normalisation with running statistics',
    found: 'one without (trackRunningStats: false)',
    fix: 'On integers it goes by running statistics: train with trackRunningStats.',
  });
}

/** int8 batch normalisation of x [N, C] or [N, C, L]. */
export class QuantizedBatchNorm1d extends QuantizedBatchNorm {
  static override readonly name: string = 'QuantizedBatchNorm1d';

  toFloat(): BatchNorm1d {
    return this.fill(new BatchNorm1d(this.numFeatures, { eps: this.eps }));
  }
}

/** int8 batch normalisation of x [N, C, H, W]. */
export class QuantizedBatchNorm2d extends QuantizedBatchNorm {
  static override readonly name: string = 'QuantizedBatchNorm2d';

  toFloat(): Module {
    return this.fill(new BatchNorm2d(this.numFeatures, { eps: this.eps }));
  }
}

/** int8 batch normalisation of x [N, C, H, W] and ReLU: the clamp at the zero point costs nothing. */
export class QuantizedBNReLU2d extends QuantizedBatchNorm2d {
  static override readonly name: string = 'QuantizedBNReLU2d';

  protected override get clamp(): Clamp {
    return RELU;
  }

  override toFloat(): Module {
    return new BNReLU2d(super.toFloat() as BatchNorm2d, new ReLU()).train(this.training);
  }
}
