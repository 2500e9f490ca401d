import { demandError, type Law } from './law';

export const doubleFree: Law = {
  name: 'freeing twice throws FreedError',
  async check(backend) {
    const buffer = backend.allocate(backend.dtypes[0], 5);
    backend.free(buffer);
    await demandError('a second free', 'FreedError', () => backend.free(buffer));
  },
};
