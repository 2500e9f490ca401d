// Runs the int8 kernels with AVX-VNNI's instruction on a processor that has it in AVX-512 alone, or says why it can't: node-vnni.mjs.
//
//   node scripts/test-vnni.mjs
import { nodeWithVnni } from './node-vnni.mjs';
import { testInOtherNode } from './other-node.mjs';

await testInOtherNode('unsigned', 'by AVX-512 VNNI', nodeWithVnni);
