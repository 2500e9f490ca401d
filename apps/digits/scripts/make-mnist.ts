// Writes MNIST's digits, gzipped, where the page can fetch them: public/mnist.bin
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { packSamples } from '../src/samples';
import { mnistSamples } from './mnist-samples';

const folder = new URL('../public/', import.meta.url);
const file = new URL('mnist.bin', folder);
if (!existsSync(file)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, gzipSync(packSamples(await mnistSamples()), { level: 9 }));
}
