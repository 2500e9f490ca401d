import { ArgumentError } from '@octet/backend';
import { cat, type Tensor } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import { HostTensor, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, numberOf, row } from './helpers';

/** The longest transform: its matrix has the square of it. */
const MAX_LENGTH = 4096;

/** What a discrete Fourier transform is asked for. */
interface Transform {
  readonly length: number;
  readonly inverse: boolean;
  readonly onesided: boolean;
}

/** cos and sin of 2πkn / length, each [inputs, outputs]. */
function waves(op: string, length: number, inputs: number, outputs: number): [HostTensor, HostTensor] {
  if (!(length >= 1 && length <= MAX_LENGTH)) {
    throw new ArgumentError({
      op,
      expected: `a length from 1 to ${MAX_LENGTH}`,
      found: String(length),
      fix: 'Transform shorter frames.',
    });
  }
  const table = (f: (angle: number) => number) => {
    const out = HostTensor.zeros([inputs, outputs], 'float32');
    for (let n = 0; n < inputs; n++)
      for (let k = 0; k < outputs; k++)
        out.data[n * outputs + k] = f((2 * Math.PI * ((n * k) % length)) / length);
    return out;
  };
  return [table(Math.cos), table(Math.sin)];
}

/** The transform of [..., n, 1 or 2] along n: [..., length, 2], or as one half of it, or real. */
function transform(op: string, x: Tensor, { length, inverse, onesided }: Transform): Tensor {
  const complex = x.shape[x.dim - 1];
  const half = Math.floor(length / 2) + 1;
  const real = onesided && inverse;
  const wanted = real ? half : length;
  if ((complex !== 1 && complex !== 2) || x.dim < 2) {
    throw new ArgumentError({
      op,
      expected: 'a last dim of real and imaginary parts: 1 or 2',
      found: `[${x.shape}]`,
      fix: 'Append a dim of size 1 to real numbers.',
    });
  }
  const axis = x.dim - 2;
  const rest = new Array<number>(2 * 2).fill(0);
  const has = x.shape[axis];
  const sized =
    has < wanted
      ? x.pad([...rest.slice(0, 2), 0, wanted - has])
      : has > wanted
        ? x.slice(axis, 0, wanted)
        : x;
  const outputs = onesided && !inverse ? half : length;
  const [cos, sin] = waves(op, length, wanted, outputs).map((t) => t.on(x.backend));
  const re = sized.select(-1, 0);
  const im = complex === 2 ? sized.select(-1, 1) : undefined;
  if (real) {
    // The other half is its mirror: all but the first, and of even lengths the last, count twice.
    const times = HostTensor.zeros([half, 1], 'float32');
    times.data.fill(2 / length);
    times.data[0] = 1 / length;
    if (length % 2 === 0) times.data[half - 1] = 1 / length;
    const twice = times.on(x.backend);
    const y = re.matmul(cos.mul(twice));
    return (im ? y.sub(im.matmul(sin.mul(twice))) : y).unsqueeze(-1);
  }
  // e^(-iφ) = cos φ - i sin φ; the inverse has the other sign.
  const sign = inverse ? 1 : -1;
  const [a, b] = [re.matmul(cos), re.matmul(sin).mul(sign)];
  const parts = im ? [a.sub(im.matmul(sin).mul(sign)), b.add(im.matmul(cos))] : [a, b];
  const y = cat(
    parts.map((p) => p.unsqueeze(-1)),
    -1,
  );
  return inverse ? y.div(length) : y;
}

/** Version 17 to 19 has the axis as an attribute, later ones as an input. */
function dft(node: OnnxNode): Operand {
  const [inverse, onesided] = [node.flag('inverse'), node.flag('onesided')];
  const attribute = node.opset < 20 ? node.int('axis', 1) : undefined;
  return node.call1(
    ([given, size, at], { backend }) => {
      const x = toTensor(given as Value, backend);
      const axis = axisOf(attribute ?? (at ? numberOf(at) : -2), x.dim);
      const moved = x.transpose(axis, -2);
      const n = x.shape[axis];
      const length = size ? numberOf(size) : onesided && inverse ? 2 * (n - 1) : n;
      return transform('DFT', moved, { length, inverse, onesided }).transpose(axis, -2);
    },
    node.inputs,
    { rank: node.input(0).rank, host: [1, 2], fold: false },
  );
}

/** Frames of a signal [N, L, 1 or 2], or a real one [N, L], each times a window, each transformed: [N, frames, bins, 2]. */
function stft(node: OnnxNode): Operand {
  const onesided = node.flag('onesided', true);
  return node.call1(
    ([given, stride, weights, size], { backend }) => {
      const signal = toTensor(given as Value, backend);
      // Exporters leave the last dim of real signals out.
      const x = signal.dim === 2 ? signal.unsqueeze(-1) : signal;
      const window = weights && toTensor(weights, backend);
      const length = size ? numberOf(size) : (window?.shape[0] ?? x.shape[1]);
      const step = numberOf(stride as Value);
      // [N, frames, 1 or 2, length]
      const frames = x.unfold(1, length, step);
      const weighted = window ? frames.mul(window) : frames;
      return transform('STFT', weighted.transpose(-1, -2), { length, inverse: false, onesided });
    },
    node.inputs,
    { rank: 4, host: [1, 3], fold: false },
  );
}

/** Σ a_k · (-1)^k · cos(2πkn / N), N the size, or one less for a window that ends as it begins. */
function cosines(op: string, ...factors: readonly number[]): OnnxOperator {
  return row(op, 17, 1, (node) => {
    node.int('output_datatype', 1);
    const periodic = node.flag('periodic', true);
    return ([given]) => {
      const size = numberOf(given as Value);
      const period = periodic ? size : size - 1;
      const at = (n: number) =>
        factors.reduce((sum, a, k) => sum + (-1) ** k * a * Math.cos((2 * Math.PI * k * n) / period), 0);
      return HostTensor.of(
        Array.from({ length: size }, (_, n) => at(n)),
        [size],
        'float32',
      );
    };
  });
}

/** Triangles of bins [bins, mels] whose corners are evenly apart in mels: 2595 · log10(1 + f / 700) of f hertz. */
const melWeights: GraphFunction = (args) => {
  const [mels, length, rate, low, high] = (args as Value[]).map(numberOf);
  const mel = (f: number) => 2595 * Math.log10(1 + f / 700);
  const step = (mel(high) - mel(low)) / (mels + 2);
  const bins = Array.from({ length: mels + 2 }, (_, i) => {
    const f = 700 * (10 ** ((i * step + mel(low)) / 2595) - 1);
    return Math.floor(((length + 1) * f) / rate);
  });
  const out = HostTensor.zeros([Math.floor(length / 2) + 1, mels], 'float32');
  for (let i = 0; i < mels; i++) {
    const [from, centre, to] = bins.slice(i, i + 3);
    const put = (bin: number, weight: number) => {
      out.data[bin * mels + i] = weight;
    };
    if (from === centre) put(centre, 1);
    else for (let k = from; k <= centre; k++) put(k, (k - from) / (centre - from));
    for (let k = centre; k < to; k++) put(k, (to - k) / (to - centre));
  }
  return out;
};

export const spectra = (): readonly OnnxOperator[] => [
  { op: 'DFT', since: 17, import: dft },
  { op: 'STFT', since: 17, inputs: 2, import: stft },
  cosines('HannWindow', 0.5, 0.5),
  cosines('HammingWindow', 25 / 46, 21 / 46),
  cosines('BlackmanWindow', 0.42, 0.5, 0.08),
  {
    op: 'MelWeightMatrix',
    since: 17,
    inputs: 5,
    import(node) {
      node.int('output_datatype', 1);
      return node.call1(melWeights, node.inputs, { host: [0, 1, 2, 3, 4], rank: 2 });
    },
  },
];
