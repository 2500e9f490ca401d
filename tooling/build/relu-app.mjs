// An app of one op, with the only kernels it needs as its backend. `pnpm size` bundles it.
import { reluRow } from '../../packages/backend/dist/modules/index.js';
import { createHostBackend } from '../../packages/backend-js-reference/dist/modules/index.js';
import { elementwiseKernels } from '../../packages/backend-js-reference/dist/modules/kernels/index.js';
import { relu, setBackend, tensor } from '../../packages/tensor/dist/modules/functional.js';

setBackend(createHostBackend(elementwiseKernels({ relu: reluRow })));
console.log(relu(tensor([1])).dataSync());
