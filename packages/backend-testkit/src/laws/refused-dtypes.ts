import type { StorageDType } from '@octet/backend';
import { demand, demandError, type Law } from './law';

const all: readonly StorageDType[] = ['float32', 'float64', 'int32', 'uint8', 'int8', 'bool'];

export const refusedDTypes: Law = {
  name: 'allocating a dtype that is not claimed throws a typed error that names it',
  async check(backend) {
    const refused = [...all.filter((dtype) => !backend.dtypes.includes(dtype)), 'complex64' as StorageDType];
    for (const dtype of refused) {
      const { message } = await demandError(`allocate('${dtype}', 4)`, undefined, () =>
        backend.allocate(dtype, 4),
      );
      demand(
        message.includes(dtype),
        `allocate('${dtype}', 4): the error doesn't name the dtype: ${message}`,
      );
    }
  },
};
