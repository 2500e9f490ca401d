// Optimizer steps, elementwise. A unit is a block of BLOCK elements.
import { OPTIMIZER_BLOCK as BLOCK } from './constants';
import { storeLanes32 } from './lanes';

/** g = sign · grad + decay · param; param -= rate · g */
export function sgdPlain(
  grad: usize, param: usize, n: i32, sign: f32, decay: f32, rate: f32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const signs = f32x4.splat(sign), decays = f32x4.splat(decay), rates = f32x4.splat(rate);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2;
    const p = v128.load(param + at);
    const g = f32x4.add(f32x4.mul(v128.load(grad + at), signs), f32x4.mul(p, decays));
    storeLanes32(param + at, f32x4.sub(p, f32x4.mul(g, rates)), last - i);
  }
}

/** The same, through buffer = first ? g : momentum · buffer + take · g; nesterov: param -= rate · (g + momentum · buffer) */
export function sgdMomentum(
  grad: usize, param: usize, buffer: usize, n: i32, sign: f32, decay: f32, rate: f32, momentum: f32, take: f32,
  nesterov: bool, first: bool, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const signs = f32x4.splat(sign), decays = f32x4.splat(decay), rates = f32x4.splat(rate);
  const momenta = f32x4.splat(momentum), takes = f32x4.splat(take);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2;
    const p = v128.load(param + at);
    const g = f32x4.add(f32x4.mul(v128.load(grad + at), signs), f32x4.mul(p, decays));
    let b = g;
    // The buffer may hold anything at the first step, NaN too.
    if (!first) b = f32x4.add(f32x4.mul(v128.load(buffer + at), momenta), f32x4.mul(g, takes));
    storeLanes32(buffer + at, b, last - i);
    const step = nesterov ? f32x4.add(g, f32x4.mul(b, momenta)) : b;
    storeLanes32(param + at, f32x4.sub(p, f32x4.mul(step, rates)), last - i);
  }
}

/** Adam and its relatives; maxSquare is 0 without amsgrad. */
export function adam(
  grad: usize, param: usize, average: usize, square: usize, maxSquare: usize, n: i32, sign: f32, decay: f32, shrink: f32,
  beta1: f32, take1: f32, beta2: f32, take2: f32, rate: f32, unbias: f32, eps: f32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const signs = f32x4.splat(sign), decays = f32x4.splat(decay), shrinks = f32x4.splat(shrink);
  const betas1 = f32x4.splat(beta1), takes1 = f32x4.splat(take1);
  const betas2 = f32x4.splat(beta2), takes2 = f32x4.splat(take2);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2;
    const p = v128.load(param + at);
    const g = f32x4.add(f32x4.mul(v128.load(grad + at), signs), f32x4.mul(p, decays));
    const m = f32x4.add(f32x4.mul(v128.load(average + at), betas1), f32x4.mul(g, takes1));
    let v = f32x4.add(f32x4.mul(v128.load(square + at), betas2), f32x4.mul(f32x4.mul(g, g), takes2));
    storeLanes32(average + at, m, last - i);
    storeLanes32(square + at, v, last - i);
    if (maxSquare) {
      v = f32x4.max(v, v128.load(maxSquare + at));
      storeLanes32(maxSquare + at, v, last - i);
    }
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(unbias)), f32x4.splat(eps));
    const step = f32x4.div(f32x4.mul(m, f32x4.splat(rate)), root);
    storeLanes32(param + at, f32x4.sub(f32x4.mul(p, shrinks), step), last - i);
  }
}
