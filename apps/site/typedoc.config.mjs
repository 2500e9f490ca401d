{
  "$schema": "https://typedoc.org/schema.json",
  "name": "Octet",
  "entryPoints": [
    "../../packages/{tensor,nn,optim,data,graph,quantization,formats,onnx,inspect,vision,backend,backend-js-reference,backend-wasm-simd,backend-webgpu,backend-testkit,octet}/src/index.ts",
    "../../packages/octet/src/parts/worker.ts"
  ],
  "tsconfig": "tsconfig.json",
  "out": "dist/site/api",
  "readme": "none",
  "favicon": "../../tooling/web/public/icon.svg",
  "skipErrorChecking": true,
  "excludeInternal": true,
  "excludePrivate": true,
  "excludeExternals": true,
  "excludeReferences": true,
  "disableSources": true,
  "hideGenerator": true,
  "validation": { "notExported": false, "invalidLink": true, "notDocumented": false },
  "blockTags": ["@param", "@returns", "@throws", "@typeParam", "@example", "@deprecated", "@generated"],
  "logLevel": "Warn"
}
