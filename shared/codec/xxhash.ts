import xxhash from 'xxhash-wasm';

/** xxHash (Yann Collet), as WebAssembly; compiled once when the module is loaded. */
const api = await xxhash();

export function hash32(bytes: Uint8Array): number {
  return api.h32Raw(bytes);
}

export function hash64(bytes: Uint8Array, seed?: bigint): bigint {
  return api.h64Raw(bytes, seed);
}
