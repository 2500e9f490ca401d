// An app of one op, with the only kernels it needs as its backend. `pnpm size` bundles it.
import { createHostBackend } from '../../packages/backend-js-reference/dist/index.js';
import { elementwise } from '../../packages/backend-js-reference/dist/kernels/index.js';
import { relu, setBackend, tensor } from '../../packages/tensor/dist/functional.js';

setBackend(createHostBackend(elementwise));
console.log(relu(tensor([1])).dataSync());
