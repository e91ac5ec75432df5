/*
 * foreign.h: what bytes are that no codec of ours reads. Private to this
 * folder.
 */
#ifndef LESIONSEG_IMAGE_FOREIGN_H
#define LESIONSEG_IMAGE_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Say what the bytes are and how to make an image of them: LS_UNSUPPORTED for
 * an image of another format, LS_INVALID_IMAGE for all else. Nothing of the
 * bytes is quoted: they may name a patient. */
Status		foreign_refuse(const uint8_t *bytes, size_t size);

#endif
