/*
 * foreign.h: explains bytes that no codec can read. Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_FOREIGN_H
#define LESIONSEG_IMAGE_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/*
 * The failure that says what the bytes are and how to get an image from them:
 * LS_UNSUPPORTED for an image of another format, LS_INVALID_IMAGE for all
 * else. The message quotes no bytes: they may name a patient.
 */
Status		foreign_refuse(const uint8_t *bytes, size_t size);

#endif
