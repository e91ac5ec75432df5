/*
 * room.h: is there memory for a library that does not ask whether it got any?
 */
#ifndef LESIONSEG_NN_CONV_ROOM_H
#define LESIONSEG_NN_CONV_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* May the process map so many bytes more, as ulimit -v and vm.overcommit_memory have it? It maps none. */
bool		room_for(size_t bytes);

#endif
