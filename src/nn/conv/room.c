/*
 * room.c: see room.h.
 */
#include "nn/conv/room.h"

#include <sys/mman.h>

bool
room_for(size_t bytes)
{
	void	   *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return false;
	munmap(room, bytes);
	return true;
}
