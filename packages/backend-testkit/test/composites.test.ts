import { type Backend, composable } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { expect, it } from 'vitest';
import { testBackend } from '../src';

// A backend of primitives alone passes: dispatch composes the others.
const kernels: Record<string, unknown> = { ...referenceBackend.kernels };
for (const name of composable.training) delete kernels[name];
const { fallback: _, ...storage } = referenceBackend;
const primitives: Backend = Object.assign(Object.create(referenceBackend), {
  ...storage,
  name: 'primitives',
  kernels,
});

it('it has no composites of its own, and no fallback', () => {
  expect(composable.training.length).toBeGreaterThan(0);
  expect(primitives.fallback).toBeUndefined();
});

testBackend({ backend: primitives, profile: 'training' });
