import {
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  type Module,
  ReLU,
  Sigmoid,
  Softmax,
  Tanh,
} from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { HostTensor, onHost } from '../../host-tensor';
import type { OnnxNode } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, fromFront, hostUnary, onBackend } from './helpers';

/** A layer of nn without weights; a shape stays as it is. */
function activation(op: string, since: number, make: (node: OnnxNode) => Module, domain = ''): OnnxOperator {
  return {
    ...{ op, since, domain },
    import: (node) => node.layer(make(node), [node.input(0)], { rank: node.input(0).rank }),
  };
}

/** A composition of tensor functions, which `make` chooses by the attributes. */
function composed(op: string, since: number, make: (node: OnnxNode) => (x: Tensor) => Tensor): OnnxOperator {
  return {
    op,
    since,
    import: (node) => node.call1(onBackend(make(node)), [node.input(0)], { rank: node.input(0).rank }),
  };
}

/** log(1 + e^x), stable. */
function softplus(x: Tensor): Tensor {
  return x.relu().add(x.abs().neg().exp().add(1).log());
}

/** x where it is positive, else scale · (e^(x / alpha) - 1). */
function exponentialUnit(x: Tensor, scale: number, alpha = 1): Tensor {
  return x.relu().add(
    x
      .clamp(undefined, 0)
      .mul(1 / alpha)
      .exp()
      .affine(scale, -scale),
  );
}

/** x where it is positive, else slope · x. */
function prelu(x: Tensor, slope: Tensor): Tensor {
  return x.relu().sub(x.neg().relu().mul(slope));
}

function geluTanh(x: Tensor): Tensor {
  const inner = x.add(x.square().mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(inner.tanh().affine(0.5, 0.5));
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
        return node.call1(onBackend(geluTanh), [node.input(0)], { rank });
      return node.layer(new GELU(), [node.input(0)], { rank });
    },
  },
  activation('Gelu', 1, () => new GELU(), 'com.microsoft'),
  {
    op: 'HardSigmoid',
    since: 1,
    import(node) {
      const [alpha, beta] = [node.float('alpha', 0.2), node.float('beta', 0.5)];
      const { rank } = node.input(0);
      if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5)
        return node.layer(new Hardsigmoid(), [node.input(0)], { rank });
      return node.call1(
        onBackend((x) => x.affine(alpha, beta).clamp(0, 1)),
        [node.input(0)],
        { rank },
      );
    },
  },
  composed('Elu', 1, (node) => {
    const alpha = node.float('alpha', 1);
    return (x) => exponentialUnit(x, alpha);
  }),
  composed('Celu', 12, (node) => {
    const alpha = node.float('alpha', 1);
    return (x) => exponentialUnit(x, alpha, alpha);
  }),
  composed('Selu', 1, (node) => {
    const [alpha, gamma] = [node.float('alpha', 1.6732631921768188), node.float('gamma', 1.0507010221481323)];
    return (x) => exponentialUnit(x, alpha).mul(gamma);
  }),
  composed('Softplus', 1, () => softplus),
  composed('Softsign', 1, () => (x) => x.div(x.abs().add(1))),
  composed('Mish', 18, () => (x) => x.mul(softplus(x).tanh())),
  composed('Swish', 24, (node) => {
    const alpha = node.float('alpha', 1);
    return (x) => x.mul(x.mul(alpha).sigmoid());
  }),
  {
    op: 'ThresholdedRelu',
    since: 10,
    import(node) {
      const alpha = node.float('alpha', 1);
      return node.call1(
        onHost('ThresholdedRelu', (x) => hostUnary(x as HostTensor, 'float32', (v) => (v > alpha ? v : 0))),
      );
    },
  },
  {
    op: 'PRelu',
    since: 7,
    inputs: 2,
    import: (node) => node.call1(onBackend(prelu), node.inputs, { rank: node.input(0).rank }),
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
