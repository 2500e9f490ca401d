import { referenceBackend } from '@octet/backend-js-reference';
import { expect, it, vi } from 'vitest';
import { testBackend } from '../src';

const said: unknown[] = [];
const spy = vi.spyOn(console, 'info').mockImplementation((message) => void said.push(message));

// A backend without one kernel: its suite passes, and says what it left out.
const { qmul: _, ...kernels } = referenceBackend.kernels;
testBackend({
  backend: Object.assign(Object.create(referenceBackend), { name: 'partial', kernels }),
  profile: 'inference-int8',
  skip: { qmul: 'not needed by any model yet' },
});
spy.mockRestore();

it('prints the reason of a skip', () => {
  expect(said).toEqual(["partial, inference-int8: kernel 'qmul' is skipped: not needed by any model yet"]);
});
