import type { WasmKernel } from '../kernel';

/** Elements worth a thread. */
const grainElements = 16_384;

/** How a function of assembly/softmax.ts goes along [outer, n, inner]: units are rows, or strips of four columns. */
function along([outer, n, inner]: readonly number[]) {
  const lanes = inner === 1 ? 1 : 4;
  const grain = Math.ceil(grainElements / (lanes * n + 1));
  return { n, inner, units: outer * Math.ceil(inner / 4), grain };
}

/** The same where units are single columns. */
function byColumn([outer, n, inner]: readonly number[]) {
  return { n, inner, units: outer * inner, grain: Math.ceil(grainElements / (n + 1)) };
}

function overRows(name: 'softmax' | 'logSoftmax' | 'amax'): WasmKernel<'softmax' | 'logSoftmax' | 'amax'> {
  return (cx, { x, y }) => {
    const { n, inner, units, grain } = along(x.shape);
    cx.parallel(name, { x: cx.address(x), y: cx.address(y), n, inner }, units, grain);
  };
}

type Backward = 'softmaxBackward' | 'logSoftmaxBackward';

function backward(name: Backward): WasmKernel<Backward> {
  return (cx, { y, gradY, gradX }) => {
    const { n, inner, units, grain } = along(y.shape);
    const args = { y: cx.address(y), gradY: cx.address(gradY), gradX: cx.address(gradX), n, inner };
    cx.parallel(name, args, units, grain);
  };
}

export const softmax = overRows('softmax');
export const logSoftmax = overRows('logSoftmax');
export const softmaxBackward = backward('softmaxBackward');
export const logSoftmaxBackward = backward('logSoftmaxBackward');
export const amax = overRows('amax');

export const amaxBackward: WasmKernel<'amaxBackward'> = (cx, { x, y, gradY, gradX }) => {
  const { n, inner, units, grain } = byColumn(x.shape);
  const [xAt, yAt] = [cx.address(x), cx.address(y)];
  const args = { x: xAt, y: yAt, gradY: cx.address(gradY), gradX: cx.address(gradX), n, inner };
  cx.parallel('amaxBackward', args, units, grain);
};

export const argmax: WasmKernel<'argmax'> = (cx, { x, y }) => {
  const { n, inner, units, grain } = byColumn(x.shape);
  cx.parallel('argmax', { x: cx.address(x), y: cx.address(y), n, inner }, units, grain);
};

export const variance: WasmKernel<'variance'> = (cx, { x, y, mean }, { correction }) => {
  const { n, inner, units, grain } = byColumn(x.shape);
  const args = { x: cx.address(x), y: cx.address(y), mean: cx.address(mean), n, inner, correction };
  cx.parallel('variance', args, units, grain);
};
