import { offline } from '@octet/web/offline';
import { page } from '@octet/web/vite';

export default page({
  plugins: [
    offline({
      name: 'Draw a digit',
      shortName: 'Digits',
      first: ['safetensors', 'bin'],
      later: ['/mnist.bin'],
      never: ['mnist.bin'],
    }),
  ],
});
