import { page } from '@octet/web/vite';

export default page({ build: { outDir: '../dist/web', emptyOutDir: true } });
