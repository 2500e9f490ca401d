import { beforeAll, describe, expect, test } from 'vitest';
import { Project, tarballOf } from '../src/project';
import { packages } from '../src/workspace';

// What `octet quantize` writes, in a folder that has Octet from its tarballs, run by other engines.

let project: Project;
beforeAll(async () => {
  project = new Project('quantized-files');
  await project.install({
    dependencies: {
      octet: tarballOf('octet'),
      'onnxruntime-node': '1.30.0',
      'onnxruntime-web': '1.30.0',
    },
    overrides: Object.fromEntries(
      packages.filter(({ name }) => name !== 'octet').map(({ name }) => [name, tarballOf(name)]),
    ),
  });
  await project.run(process.execPath, project.copy('programs/quantized-files.mjs'), 'make');
}, 600_000);

describe.each(['detector', 'bytes'])('%s', (name) => {
  test('runs in onnxruntime-node and -web within a step of Octet', { timeout: 300_000 }, async () => {
    await project.run('npx', 'octet', 'quantize', `${name}.onnx`, '--data', `${name}.safetensors`);
    const said = await project.run(process.execPath, 'quantized-files.mjs', 'check', name);
    const { node, web, floatBytes, int8Bytes } = JSON.parse(said);
    expect(node).toBeLessThanOrEqual(1);
    expect(web).toBeLessThanOrEqual(1);
    expect(int8Bytes).toBeLessThan(floatBytes);
  });
});
