import modelUrl from '@octet/example-digits/digits.safetensors?url';
import { showDigits } from '@octet/example-digits/page';

await showDigits(modelUrl);
