import { offline } from '@octet/web/offline';
import { page } from '@octet/web/vite';

export default page({
  plugins: [offline({ name: 'Octet studio', shortName: 'Studio', later: ['.onnx', '.safetensors'] })],
});
