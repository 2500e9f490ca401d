/** Other engines that the page can load, one line each, without their code. */
export const engines = {
  'onnxruntime-web': { label: 'ONNX Runtime Web', megabytes: 14 },
  'litert.js': { label: 'LiteRT.js', megabytes: 10 },
  tfjs: { label: 'TensorFlow.js', megabytes: 1 },
} as const;

export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as EngineName[];
