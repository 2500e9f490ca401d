import { expect, test } from 'vitest';
import { batchNorm, conv2d, noGrad, ones, randn, zeros } from '../src';

/** Bytes behind typed arrays, the memory of the js backend. */
const used = () => process.memoryUsage().arrayBuffers;
const MiB = 2 ** 20;

// Seconds alone, more on a busy machine.
test('a plain training loop runs in bounded memory', () => {
  const x = randn([12, 3, 28, 28]);
  const weight = randn([16, 3, 3, 3], { requiresGrad: true });
  const [gamma, beta] = [ones([16], { requiresGrad: true }), zeros([16], { requiresGrad: true })];
  const [runningMean, runningVar] = [zeros([16]), ones([16])];
  const params = [weight, gamma, beta];
  let allocated = 0;
  let peak = 0;
  const start = used();
  for (let i = 0; i < 100; i++) {
    const y = conv2d(x, weight, undefined, { padding: 1 });
    const z = batchNorm(y, { runningMean, runningVar, weight: gamma, bias: beta, training: true }).relu();
    z.square().mean().backward();
    noGrad(() => {
      for (const p of params) {
        p.copy_(p.sub((p.grad as typeof p).mul(0.01)));
        p.grad = undefined;
      }
    });
    // At least conv, norm, relu and square, forward and backward.
    allocated += 8 * y.nbytes;
    peak = Math.max(peak, used() - start);
  }
  expect(allocated).toBeGreaterThan(400 * MiB);
  expect(peak).toBeLessThan(120 * MiB);
}, 30_000);
