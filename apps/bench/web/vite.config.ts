import { page } from '@octet/web/vite';
import { engineFiles } from './engine-files';

export default page({
  build: { outDir: '../dist/page', emptyOutDir: true },
  plugins: [engineFiles()],
});
