/** Activations: functions of each element, any shape. */
import { ArgumentError, checkOptions, requireNumbers, requireOneOf, requireType } from '@octet/backend';
import {
  celu,
  elu,
  type GeluOptions,
  gelu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSigmoid,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softshrink,
  softsign,
  type Tensor,
  tanh,
  tanhshrink,
} from '@octet/tensor/functional';
import { repr, requireRange } from '../arguments';
import { Module } from '../module';

/** max(x, 0), any shape. */
export class ReLU extends Module {
  static override readonly name: string = 'ReLU';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('ReLU', options);
  }

  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** min(max(x, 0), 6), any shape. */
export class ReLU6 extends Module {
  static override readonly name: string = 'ReLU6';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('ReLU6', options);
  }

  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}

/** x · clamp(x + 3, 0, 6) / 6, any shape: Howard et al., "Searching for MobileNetV3", 2019. */
export class Hardswish extends Module {
  static override readonly name: string = 'Hardswish';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Hardswish', options);
  }

  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}

/** clamp(x + 3, 0, 6) / 6, any shape. */
export class Hardsigmoid extends Module {
  static override readonly name: string = 'Hardsigmoid';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Hardsigmoid', options);
  }

  forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}

/** 1 / (1 + e⁻ˣ), any shape. */
export class Sigmoid extends Module {
  static override readonly name: string = 'Sigmoid';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Sigmoid', options);
  }

  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent, any shape. */
export class Tanh extends Module {
  static override readonly name: string = 'Tanh';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Tanh', options);
  }

  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/**
 * x · Φ(x) with the error function, or with `{ approximate: 'tanh' }` its approximation; any shape: Hendrycks and Gimpel, 2016.
 * @throws ArgumentError for another approximation
 */
export class GELU extends Module {
  static override readonly name: string = 'GELU';
  static readonly pure = true;

  readonly approximate: 'none' | 'tanh';

  constructor(options?: GeluOptions) {
    super();
    const { approximate = 'none' } = checkOptions('GELU', options ?? {}, 'approximate');
    requireOneOf('GELU', 'approximate', approximate, ['none', 'tanh']);
    this.approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return this.approximate === 'none' ? '' : repr({ approximate: this.approximate });
  }
}

/** x where x > 0, negativeSlope · x elsewhere; any shape. @throws ArgumentError unless negativeSlope is a number */
export class LeakyReLU extends Module {
  static override readonly name: string = 'LeakyReLU';
  static readonly pure = true;

  constructor(
    readonly negativeSlope = 0.01,
    options?: Record<string, never>,
  ) {
    super();
    requireType('LeakyReLU', 'negativeSlope', negativeSlope, 'number');
    checkOptions('LeakyReLU', options);
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return repr({ negativeSlope: this.negativeSlope });
  }
}

/** min(max(x, minVal), maxVal), any shape. @throws ArgumentError unless minVal < maxVal */
export class Hardtanh extends Module {
  static override readonly name: string = 'Hardtanh';
  static readonly pure = true;

  constructor(
    readonly minVal = -1,
    readonly maxVal = 1,
    options?: Record<string, never>,
  ) {
    super();
    requireNumbers('Hardtanh', { minVal, maxVal });
    checkOptions('Hardtanh', options);
    if (minVal < maxVal) return;
    throw new ArgumentError({
      op: 'Hardtanh',
      expected: 'minVal < maxVal',
      found: `${minVal} and ${maxVal}`,
      fix: 'The smaller bound comes first.',
    });
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return repr({ minVal: this.minVal, maxVal: this.maxVal });
  }
}

/** x · sigmoid(x), any shape, also called swish: Hendrycks and Gimpel, 2016. */
export class SiLU extends Module {
  static override readonly name: string = 'SiLU';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('SiLU', options);
  }

  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** x where x > 0, alpha · (eˣ - 1) elsewhere; any shape: Clevert et al., 2015. @throws ArgumentError unless alpha is a number */
export class ELU extends Module {
  static override readonly name: string = 'ELU';
  static readonly pure = true;

  constructor(
    readonly alpha = 1,
    options?: Record<string, never>,
  ) {
    super();
    requireType('ELU', 'alpha', alpha, 'number');
    checkOptions('ELU', options);
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  override extraRepr(): string {
    return repr({ alpha: this.alpha });
  }
}

/**
 * ln(1 + e^(beta · x)) / beta, any shape; x itself where beta · x > threshold.
 * @throws ArgumentError unless beta and threshold are numbers
 */
export class Softplus extends Module {
  static override readonly name: string = 'Softplus';
  static readonly pure = true;

  constructor(
    readonly beta = 1,
    readonly threshold = 20,
    options?: Record<string, never>,
  ) {
    super();
    requireNumbers('Softplus', { beta, threshold });
    checkOptions('Softplus', options);
  }

  forward(x: Tensor): Tensor {
    return softplus(x, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return repr({ beta: this.beta, threshold: this.threshold });
  }
}

/** x · tanh(ln(1 + eˣ)), any shape: Misra, 2019. */
export class Mish extends Module {
  static override readonly name: string = 'Mish';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Mish', options);
  }

  forward(x: Tensor): Tensor {
    return mish(x);
  }
}

/** x where x > 0, alpha · (e^(x / alpha) - 1) elsewhere; any shape: Barron, 2017. @throws ArgumentError unless alpha is a number */
export class CELU extends Module {
  static override readonly name: string = 'CELU';
  static readonly pure = true;

  constructor(
    readonly alpha = 1,
    options?: Record<string, never>,
  ) {
    super();
    requireType('CELU', 'alpha', alpha, 'number');
    checkOptions('CELU', options);
  }

  forward(x: Tensor): Tensor {
    return celu(x, this.alpha);
  }

  override extraRepr(): string {
    return repr({ alpha: this.alpha });
  }
}

/** 1.0507 · (x where x > 0, 1.6733 · (eˣ - 1) elsewhere), any shape: Klambauer et al., 2017. */
export class SELU extends Module {
  static override readonly name: string = 'SELU';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('SELU', options);
  }

  forward(x: Tensor): Tensor {
    return selu(x);
  }
}

/** x / (1 + |x|), any shape. */
export class Softsign extends Module {
  static override readonly name: string = 'Softsign';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Softsign', options);
  }

  forward(x: Tensor): Tensor {
    return softsign(x);
  }
}

/** ln(1 / (1 + e⁻ˣ)), any shape. */
export class LogSigmoid extends Module {
  static override readonly name: string = 'LogSigmoid';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('LogSigmoid', options);
  }

  forward(x: Tensor): Tensor {
    return logSigmoid(x);
  }
}

/** x where |x| > lambd, 0 elsewhere; any shape. @throws ArgumentError unless lambd is a number of at least 0 */
export class Hardshrink extends Module {
  static override readonly name: string = 'Hardshrink';
  static readonly pure = true;

  constructor(
    readonly lambd = 0.5,
    options?: Record<string, never>,
  ) {
    super();
    requireRange('Hardshrink', 'lambd', lambd, 0);
    checkOptions('Hardshrink', options);
  }

  forward(x: Tensor): Tensor {
    return hardshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return repr({ lambd: this.lambd });
  }
}

/** x moved by lambd towards 0, which it doesn't pass; any shape. @throws ArgumentError unless lambd is a number of at least 0 */
export class Softshrink extends Module {
  static override readonly name: string = 'Softshrink';
  static readonly pure = true;

  constructor(
    readonly lambd = 0.5,
    options?: Record<string, never>,
  ) {
    super();
    requireRange('Softshrink', 'lambd', lambd, 0);
    checkOptions('Softshrink', options);
  }

  forward(x: Tensor): Tensor {
    return softshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return repr({ lambd: this.lambd });
  }
}

/** x - tanh(x), any shape. */
export class Tanhshrink extends Module {
  static override readonly name: string = 'Tanhshrink';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Tanhshrink', options);
  }

  forward(x: Tensor): Tensor {
    return tanhshrink(x);
  }
}
