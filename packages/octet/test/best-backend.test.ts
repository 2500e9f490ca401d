import { expect, test } from 'vitest';
import { bestBackend } from '../src';

test('says why those before it are passed over', async () => {
  const { name, backend, passedOver } = await bestBackend({ order: ['wasm', 'js'] });
  expect([name, backend.name, passedOver]).toEqual(['wasm', 'wasm-simd', []]);
  (backend as { dispose?(): void }).dispose?.();
  const none = await bestBackend({ order: ['js'] });
  expect(none.backend.name).toBe('js');
});

test('without a GPU', async () => {
  const { name, passedOver } = await bestBackend();
  // Where there is one, the test has nothing to say.
  if (name === 'webgpu') return;
  expect(passedOver[0]).toMatchObject({ name: 'webgpu', reason: expect.stringMatching(/GPU/) });
});

test('refuses other names and an empty order', async () => {
  await expect(bestBackend({ order: ['cuda' as never] })).rejects.toThrow('webgpu, wasm, js');
  await expect(bestBackend({ order: [] })).rejects.toThrow('an empty order');
  await expect(bestBackend({ wasm: true } as never)).rejects.toThrow('wasm');
});
