/*
 * flaws.c: uneven light, hairs, blur and sensor noise, in the order in which a
 * camera meets them. Arithmetic is in integers, as in noise.h.
 */
#include "image/flaws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/codec/formats.h"
#include "image/noise.h"

int
pick_between(Rng *rng, int low, int high)
{
	return low + (int) rng_below(rng, (uint64_t) (high - low) + 1);
}

static inline uint8_t
clamp_8(int value)
{
	return (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The shorter side. */
static int
short_side(const Image *image)
{
	return image->width < image->height ? image->width : image->height;
}

/* Light the image from one side: there it is up to 9 % brighter per severity
 * step, at the other side darker. */
static Status
add_light(const Call *call, Rng *rng, int severity, Image *image)
{
	int			slope_x = pick_between(rng, -90, 90) * severity;	/* thousandths across the image */
	int			slope_y = pick_between(rng, -90, 90) * severity;
	uint8_t    *pixel = image->pixels;

	for (int y = 0; y < image->height; y++)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < image->width; x++, pixel += 3)
		{
			int			gain = 1000 + slope_x * (2 * x - image->width) / (2 * image->width) +
				slope_y * (2 * y - image->height) / (2 * image->height);

			for (int c = 0; c < 3; c++)
				pixel[c] = clamp_8(pixel[c] * gain / 1000);
		}
	}
	return status_ok();
}

/* Cover the pixels around (x, y) that a hair of this radius hides; all in
 * 1/256 pixel. cover keeps the largest value of all parts of the hair. */
static void
cover_hair_point(const Image *image, uint8_t *cover, int x, int y, int radius)
{
	int			reach = radius / 256 + 2;

	for (int j = y / 256 - reach; j <= y / 256 + reach; j++)
	{
		for (int i = x / 256 - reach; i <= x / 256 + reach; i++)
		{
			int64_t		dx = 256 * i + 128 - x;
			int64_t		dy = 256 * j + 128 - y;
			int			inside;
			uint8_t    *at;

			if (i < 0 || j < 0 || i >= image->width || j >= image->height)
				continue;
			inside = radius + 128 - (int) sqrt((double) (dx * dx + dy * dy));
			inside = inside < 0 ? 0 : inside > 255 ? 255 : inside;
			at = cover + (size_t) j * (size_t) image->width + i;
			if (*at < inside)
				*at = (uint8_t) inside;
		}
	}
}

/* Draw one hair: a quadratic Bezier curve that is thinner at its end. */
static void
draw_hair(const Image *image, Rng *rng, uint8_t *cover)
{
	int			side = short_side(image);
	int64_t		length = (int64_t) pick_between(rng, 60, 220) * side;	/* 1/256 pixel */
	int64_t		x[3];
	int64_t		y[3];
	int			radius = pick_between(rng, 100, 300) * side / 512;
	int			steps = (int) (length / 96) + 2;

	x[0] = pick_between(rng, 0, image->width * 256);
	y[0] = pick_between(rng, 0, image->height * 256);
	x[1] = x[0] + length * pick_between(rng, -100, 100) / 200;
	y[1] = y[0] + length * pick_between(rng, -100, 100) / 200;
	x[2] = 2 * x[1] - x[0] + length * pick_between(rng, -100, 100) / 400;
	y[2] = 2 * y[1] - y[0] + length * pick_between(rng, -100, 100) / 400;
	for (int i = 0; i <= steps; i++)
	{
		int64_t		t = i;
		int64_t		u = steps - i;
		int64_t		whole = (int64_t) steps * steps;
		int64_t		at_x = (u * u * x[0] + 2 * u * t * x[1] + t * t * x[2]) / whole;
		int64_t		at_y = (u * u * y[0] + 2 * u * t * y[1] + t * t * y[2]) / whole;

		cover_hair_point(image, cover, (int) at_x, (int) at_y, (int) (radius * (2 * steps - t) / (2 * steps)));
	}
}

/* Draw three to six dark hairs per severity step over the image. */
static Status
add_hairs(const Call *call, Rng *rng, int severity, Image *image)
{
	int			hairs = pick_between(rng, 3 * severity, 6 * severity);
	int			colour[3];
	size_t		count = (size_t) image->width * (size_t) image->height;
	void	   *memory;
	uint8_t    *cover;
	Status		status = status_ok();

	/* one statement each: C does not say in which order initialisers run */
	colour[0] = pick_between(rng, 20, 80);
	colour[1] = pick_between(rng, 15, 50);
	colour[2] = pick_between(rng, 10, 40);
	TRY(call_alloc_array(call, count, 1, &memory));
	cover = memory;
	for (int i = 0; i < hairs && status.code == LS_OK; i++)
	{
		draw_hair(image, rng, cover);
		status = call_poll(call);
	}
	for (size_t i = 0; i < count && status.code == LS_OK; i++)
	{
		for (int c = 0; c < 3; c++)
		{
			int			skin = image->pixels[3 * i + (size_t) c];

			image->pixels[3 * i + (size_t) c] = (uint8_t) (skin + (colour[c] - skin) * cover[i] * 9 / 2550);
		}
		if (i % ((size_t) image->width * POLL_ROWS) == 0)
			status = call_poll(call);
	}
	call_free(call, memory);
	return status;
}

/* Average each of count pixels, `step` bytes apart, with its neighbours up to
 * radius away; the outermost pixel repeats beyond the end. line holds a copy. */
static void
blur_line(uint8_t *pixels, int count, size_t step, int radius, uint8_t *line)
{
	int			window = 2 * radius + 1;
	int			sum = 0;

	for (int i = 0; i < count; i++)
		line[i] = pixels[(size_t) i * step];
	for (int i = -radius; i <= radius; i++)
		sum += line[i < 0 ? 0 : i >= count ? count - 1 : i];
	for (int i = 0; i < count; i++)
	{
		int			enters = i + radius + 1;
		int			leaves = i - radius;

		pixels[(size_t) i * step] = (uint8_t) ((sum + radius) / window);
		sum += line[enters >= count ? count - 1 : enters] - line[leaves < 0 ? 0 : leaves];
	}
}

/* Blur by two box filters each way, which is close to a Gaussian. */
static Status
add_blur(const Call *call, int severity, Image *image)
{
	int			radius = (severity * short_side(image) + 320) / 640;
	int			longest = image->width > image->height ? image->width : image->height;
	size_t		stride = (size_t) image->width * 3;
	void	   *line;
	Status		status = status_ok();

	if (radius == 0)
		return status;
	TRY(call_alloc_array(call, (size_t) longest, 1, &line));
	for (int pass = 0; pass < 2; pass++)
	{
		for (int y = 0; y < image->height && status.code == LS_OK; y++)
		{
			for (size_t c = 0; c < 3; c++)
				blur_line(image->pixels + (size_t) y * stride + c, image->width, 3, radius, line);
			if (y % POLL_ROWS == 0)
				status = call_poll(call);
		}
		for (int x = 0; x < image->width && status.code == LS_OK; x++)
		{
			for (size_t c = 0; c < 3; c++)
				blur_line(image->pixels + (size_t) x * 3 + c, image->height, stride, radius, line);
			if (x % POLL_ROWS == 0)
				status = call_poll(call);
		}
	}
	call_free(call, line);
	return status;
}

/*
 * Add bell-shaped noise to every sample, with a standard deviation of about
 * 3.5 grey levels per severity step. It is the sum of a hash's four bytes,
 * whose standard deviation is 148.
 */
static Status
add_noise(const Call *call, Rng *rng, int severity, Image *image)
{
	uint32_t	seed = (uint32_t) rng_next(rng);
	uint8_t    *row = image->pixels;

	for (int y = 0; y < image->height; y++, row += (size_t) image->width * 3)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int i = 0; i < image->width * 3; i++)
		{
			uint32_t	h = noise_hash(seed, i, y);
			int			sum = (int) ((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24));

			row[i] = clamp_8(row[i] + (sum - 510) * severity * 7 / 296);
		}
	}
	return status_ok();
}

Status
flaws_add(const Call *call, Rng *rng, int severity, Image *image)
{
	TRY(add_light(call, rng, severity, image));
	TRY(add_hairs(call, rng, severity, image));
	TRY(add_blur(call, severity, image));
	return add_noise(call, rng, severity, image);
}
