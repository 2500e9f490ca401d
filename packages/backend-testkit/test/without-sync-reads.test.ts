import { referenceBackend } from '@octet/backend-js-reference';
import { expect, it } from 'vitest';
import { laws, withoutSyncReads } from '../src';

const backend = withoutSyncReads({ ...referenceBackend, fallback: referenceBackend });

it.each(laws)('$name', (law) => law.check(backend));

it('reads later what was there at the call', async () => {
  const buffer = backend.allocate('float32', 2);
  backend.write(buffer, Float32Array.of(1, 2));
  let arrived = false;
  const reading = backend.read(buffer, 2).finally(() => {
    arrived = true;
  });
  backend.write(buffer, Float32Array.of(3, 4));
  await Promise.resolve();
  expect(arrived).toBe(false);
  expect(await reading).toEqual(Float32Array.of(1, 2));
  expect(backend).toMatchObject({ name: 'async-js', readSync: undefined, fallback: undefined });
});
