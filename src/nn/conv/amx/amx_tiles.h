/*
 * amx_tiles.h: the AMX tile registers as our kernels use them: their sizes
 * and, in files built for AMX (*_amx.c), functions that use them.
 */
#ifndef LESIONSEG_NN_CONV_AMX_TILES_H
#define LESIONSEG_NN_CONV_AMX_TILES_H

/* Values in a tile of bf16: 16 rows of 32; and of sums: 16 rows of 16. */
#define TILE_VALUES 512
#define TILE_SUMS 256

#if defined(__AMX_TILE__) || defined(__AMXTILE__)	/* GCC, clang */

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Configure all eight tiles as 16 rows of 64 bytes. */
static inline void
configure_tiles(void)
{
	struct
	{
		uint8_t		palette;
		uint8_t		start_row;
		uint8_t		reserved[14];
		uint16_t	bytes_per_row[16];
		uint8_t		rows[16];
	}			config __attribute__((aligned(64)));

	memset(&config, 0, sizeof config);
	config.palette = 1;
	for (int i = 0; i < 8; i++)
	{
		config.bytes_per_row[i] = 64;
		config.rows[i] = 16;
	}
	_tile_loadconfig(&config);
}

/* The mask of lanes, of 32, if so many values are left. */
static inline __mmask32
lanes_left(int left)
{
	return left >= 32 ? 0xFFFFFFFFu : left <= 0 ? 0 : (__mmask32) ((1u << left) - 1);
}

/* Widen 16 bf16 values. */
static inline __m512
widen(__m256i values)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

#endif

#endif
