import type { KernelFamily } from '../kernel';
import { maxLanes, sumLanes } from '../wgsl/reduce';
import { planRows, rowProgram } from '../wgsl/rows';
import { asNan } from '../wgsl/special';

const forward = (name: string, result: string) =>
  rowProgram({
    name,
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    include: [maxLanes, sumLanes, asNan],
    main: `
  // The lowest number: WGSL has no infinity.
  var largest = -0x1.fffffep+127f;
  // Whether a NaN or +infinity is there, which makes NaN of the row.
  var strange = 0.0;
  for (var at = first; at < end; at += step) {
    let bits = bitcast<u32>(x[at]);
    if (bits == 0x7f800000u || (bits & 0x7fffffffu) > 0x7f800000u) { strange = 1.0; }
    else { largest = max(largest, x[at]); }
  }
  largest = maxLanes(largest, lane, u.rows);
  strange = maxLanes(strange, lane, u.rows);
  var total = 0.0;
  for (var at = first; at < end; at += step) { total += exp(x[at] - largest); }
  total = sumLanes(total, lane, u.rows);
  for (var at = first; at < end; at += step) {
    y[at] = select(${result}, asNan(x[at]), strange > 0.0 || total == 0.0);
  }`,
  });

const backward = (name: string, term: string, result: string) =>
  rowProgram({
    name,
    inputs: { y: 'f32', gradY: 'f32' },
    outputs: { gradX: 'f32' },
    include: [sumLanes],
    main: `
  var total = 0.0;
  for (var at = first; at < end; at += step) { total += ${term}; }
  total = sumLanes(total, lane, u.rows);
  for (var at = first; at < end; at += step) { gradX[at] = ${result}; }`,
  });

const softmaxForward = forward('softmax', 'exp(x[at] - largest) / total');
// Two subtractions: largest + log(total) would lose the small one.
const logSoftmaxForward = forward('logSoftmax', 'x[at] - largest - log(total)');
const softmaxBackward = backward('softmaxBackward', 'gradY[at] * y[at]', 'y[at] * (gradY[at] - total)');
const logSoftmaxBackward = backward('logSoftmaxBackward', 'gradY[at]', 'gradY[at] - exp(y[at]) * total');

export const softmax: KernelFamily<'softmax' | 'softmaxBackward' | 'logSoftmax' | 'logSoftmaxBackward'> = (
  gpu,
) => ({
  softmax: ({ x, y }) => gpu.run(softmaxForward, { x, y }, ...planRows(x)),
  softmaxBackward: ({ y, gradY, gradX }) => gpu.run(softmaxBackward, { y, gradY, gradX }, ...planRows(y)),
  logSoftmax: ({ x, y }) => gpu.run(logSoftmaxForward, { x, y }, ...planRows(x)),
  logSoftmaxBackward: ({ y, gradY, gradX }) =>
    gpu.run(logSoftmaxBackward, { y, gradY, gradX }, ...planRows(y)),
});
