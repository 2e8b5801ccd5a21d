/** Packets: building them layer by layer, addresses, checksums. */
export * from './addresses.ts';
export * from './build.ts';
export * from './checksum.ts';
