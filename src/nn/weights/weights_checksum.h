/*
 * weights_checksum.h: the checksums in a weight file's metadata.
 *
 * A CRC-32 (zlib's, that of PNG and gzip) of each tensor's bytes, as eight
 * lower-case hex digits, one after the other in the order of the data. Private
 * to the weight files.
 */
#ifndef LESIONSEG_NN_WEIGHTS_CHECKSUM_H
#define LESIONSEG_NN_WEIGHTS_CHECKSUM_H

#include <stddef.h>

#define WEIGHTS_CHECKSUMS_KEY "crc32"
#define WEIGHTS_CHECKSUM_LENGTH 8

/* Write the checksum of bytes to text, without a null byte. */
void		weights_checksum(const unsigned char *bytes, size_t size, char *text);

#endif
