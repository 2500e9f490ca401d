import { Parameter } from '@octet/nn/modules';
import { clamp, kernel, noGrad, ones, type Tensor, zeros } from '@octet/tensor/functional';
import { simulateLearned } from '../functional/fake-quantize';
import type { QparamTensors } from '../functional/observe';
import { MovingAverageMinMaxObserver } from '../observers/moving-average-min-max';
import { FakeQuantizeBase, type FakeQuantizeOptions } from './base';

export type LearnableFakeQuantizeOptions = FakeQuantizeOptions & {
  /** How many channels; -1 (the default): one scale for the tensor. */
  channelLen?: number;
  /** Multiply the gradients of scale and zero point by 1 / sqrt(numel · quantMax), as LSQ proposes. */
  useGradScaling?: boolean;
};

/**
 * Fake quantization whose scale and zero point are parameters (LSQ, https://arxiv.org/abs/1902.08153). It starts by static
 * estimation, from its observer; `enableParamLearning()` hands scale and zero point to the optimizer.
 */
export class LearnableFakeQuantize extends FakeQuantizeBase {
  static override readonly name: string = 'LearnableFakeQuantize';

  readonly useGradScaling: boolean;
  declare scale: Parameter;
  declare zeroPoint: Parameter;

  constructor({ channelLen = -1, useGradScaling = false, ...options }: LearnableFakeQuantizeOptions = {}) {
    super(options.observer ?? MovingAverageMinMaxObserver, options);
    this.useGradScaling = useGradScaling;
    const n = Math.max(channelLen, 1);
    this.scale = new Parameter(ones([n]), false);
    this.zeroPoint = new Parameter(zeros([n]), false);
  }

  /** The optimizer moves scale and zero point from now on; the observer rests. */
  enableParamLearning(): this {
    return this.learn(true);
  }

  /** The observer sets scale and zero point at every forward, as at the start. */
  enableStaticEstimate(): this {
    return this.learn(false);
  }

  private learn(learning: boolean): this {
    this.scale.requiresGrad = learning;
    this.zeroPoint.requiresGrad = learning;
    this.observerEnabled = !learning;
    this.fakeQuantEnabled = true;
    return this;
  }

  /** What was learned, in the form that conversion takes: scale at least eps, zero point a whole number in range. */
  override calculateQparams(): QparamTensors {
    const { quantMin, quantMax } = this;
    const n = this.zeroPoint.numel;
    const zeroPoint = zeros([n], { dtype: 'int32', backend: this.zeroPoint.backend });
    const shape = [1, 1, n];
    kernel.run(
      'quantize',
      { x: kernel.asOperand(this.zeroPoint, shape) },
      { y: kernel.asOperand(zeroPoint, shape) },
      { scale: Float32Array.of(1), zeroPoint: Int32Array.of(0), quantMin, quantMax },
    );
    return { scale: noGrad(() => clamp(this.scale, this.activationPostProcess.eps)), zeroPoint };
  }

  protected override setQparams({ scale, zeroPoint }: QparamTensors): void {
    noGrad(() => {
      this.scale.copy_(scale);
      this.zeroPoint.copy_(zeroPoint.to('float32'));
    });
  }

  protected override fakeQuantize(x: Tensor): Tensor {
    const { quantMin, quantMax, chAxis: axis } = this;
    const { eps, isSymmetric, symmetricZeroPoint } = this.activationPostProcess;
    noGrad(() => {
      if (this.scale.requiresGrad) this.scale.copy_(clamp(this.scale, eps));
      if (isSymmetric) this.zeroPoint.fill_(symmetricZeroPoint);
    });
    const gradFactor = this.useGradScaling ? 1 / Math.sqrt(x.numel * quantMax) : 1;
    return simulateLearned(x, this.scale, this.zeroPoint, { quantMin, quantMax, axis, gradFactor });
  }
}
