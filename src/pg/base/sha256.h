/*
 * sha256.h: the digest that identifies weights, and assigns rows to parts of a
 * split.
 */
#ifndef LESIONSEG_PG_BASE_SHA256_H
#define LESIONSEG_PG_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX_SIZE (2 * SHA256_BYTES + 1)

/* SHA-256 of size bytes. */
void		sha256_digest(const void *bytes, size_t size, uint8_t digest[SHA256_BYTES]);

/* A digest as text, lower-case hexadecimal. */
void		sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX_SIZE]);

#endif
