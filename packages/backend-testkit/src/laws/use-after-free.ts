import { hostArray } from '@octet/backend';
import { demandError, type Law } from './law';

export const useAfterFree: Law = {
  name: 'read, readSync and write after free throw FreedError',
  async check(backend) {
    for (const dtype of backend.dtypes) {
      const buffer = backend.allocate(dtype, 5);
      backend.free(buffer);
      // Another allocation may take the same memory: the old buffer must not reach it.
      const next = backend.allocate(dtype, 5);
      await demandError('read after free', 'FreedError', () => backend.read(buffer, 5));
      await demandError('write after free', 'FreedError', () => backend.write(buffer, hostArray(dtype, 5)));
      if (backend.readSync) {
        await demandError('readSync after free', 'FreedError', () => backend.readSync?.(buffer, 5));
      }
      backend.free(next);
    }
  },
};
