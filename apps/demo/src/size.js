/** Height and width of what the network sees, in pixels. */
export const SIZE = 320;
