import {
  CELU,
  ELU,
  GELU,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  Mish,
  type Module,
  PReLU,
  ReLU,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Softshrink,
  Softsign,
  skipInit,
  Tanh,
  Threshold,
} from '@octet/nn';
import { elu, type Tensor } from '@octet/tensor';
import { HostTensor, onHost } from '../../host-tensor';
import type { OnnxNode } from '../node';
import type { OnnxOperator } from '../table';
import { parameter } from '../weights';
import { axisOf, fromFront, hostUnary, onBackend } from './helpers';
import { float, Meaning } from './meaning';

/** A layer of nn without weights; a shape stays as it is. */
function activation(op: string, since: number, make: (node: OnnxNode) => Module, domain = ''): OnnxOperator {
  return {
    ...{ op, since, domain },
    import: (node) => node.layer(make(node), [node.input(0)], { rank: node.input(0).rank }),
  };
}

/** com.microsoft's GELU of x, or of x and a bias. */
function biasedGelu(op: string, approximate: 'none' | 'tanh'): OnnxOperator {
  return {
    ...{ op, domain: 'com.microsoft', since: 1 },
    import(node) {
      const { rank } = node.input(0);
      const sum = node.inputs[1]
        ? node.call1(
            onBackend((x, bias) => x.add(bias)),
            node.inputs,
            { op: 'Add', rank },
          )
        : node.input(0);
      return node.layer(new GELU({ approximate }), [sum], { rank });
    },
  };
}

/** x where it is positive, else slope · x. */
function prelu(x: Tensor, slope: Tensor): Tensor {
  return x.relu().sub(x.neg().relu().mul(slope));
}

/** Before version 13 the dims from the axis on were one. */
function softmaxOf(
  op: string,
  make: (dim: number) => Module,
  fn: (x: Tensor, dim: number) => Tensor,
): OnnxOperator[] {
  const layer = (node: OnnxNode, axis: number) =>
    node.layer(make(axis), [node.input(0)], { rank: node.input(0).rank });
  return [
    { op, since: 13, import: (node) => layer(node, node.int('axis', -1)) },
    {
      op,
      since: 1,
      until: 12,
      import(node) {
        const { rank } = node.input(0);
        const axis = node.int('axis', 1);
        if (rank !== undefined && fromFront(axis, rank) === rank - 1) return layer(node, axis);
        return node.call1(
          onBackend((x) => {
            const at = fromFront(axis, x.dim);
            const rows = x.shape.slice(0, at).reduce((a, b) => a * b, 1);
            return fn(x.reshape([rows, rows === 0 ? 0 : x.numel / rows]), 1).reshape(x.shape);
          }),
          [node.input(0)],
          { rank },
        );
      },
    },
  ];
}

export const activations = (): readonly OnnxOperator[] => [
  activation('Relu', 1, () => new ReLU()),
  activation('Sigmoid', 1, () => new Sigmoid()),
  activation('Tanh', 1, () => new Tanh()),
  activation('LeakyRelu', 1, (node) => new LeakyReLU(node.float('alpha', 0.01))),
  activation('HardSwish', 14, () => new Hardswish()),
  ...softmaxOf(
    'Softmax',
    (dim) => new Softmax(dim),
    (x, dim) => x.softmax(dim),
  ),
  ...softmaxOf(
    'LogSoftmax',
    (dim) => new LogSoftmax(dim),
    (x, dim) => x.logSoftmax(dim),
  ),
  {
    op: 'Gelu',
    since: 20,
    import(node) {
      const { rank } = node.input(0);
      if (node.string('approximate', 'none') === 'tanh')
        return node.layer(new GELU({ approximate: 'tanh' }), [node.input(0)], { rank });
      return node.layer(new GELU(), [node.input(0)], { rank });
    },
  },
  activation('Gelu', 1, () => new GELU(), 'com.microsoft'),
  biasedGelu('BiasGelu', 'none'),
  biasedGelu('FastGelu', 'tanh'),
  {
    ...{ op: 'QuickGelu', domain: 'com.microsoft', since: 1 },
    import(node) {
      const alpha = node.float('alpha', 1.702);
      return node.call1(
        onBackend((x) => x.mul(x.mul(alpha).sigmoid())),
        [node.input(0)],
        { rank: node.input(0).rank },
      );
    },
  },
  {
    op: 'HardSigmoid',
    since: 1,
    import(node) {
      const [alpha, beta] = [node.float('alpha', 0.2), node.float('beta', 0.5)];
      const { rank } = node.input(0);
      if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5)
        return node.layer(new Hardsigmoid(), [node.input(0)], { rank });
      // Of another slope: the usual one of 6 · (alpha · x + beta - 1/2). What is multiplied here may go into the weights before.
      const meaning = new Meaning(node);
      const scaled = meaning.add('Mul', [meaning.input(0), meaning.number(6 * alpha)]);
      const shifted = beta === 0.5 ? scaled : meaning.add('Add', [scaled, meaning.number(6 * (beta - 0.5))]);
      return meaning.as(
        meaning.operator('HardSigmoid', [shifted], [float('alpha', 1 / 6), float('beta', 0.5)]),
      );
    },
  },
  activation('Elu', 1, (node) => new ELU(node.float('alpha', 1))),
  activation('Celu', 12, (node) => new CELU(node.float('alpha', 1))),
  {
    op: 'Selu',
    since: 1,
    import(node) {
      const [alpha, gamma] = [
        node.float('alpha', 1.6732631921768188),
        node.float('gamma', 1.0507010221481323),
      ];
      const { rank } = node.input(0);
      const usual = Math.abs(alpha - 1.6732632) < 1e-6 && Math.abs(gamma - 1.050701) < 1e-6;
      if (usual) return node.layer(new SELU(), [node.input(0)], { rank });
      return node.call1(
        onBackend((x) => elu(x, alpha).mul(gamma)),
        [node.input(0)],
        { rank },
      );
    },
  },
  activation('Softplus', 1, () => new Softplus()),
  activation('Softsign', 1, () => new Softsign()),
  activation('Mish', 18, () => new Mish()),
  {
    op: 'Shrink',
    since: 9,
    import(node) {
      const [lambd, bias] = [node.float('lambd', 0.5), node.float('bias', 0)];
      const { rank } = node.input(0);
      if (lambd < 0 || (bias !== 0 && bias !== lambd)) {
        return node.call1(
          onHost('Shrink', (x) =>
            hostUnary(x as HostTensor, 'float32', (v) => (v < -lambd ? v + bias : v > lambd ? v - bias : 0)),
          ),
        );
      }
      return node.layer(bias === 0 ? new Hardshrink(lambd) : new Softshrink(lambd), [node.input(0)], {
        rank,
      });
    },
  },
  {
    op: 'Swish',
    since: 24,
    import(node) {
      const alpha = node.float('alpha', 1);
      const { rank } = node.input(0);
      if (alpha === 1) return node.layer(new SiLU(), [node.input(0)], { rank });
      return node.call1(
        onBackend((x) => x.mul(x.mul(alpha).sigmoid())),
        [node.input(0)],
        { rank },
      );
    },
  },
  activation('ThresholdedRelu', 10, (node) => new Threshold(node.float('alpha', 1), 0)),
  {
    op: 'PRelu',
    since: 7,
    inputs: 2,
    import(node) {
      const [x, slope] = [node.input(0), node.input(1)];
      const slopes = slope.constant;
      // One slope, or one for each channel: [C, 1, …] or [1, C, 1, …].
      const channels = slopes && 1 - ((x.rank ?? 0) - slopes.dim);
      const ofChannels = slopes && channels !== undefined && slopes.shape[channels] === slopes.numel;
      if (slopes?.dtype === 'float32' && (slopes.numel === 1 || ofChannels) && (x.rank ?? 0) >= 2) {
        const layer = skipInit(() => new PReLU(slopes.numel));
        layer.weight = parameter(slopes.reshape([-1]));
        return node.layer(layer, [x], { weight: slope, rank: x.rank });
      }
      return node.call1(onBackend(prelu), node.inputs, { rank: x.rank });
    },
  },
  {
    op: 'PRelu',
    since: 1,
    until: 6,
    inputs: 2,
    import: (node) =>
      node.call1(
        // One slope, or one for each channel.
        onBackend((x, slope) =>
          prelu(x, slope.reshape([-1, ...new Array<number>(Math.max(0, x.dim - 2)).fill(1)])),
        ),
        node.inputs,
        { rank: node.input(0).rank },
      ),
  },
  {
    op: 'Hardmax',
    since: 13,
    import(node) {
      const axis = node.int('axis', -1);
      return node.call1(
        onHost('Hardmax', (value) => {
          const x = value as HostTensor;
          const out = HostTensor.zeros(x.shape, 'float32');
          const at = axisOf(axis, x.dim);
          const n = x.shape[at];
          const inner = x.shape.slice(at + 1).reduce((a, b) => a * b, 1);
          for (let i = 0; i < x.numel; i++) {
            if (Math.floor(i / inner) % n !== 0) continue;
            let best = i;
            for (let k = 1; k < n; k++) if (x.data[i + k * inner] > x.data[best]) best = i + k * inner;
            out.data[best] = 1;
          }
          return out;
        }),
      );
    },
  },
];
