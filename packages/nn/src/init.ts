/**
 * Fills tensors in place, as torch.nn.init does (names and formulas alike; the numbers are those of Octet's generator).
 * Nothing is recorded. All give the tensor back.
 */
import {
  ArgumentError,
  checkOptions,
  hostArray,
  requireOneOf,
  requireType,
  ShapeError,
} from '@octet/backend';
import {
  defaultGenerator,
  formatShape,
  fromData,
  type Generator,
  noGrad,
  numel,
  type Tensor,
} from '@octet/tensor/functional';

export interface RandomFill {
  /** The default generator, which `manualSeed` seeds, unless given. */
  generator?: Generator | undefined;
}

let skipping = false;

/**
 * Builds modules without drawing random weights, for a checkpoint to bring them: they stay zero, and the generators where
 * they are. PyTorch's torch.nn.utils.skip_init.
 * @example const model = skipInit(() => new Net()); model.loadStateDict(await load('net.safetensors'));
 */
export function skipInit<T>(build: () => T): T {
  const before = skipping;
  skipping = true;
  try {
    return build();
  } finally {
    skipping = before;
  }
}

function fillEach(t: Tensor, next: () => number): Tensor {
  if (skipping) return t;
  const data = hostArray(t.dtype, t.numel);
  for (let i = 0; i < data.length; i++) data[i] = next();
  return noGrad(() => t.copy_(fromData(data, t.shape, { dtype: t.storage.dtype, backend: t.backend })));
}

/** Evenly between `low` and `high`. */
export function uniform_(t: Tensor, low = 0, high = 1, options?: RandomFill): Tensor {
  const { generator = defaultGenerator } = checkOptions('uniform_', options, 'generator');
  requireType('uniform_', 'low', low, 'number');
  return fillEach(t, () => low + (high - low) * generator.uniform());
}

/** Normally distributed. */
export function normal_(t: Tensor, mean = 0, std = 1, options?: RandomFill): Tensor {
  const { generator = defaultGenerator } = checkOptions('normal_', options, 'generator');
  requireType('normal_', 'mean', mean, 'number');
  return fillEach(t, () => mean + std * generator.normal());
}

export function constant_(t: Tensor, value: number): Tensor {
  return noGrad(() => t.fill_(value));
}

export function zeros_(t: Tensor): Tensor {
  return constant_(t, 0);
}

export function ones_(t: Tensor): Tensor {
  return constant_(t, 1);
}

/**
 * How many inputs each output of a weight [out, in, ...kernel] has, and how many outputs each input.
 * @throws ShapeError below two dimensions
 */
export function calculateFanInAndFanOut(t: Tensor): { fanIn: number; fanOut: number } {
  if (t.dim < 2) {
    throw new ShapeError({
      op: 'calculateFanInAndFanOut',
      expected: 'a weight of at least two dimensions: [out, in, ...]',
      found: formatShape(t.shape),
      fix: 'Biases and the like take uniform_ or constant_.',
    });
  }
  const field = numel(t.shape.slice(2));
  return { fanIn: t.shape[1] * field, fanOut: t.shape[0] * field };
}

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu';

/** By how much a nonlinearity shrinks its input's spread; `a` is the slope of leakyRelu. */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    default:
      throw new ArgumentError({
        op: 'calculateGain',
        expected: "'linear', 'sigmoid', 'tanh', 'relu' or 'leakyRelu'",
        found: String(nonlinearity),
        fix: 'Use one of these.',
      });
  }
}

export interface KaimingOptions extends RandomFill {
  /** The slope of leakyRelu below 0. */
  a?: number;
  /** Which side keeps its spread: the forward pass (fanIn) or the gradients (fanOut). */
  mode?: 'fanIn' | 'fanOut';
  nonlinearity?: Nonlinearity;
}

function kaiming(
  op: string,
  t: Tensor,
  options: KaimingOptions | undefined,
): { std: number; generator: Generator | undefined } {
  const {
    a = 0,
    mode = 'fanIn',
    nonlinearity = 'leakyRelu',
    generator,
  } = checkOptions(op, options, 'a mode nonlinearity generator');
  requireOneOf(op, 'mode', mode, ['fanIn', 'fanOut']);
  return {
    std: calculateGain(nonlinearity, a) / Math.sqrt(calculateFanInAndFanOut(t)[mode]),
    generator,
  };
}

/** Uniform in ±gain·√(3 / fan): He et al., "Delving deep into rectifiers", 2015. */
export function kaimingUniform_(t: Tensor, options?: KaimingOptions): Tensor {
  const { std, generator } = kaiming('kaimingUniform_', t, options);
  const bound = Math.sqrt(3) * std;
  return uniform_(t, -bound, bound, { generator });
}

/** Normal with standard deviation gain / √fan. */
export function kaimingNormal_(t: Tensor, options?: KaimingOptions): Tensor {
  const { std, generator } = kaiming('kaimingNormal_', t, options);
  return normal_(t, 0, std, { generator });
}

export interface XavierOptions extends RandomFill {
  gain?: number;
}

function xavierStd(t: Tensor, gain: number): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(t);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** Uniform in ±gain·√(6 / (fanIn + fanOut)): Glorot and Bengio, 2010. */
export function xavierUniform_(t: Tensor, options?: XavierOptions): Tensor {
  const { gain = 1, generator } = checkOptions('xavierUniform_', options, 'gain generator');
  const bound = Math.sqrt(3) * xavierStd(t, gain);
  return uniform_(t, -bound, bound, { generator });
}

/** Normal with standard deviation gain·√(2 / (fanIn + fanOut)). */
export function xavierNormal_(t: Tensor, options?: XavierOptions): Tensor {
  const { gain = 1, generator } = checkOptions('xavierNormal_', options, 'gain generator');
  return normal_(t, 0, xavierStd(t, gain), { generator });
}
