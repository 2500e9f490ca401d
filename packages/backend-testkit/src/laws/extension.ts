import { dispatch, extendBackend, hostArray } from '@octet/backend';
import { demand, type Law } from './law';

export const extension: Law = {
  name: 'extendBackend swaps a kernel and keeps storage and the other kernels',
  async check(backend) {
    let seen: unknown;
    const extended = extendBackend(backend, {
      name: `${backend.name}-extended`,
      kernels: {
        fill: ({ y }) => {
          seen = y.buffer;
        },
      },
    });
    const [dtype] = extended.dtypes;
    const y = { buffer: extended.allocate(dtype, 2), dtype, shape: [2] };
    extended.write(y.buffer, hostArray(dtype, 2).fill(1));
    dispatch(extended, 'fill', {}, { y }, { value: 0 });
    demand(seen === y.buffer, 'the swapped kernel must get the very buffers that allocate gave');
    const found = await extended.read(y.buffer, 2);
    demand(`${found}` === '1,1', `the swapped kernel does nothing, but the buffer changed to ${found}`);
    for (const [name, kernel] of Object.entries(backend.kernels)) {
      if (name === 'fill') continue;
      demand(extended.kernels[name as 'add'] === kernel, `extending lost or changed the kernel '${name}'`);
    }
    extended.free(y.buffer);
  },
};
