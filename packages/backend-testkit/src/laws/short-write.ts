import { hostArray } from '@octet/backend';
import { demand, type Law } from './law';

export const shortWrite: Law = {
  name: 'writing less than the buffer holds leaves the rest',
  async check(backend) {
    for (const dtype of backend.dtypes) {
      const buffer = backend.allocate(dtype, 10);
      backend.write(buffer, hostArray(dtype, 10).fill(1));
      backend.write(buffer, hostArray(dtype, 3).fill(0));
      const found = await backend.read(buffer, 10);
      demand(
        `${found}` === '0,0,0,1,1,1,1,1,1,1',
        `${dtype}: after a write of 3 zeros over 10 ones: ${found}`,
      );
      backend.free(buffer);
    }
  },
};
