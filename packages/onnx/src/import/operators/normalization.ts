import {
  BatchNorm1d,
  BatchNorm2d,
  Buffer,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  LocalResponseNorm,
  skipInit,
} from '@octet/nn';
import { batchNorm, layerNorm, type Tensor } from '@octet/tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { parameter } from '../weights';
import { axisOf, onBackend } from './helpers';

/** A vector of channels as it meets x [N, C, …]. */
function perChannel(v: Tensor, x: Tensor): Tensor {
  return v.reshape([v.numel, ...new Array<number>(Math.max(0, x.dim - 2)).fill(1)]);
}

/** Normalised by the batch's own mean and (biased) variance; the running ones follow. */
function batchStatistics(node: OnnxNode): Operand[] {
  const [eps, stays] = [node.float('epsilon', 1e-5), node.float('momentum', 0.9)];
  const count = node.outputs.length;
  return node.call(
    onBackend((x, weight, bias, runningMean, runningVar) => {
      const dims = x.shape.map((_, d) => d).filter((d) => d !== 1);
      const mean = x.mean(dims);
      const centred = x.sub(perChannel(mean, x));
      const variance = centred.square().mean(dims);
      const normal = centred.mul(perChannel(variance.add(eps).pow(-0.5), x));
      const y = normal.mul(perChannel(weight, x)).add(perChannel(bias, x));
      const moved = (running: Tensor, now: Tensor) => running.mul(stays).add(now.mul(1 - stays));
      return [y, moved(runningMean, mean), moved(runningVar, variance)].slice(0, count);
    }),
    node.inputs,
    { outputs: count, rank: node.input(0).rank, fold: false },
  );
}

function batchNormalization(node: OnnxNode): Operand | readonly Operand[] {
  if (node.flag('training_mode')) return batchStatistics(node);
  if (node.outputs.slice(1).some((o) => o !== '')) node.unsupported('training mode');
  const [x, scale, shift, mean, variance] = [0, 1, 2, 3, 4].map((i) => node.input(i));
  const eps = node.float('epsilon', 1e-5);
  const constants = [scale, shift, mean, variance].map((o) => o.constant);
  const size = constants[0]?.numel ?? 0;
  const known = constants.every((c) => c?.dim === 1 && c.numel === size && c.dtype === 'float32') && size > 0;
  if (known && x.rank !== undefined && x.rank >= 2 && x.rank <= 4) {
    // ONNX's momentum is how much of the old stays.
    const options = { eps, momentum: 1 - node.float('momentum', 0.9) };
    const layer = skipInit(() =>
      x.rank === 4 ? new BatchNorm2d(size, options) : new BatchNorm1d(size, options),
    );
    const [w, b, m, v] = constants.map((c) => parameter(c as NonNullable<typeof c>));
    Object.assign(layer, {
      weight: w,
      bias: b,
      runningMean: new Buffer(m.detach()),
      runningVar: new Buffer(v.detach()),
    });
    return node.layer(layer, [x], { weight: scale, rank: x.rank })[0];
  }
  return node.call1(
    onBackend((t, weight, bias, runningMean, runningVar) => {
      const flat = t.dim > 4 ? t.reshape([t.shape[0], t.shape[1], -1]) : t;
      return batchNorm(flat, { weight, bias, runningMean, runningVar, eps }).reshape(t.shape);
    }),
    node.inputs,
    { rank: x.rank, fold: false },
  );
}

function layerNormalization(node: OnnxNode): Operand | Operand[] {
  const [x, scale, shift] = [node.input(0), node.input(1), node.inputs[2]];
  const axis = node.int('axis', -1);
  const eps = node.float('epsilon', 1e-5);
  const wanted = node.outputs.filter((o) => o !== '').length;
  const [w, b] = [scale.constant, shift?.constant];
  if (
    axis === -1 &&
    wanted === 1 &&
    w?.dim === 1 &&
    w.numel > 0 &&
    (!shift || (b?.dim === 1 && b.numel === w.numel))
  ) {
    const layer = skipInit(() => new LayerNorm([w.numel], { eps }));
    Object.assign(layer, { weight: parameter(w), bias: b && parameter(b) });
    return node.layer(layer, [x], { weight: scale, rank: x.rank });
  }
  return node.call(
    onBackend((t, weight, bias) => {
      const at = axisOf(axis, t.dim);
      const dims = t.shape.map((_, d) => d).slice(at);
      const scaled = layerNorm(t, t.shape.slice(at), undefined, undefined, eps).mul(weight);
      const y = bias ? scaled.add(bias) : scaled;
      if (node.outputs.length === 1) return y;
      const mean = t.mean(dims, true);
      const inverse = t.sub(mean).square().mean(dims, true).add(eps).pow(-0.5);
      return [y, mean, inverse].slice(0, node.outputs.length);
    }),
    node.inputs,
    { rank: x.rank, fold: false, outputs: node.outputs.length },
  );
}

/** x [N, C, …] in groups of channels, each normalised by itself; scale and bias per channel or per group. */
function groupNorm(x: Tensor, groups: number, scale: Tensor, bias: Tensor, eps: number): Tensor {
  const [n, c] = x.shape;
  const rows = x.reshape([n * groups, n * groups === 0 ? 0 : x.numel / (n * groups)]);
  const y = layerNorm(rows, [rows.shape[1]], undefined, undefined, eps);
  const per = scale.numel;
  const shaped = y.reshape([n, per, per === 0 ? 0 : x.numel / (n * per)]);
  const column = (v: Tensor) => v.reshape([per, 1]);
  return per === c || per === groups
    ? shaped.mul(column(scale)).add(column(bias)).reshape(x.shape)
    : y.reshape(x.shape).mul(perChannel(scale, x)).add(perChannel(bias, x));
}

/** A layer whose weight and bias are the second and third input, if those are constant vectors of the same size. */
function affineLayer<L extends GroupNorm | InstanceNorm1d | InstanceNorm2d>(
  node: OnnxNode,
  make: (channels: number) => L,
): L | undefined {
  const [w, b] = [node.input(1).constant, node.input(2).constant];
  const vectors = [w, b].every((c) => c?.dim === 1 && c.dtype === 'float32' && c.numel === w?.numel);
  if (!w || !b || !vectors || w.numel === 0) return undefined;
  const layer = skipInit(() => make(w.numel));
  return Object.assign(layer, { weight: parameter(w), bias: parameter(b) });
}

function rmsNorm(node: OnnxNode): Operand {
  const axis = node.int('axis', -1);
  const eps = node.float('epsilon', 1e-5);
  return node.call1(
    onBackend((x, scale) => {
      const dims = x.shape.map((_, d) => d).slice(axisOf(axis, x.dim));
      return x.mul(x.square().mean(dims, true).add(eps).pow(-0.5)).mul(scale);
    }),
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

/** Across `size` neighbouring channels: x / (bias + alpha / size · Σ x²)^beta. */
function localResponse(node: OnnxNode): Operand {
  const size = node.int('size', 0);
  if (size < 1 || size > 2 ** 12) throw node.wrong('a size >= 1', String(size));
  const [alpha, beta, bias] = [node.float('alpha', 1e-4), node.float('beta', 0.75), node.float('bias', 1)];
  const { rank } = node.input(0);
  // Of an even size PyTorch has one more channel before.
  if (size % 2 === 1 && rank !== undefined && rank >= 3)
    return node.layer(new LocalResponseNorm(size, { alpha, beta, k: bias }), [node.input(0)], { rank })[0];
  return node.call1(
    onBackend((x) => {
      const before = Math.floor((size - 1) / 2);
      const rest = new Array<number>(2 * (x.dim - 2)).fill(0);
      const squares = x.square().pad([...rest, before, size - 1 - before]);
      let total = squares.slice(1, 0, x.shape[1]);
      for (let k = 1; k < size; k++) total = total.add(squares.slice(1, k, k + x.shape[1]));
      return x.mul(total.affine(alpha / size, bias).pow(-beta));
    }),
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

/** x over its norm along an axis. */
function lpNormalization(node: OnnxNode): Operand {
  const [axis, p] = [node.int('axis', -1), node.int('p', 2)];
  return node.call1(
    onBackend((x) => {
      const dim = axisOf(axis, x.dim);
      const norm = p === 1 ? x.abs().sum(dim, true) : x.square().sum(dim, true).sqrt();
      // 0 / 0 is 0 here.
      return x.div(norm.clamp(1e-37));
    }),
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

/** com.microsoft's sum of two tensors (and a bias), normalised; the fourth output is the sum. */
function skipLayerNormalization(node: OnnxNode): Operand[] {
  const simple = node.op === 'SkipSimplifiedLayerNormalization';
  const eps = node.float('epsilon', 1e-5);
  const sums = node.outputs[3] ? 2 : 1;
  if (node.outputs[1] || node.outputs[2]) node.unsupported('mean and deviation as outputs');
  // The simplified one has no shift.
  const [x, skip, scale, ...more] = node.inputs;
  const [shift, bias] = simple ? [undefined, ...more] : more;
  const made = node.call(
    onBackend((a, b, weight, beta, added) => {
      const sum = added ? a.add(b).add(added) : a.add(b);
      const y = simple
        ? sum.mul(sum.square().mean(-1, true).add(eps).pow(-0.5)).mul(weight)
        : layerNorm(sum, [sum.shape[sum.dim - 1]], weight, beta, eps);
      return sums === 2 ? [y, sum] : y;
    }),
    [x, skip, scale, shift, bias],
    { rank: node.input(0).rank, fold: false, outputs: sums },
  );
  return sums === 2 ? [made[0], made[0], made[0], made[1]] : made;
}

export const normalization = (): readonly OnnxOperator[] => [
  { op: 'BatchNormalization', since: 1, inputs: 5, import: batchNormalization },
  { op: 'LayerNormalization', since: 17, inputs: 2, import: layerNormalization },
  { op: 'LayerNormalization', domain: 'com.microsoft', since: 1, inputs: 2, import: layerNormalization },
  {
    op: 'InstanceNormalization',
    since: 1,
    inputs: 3,
    import(node) {
      const eps = node.float('epsilon', 1e-5);
      const { rank } = node.input(0);
      const Layer = rank === 3 ? InstanceNorm1d : InstanceNorm2d;
      const make = (channels: number) => new Layer(channels, { eps, affine: true });
      const layer = rank === 3 || rank === 4 ? affineLayer(node, make) : undefined;
      if (layer) return node.layer(layer, [node.input(0)], { weight: node.input(1), rank });
      return node.call1(
        onBackend((x, scale, bias) => groupNorm(x, x.shape[1], scale, bias, eps)),
        node.inputs,
        { rank: node.input(0).rank, fold: false },
      );
    },
  },
  {
    op: 'GroupNormalization',
    since: 18,
    inputs: 3,
    import(node) {
      const [groups, eps] = [node.int('num_groups', 1), node.float('epsilon', 1e-5)];
      const { rank } = node.input(0);
      // Up to version 20 scale and bias are of groups.
      const ofChannels = (node.input(1).constant?.numel ?? 0) > groups;
      const layer = ofChannels
        ? affineLayer(node, (channels) => new GroupNorm(groups, channels, { eps }))
        : undefined;
      if (layer) return node.layer(layer, [node.input(0)], { weight: node.input(1), rank });
      return node.call1(
        onBackend((x, scale, bias) => groupNorm(x, groups, scale, bias, eps)),
        node.inputs,
        { rank: node.input(0).rank, fold: false },
      );
    },
  },
  { op: 'RMSNormalization', since: 23, inputs: 2, import: rmsNorm },
  { op: 'SimplifiedLayerNormalization', since: 1, inputs: 2, import: rmsNorm },
  ...['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization'].map((op) => ({
    ...{ op, domain: 'com.microsoft', since: 1, inputs: 3 },
    import: skipLayerNormalization,
  })),
  { op: 'LRN', since: 1, import: localResponse },
  { op: 'LpNormalization', since: 1, import: lpNormalization },
  {
    op: 'MeanVarianceNormalization',
    since: 9,
    import(node) {
      const axes = node.ints('axes') ?? [0, 2, 3];
      return node.call1(
        onBackend((x) => {
          const centred = x.sub(x.mean(axes, true));
          return centred.div(centred.square().mean(axes, true).sqrt().add(1e-9));
        }),
        node.inputs,
        { rank: node.input(0).rank, fold: false },
      );
    },
  },
];
