/*
 * bmp_rle.c: see bmp_rle.h.
 *
 * Two deviations are accepted, as in other programs. Some writers pad rows to
 * a multiple of 4 pixels: pixels beyond the width are dropped. Some leave out
 * the code that ends the bitmap: then the last row must be complete.
 */
#include "image/codec/bmp_rle.h"

#include "image/codec/formats.h"

#define POLL_CODES 65536		/* codes between two polls */

/* Where decoding stands. */
typedef struct RleState
{
	const uint8_t *in;			/* next code */
	const uint8_t *end;
	uint8_t    *indices;
	bool		nibbles;
	int			width;
	int			height;
	int			x;
	int			y;
	bool		done;
} RleState;

/*
 * Write count pixels and step to the right. The index of pixel i is byte i or,
 * with 4 bits, half a byte, high half first; with `repeated` all come from the
 * first byte. Pixels beyond the row's width are dropped.
 */
static Status
put_pixels(RleState *state, const uint8_t *bytes, unsigned count, bool repeated)
{
	uint8_t    *row = state->indices + (size_t) state->y * (size_t) state->width;

	if (state->y >= state->height)
		return format_broken("BMP", "it has more rows than its header says");
	for (unsigned i = 0; i < count && state->x < state->width; i++)
	{
		unsigned	at = repeated ? i % 2 : i;

		if (state->nibbles)
			row[state->x++] = at % 2 == 0 ? bytes[at / 2] >> 4 : bytes[at / 2] & 15;
		else
			row[state->x++] = bytes[repeated ? 0 : i];
	}
	return status_ok();
}

/* Move right and up. */
static Status
move_position(RleState *state, size_t size)
{
	if (state->end - state->in < 2)
		return format_truncated("BMP", size);
	state->x += state->in[0];
	state->y += state->in[1];
	state->in += 2;
	if (state->x > state->width || state->y > state->height)
		return format_broken("BMP", "a delta leaves the image");
	return status_ok();
}

/* Write pixels that are listed one by one, padded to 16 bits. */
static Status
put_literal(RleState *state, unsigned count, size_t size)
{
	ptrdiff_t	length = state->nibbles ? (count + 1) / 2 : count;

	length += length % 2;
	if (state->end - state->in < length)
		return format_truncated("BMP", size);
	TRY(put_pixels(state, state->in, count, false));
	state->in += length;
	return status_ok();
}

/* Are all rows complete? */
static bool
rows_are_whole(const RleState *state)
{
	return state->y >= state->height || (state->y == state->height - 1 && state->x >= state->width);
}

/* Carry out one code. */
static Status
run_code(RleState *state, size_t size)
{
	unsigned	count;
	unsigned	value;

	if (state->end - state->in < 2)
	{
		state->done = true;
		return rows_are_whole(state) ? status_ok() : format_truncated("BMP", size);
	}
	count = state->in[0];
	value = state->in[1];
	state->in += 2;
	if (count > 0)
		return put_pixels(state, state->in - 1, count, true);
	switch (value)
	{
		case 0:					/* end of line */
			state->x = 0;
			state->y++;
			return state->y > state->height ? format_broken("BMP", "it has more rows than its header says") :
					status_ok();
		case 1:					/* end of bitmap */
			state->done = true;
			return status_ok();
		case 2:
			return move_position(state, size);
		default:
			return put_literal(state, value, size);
	}
}

Status
bmp_rle_expand(const Call *call, const uint8_t *bytes, size_t size, size_t start, bool nibbles, int width,
			   int height, uint8_t *indices)
{
	RleState	state = {
		.in = bytes + start,
		.end = bytes + size,
		.indices = indices,
		.nibbles = nibbles,
		.width = width,
		.height = height,
	};

	for (unsigned long codes = 0; !state.done; codes++)
	{
		if (codes % POLL_CODES == 0)
			TRY(call_poll(call));
		TRY(run_code(&state, size));
	}
	return status_ok();
}
