import { hostArray } from '@octet/backend';
import { demand, type Law } from './law';

export const copies: Law = {
  name: 'write and read copy: neither array stays tied to the buffer',
  async check(backend) {
    for (const dtype of backend.dtypes) {
      const buffer = backend.allocate(dtype, 4);
      const source = hostArray(dtype, 4).fill(1);
      backend.write(buffer, source);
      source.fill(0);
      const reads = [await backend.read(buffer, 4)];
      if (backend.readSync) reads.push(backend.readSync(buffer, 4));
      for (const read of reads) {
        demand(
          `${read}` === '1,1,1,1',
          `${dtype}: the buffer changed with the array that was written: ${read}`,
        );
      }
      reads[0].fill(0);
      const again = await backend.read(buffer, 4);
      demand(`${again}` === '1,1,1,1', `${dtype}: the buffer changed with the array that was read: ${again}`);
      const reading = backend.read(buffer, 4);
      backend.write(buffer, hostArray(dtype, 4));
      demand(`${again}` === '1,1,1,1', `${dtype}: an array that was read changed with the buffer: ${again}`);
      const early = await reading;
      demand(`${early}` === '1,1,1,1', `${dtype}: a read gave what was written after it: ${early}`);
      const last = backend.read(buffer, 4);
      backend.free(buffer);
      demand(`${await last}` === '0,0,0,0', `${dtype}: a read didn't survive a free after it: ${await last}`);
    }
  },
};
