/** What the known networks take, apart from their code: a page shows it before it loads that. */
export const modelSizes = {
  /** Channels of the images, and their usual height and width. */
  seed: { channels: 3, size: 64 },
  mobilenetv2: { channels: 3, size: 224 },
  digits: { channels: 1, size: 28 },
} as const;

export type ModelName = keyof typeof modelSizes;

export const modelNames = Object.keys(modelSizes) as ModelName[];
