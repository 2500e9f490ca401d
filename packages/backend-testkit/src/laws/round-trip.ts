import { hostArray, isFloatDType, type StorageDType, type TypedArray } from '@octet/backend';
import { demand, type Law } from './law';

function sample(dtype: StorageDType, length: number): TypedArray {
  const data = hostArray(dtype, length);
  for (let i = 0; i < length; i++) data[i] = dtype === 'bool' ? i % 2 : (i * 89 + 3) % 256;
  const special = isFloatDType(dtype) ? [Number.NaN, Infinity, -Infinity, -0, 1e-30, -1.1] : [];
  if (dtype === 'int8') special.push(-128, 127);
  if (dtype === 'int32') special.push(-(2 ** 31), 2 ** 31 - 1);
  data.set(special.slice(0, length));
  return data;
}

export const roundTrip: Law = {
  name: 'what is written is what is read, for every dtype and length',
  async check(backend) {
    demand(backend.dtypes.length > 0, `'${backend.name}' claims no dtype`);
    for (const dtype of backend.dtypes) {
      for (const length of [0, 1, 3, 7, 1000]) {
        const what = `${length} elements of ${dtype}`;
        const buffer = backend.allocate(dtype, length);
        const data = sample(dtype, length);
        backend.write(buffer, data);
        const reads = [await backend.read(buffer, length)];
        if (backend.readSync) reads.push(backend.readSync(buffer, length));
        if (length > 3) reads.push(await backend.read(buffer, 3));
        for (const read of reads) {
          demand(
            read.constructor === data.constructor,
            `${what}: read gave a ${read.constructor.name}, expected a ${data.constructor.name}`,
          );
          read.forEach((v, i) => {
            demand(Object.is(v, data[i]), `${what}: element ${i} was written as ${data[i]}, read as ${v}`);
          });
        }
        const lengths = reads.map((read) => read.length);
        const expected = reads.map((_, i) => (length > 3 && i === reads.length - 1 ? 3 : length));
        demand(`${lengths}` === `${expected}`, `${what}: reads gave ${lengths} elements, not ${expected}`);
        backend.free(buffer);
      }
    }
  },
};
