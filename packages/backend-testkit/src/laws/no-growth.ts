import { dispatch, hostArray } from '@octet/backend';
import { demand, type Law } from './law';

const rounds = 1000;

export const noGrowth: Law = {
  name: `${rounds} rounds of allocate, run and free hold no more memory than before`,
  lacks: (backend) => (backend.memory ? undefined : "the backend has no memory(): leaks can't be seen"),
  async check(backend) {
    const [dtype] = backend.dtypes;
    const shape = [1000];
    const round = () => {
      const buffer = backend.allocate(dtype, 1000);
      backend.write(buffer, hostArray(dtype, 1000));
      if (backend.kernels.fill) dispatch(backend, 'fill', {}, { y: { buffer, dtype, shape } }, { value: 1 });
      return buffer;
    };
    const first = round();
    await backend.read(first, 1);
    backend.free(first);
    if (!backend.memory) return;
    const before = backend.memory();
    for (let i = 0; i < rounds; i++) backend.free(round());
    const held = round();
    await backend.read(held, 1);
    const during = backend.memory();
    backend.free(held);
    const after = backend.memory();
    demand(
      after.buffers <= before.buffers && after.bytes <= before.bytes,
      `memory() was ${JSON.stringify(before)} before ${rounds} rounds, and is ${JSON.stringify(after)}`,
    );
    demand(
      during.buffers > after.buffers && during.bytes > after.bytes,
      `memory() must count a buffer until it is freed: ${JSON.stringify(during)}, then ${JSON.stringify(after)}`,
    );
  },
};
