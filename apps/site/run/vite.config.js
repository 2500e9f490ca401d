import { page } from '@octet/web/vite';

// One module with all of Octet, and what it loads by itself beside it.
export default page({
  build: {
    lib: { entry: 'octet.js', formats: ['es'], fileName: 'octet' },
  },
});
