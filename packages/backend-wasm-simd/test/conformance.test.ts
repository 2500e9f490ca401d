import { profiles } from '@octet/backend';
import { testBackend } from '@octet/backend-testkit';
import { expect, it } from 'vitest';
import { createWasmBackend } from '../src';
import { createVariant, int8Variants } from './variants';

it.each(Object.keys(profiles) as (keyof typeof profiles)[])('has every kernel of %s', async (profile) => {
  const backend = await createWasmBackend({ threads: 1 });
  const lacking = profiles[profile].filter((kernel) => !backend.kernels[kernel]);
  expect(lacking).toEqual([]);
  backend.dispose?.();
});

const variants = [
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: true, threads: 2, maxGrain: 1 },
];

for (const options of variants) {
  // What inference-float asks for is part of training.
  for (const profile of ['inference-int8', 'training'] as const) {
    const backend = async () => {
      const made = await createWasmBackend(options);
      await made.ready;
      return made;
    };
    testBackend({ backend, profile });
  }
}

// Those that differ in int8 alone.
for (const variant of int8Variants.filter(({ emulated, dot }) => emulated ?? dot)) {
  testBackend({ backend: () => createVariant(variant), profile: 'inference-int8' });
}
