/** Lets processes that start from here on find the software GPU of Debian's Chromium. */
export declare function offerSoftwareGpu(): void;
