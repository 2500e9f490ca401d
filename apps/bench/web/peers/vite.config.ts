import { page } from '@octet/web/vite';

export default page({ build: { outDir: '../../dist/peers', emptyOutDir: true } });
