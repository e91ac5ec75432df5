/*
 * openblas_room.h: memory that OpenBLAS needs besides what it is given.
 */
#ifndef LESIONSEG_NN_CONV_OPENBLAS_ROOM_H
#define LESIONSEG_NN_CONV_OPENBLAS_ROOM_H

#include "core/status.h"

/* See that so many threads may multiply at a time. LS_OUT_OF_MEMORY. On the main thread alone. */
Status		openblas_need_room(int threads);

#endif
