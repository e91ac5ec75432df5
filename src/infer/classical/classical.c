/*
 * classical.c: the methods by name, their options, and the cleaning of masks.
 */
#include "infer/classical/classical.h"

#include <string.h>

#include "infer/classical/methods.h"
#include "measure/components.h"
#include "measure/distance.h"

typedef Status (*MethodFunction) (const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
								  uint8_t *lesion);

static const struct
{
	const char *name;
	MethodFunction mark;
}			methods[CLASSICAL_METHODS] = {
	[CLASSICAL_OTSU] = {"otsu", classical_otsu},
	[CLASSICAL_ADAPTIVE] = {"adaptive", classical_adaptive},
	[CLASSICAL_KMEANS] = {"kmeans", classical_kmeans},
	[CLASSICAL_REGION_GROWING] = {"region_growing", classical_region_growing},
	[CLASSICAL_CHAN_VESE] = {"chan_vese", classical_chan_vese}
};

static const char *const channel_names[] = {"blue", "green", "red", "lightness", NULL};

#define OPTION_OF(field) offsetof(ClassicalOptions, field)

static const Option option_rows[] = {
	{"channel", OPTION_CHOICE, OPTION_OF(channel), 0, 0, CHANNEL_BLUE,
		"where lesions are looked for; kmeans takes all colours", channel_names},
	{"hair", OPTION_BOOL, OPTION_OF(hair), 0, 1, 1, "take hair out first", NULL},
	{"clean", OPTION_BOOL, OPTION_OF(clean), 0, 1, 1,
		"open the mask, keep one component near the middle, fill its holes", NULL},
	{"blur", OPTION_NUMBER, OPTION_OF(blur), 0, 20, 2,
		"standard deviation of the smoothing, in pixels at a shorter side of 256", NULL},
	{"opening", OPTION_NUMBER, OPTION_OF(opening), 0, 40, 4,
		"clean: radius of the disc, in pixels at a shorter side of 256", NULL},
	{"window", OPTION_NUMBER, OPTION_OF(window), 3, 512, 200,
		"adaptive: side of the square whose mean counts, in pixels at a shorter side of 256", NULL},
	{"offset", OPTION_NUMBER, OPTION_OF(offset), 0, 255, 5, "adaptive: grey levels below that mean", NULL},
	{"clusters", OPTION_WHOLE, OPTION_OF(clusters), 2, 8, 2, "kmeans: how many", NULL},
	{"tolerance", OPTION_NUMBER, OPTION_OF(tolerance), 0, 255, 0,
		"region_growing: grey levels from the region's mean; 0: half of the way to skin", NULL},
	{"smoothness", OPTION_NUMBER, OPTION_OF(smoothness), 0, 10, 0.1,
		"chan_vese: weight of the border's length", NULL},
	{"iterations", OPTION_WHOLE, OPTION_OF(iterations), 1, 1000, 200, "chan_vese: at most so many", NULL}
};

const OptionTable classical_option_table = OPTION_TABLE(option_rows);

Status
classical_find(const char *name, ClassicalMethod *method)
{
	for (int i = 0; i < CLASSICAL_METHODS; i++)
		if (strcmp(name, methods[i].name) == 0)
		{
			*method = (ClassicalMethod) i;
			return status_ok();
		}
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "method \"%s\" does not exist", name),
							"Methods are otsu, adaptive, kmeans, region_growing and chan_vese.");
}

/* Mark the pixels that lie within `radius` of marked ones, or those that do
 * not. */
static Status
keep_by_distance(const Call *call, Image *mask, const uint8_t *marked, double radius, bool near)
{
	size_t		count = (size_t) mask->width * (size_t) mask->height;
	float	   *distances;
	void	   *memory;
	Status		status;

	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	distances = memory;
	status = distance_map(call, marked, mask->width, mask->height, (PixelSpacing) {1, 1}, distances);
	for (size_t i = 0; status.code == LS_OK && i < count; i++)
		mask->pixels[i] = (distances[i] <= (float) radius) == near ? 255 : 0;
	call_free(call, memory);
	return status;
}

/* Open the mask: keep what a disc of that radius covers while it stays inside
 * the lesion. */
static Status
open_mask(const Call *call, Image *mask, double radius)
{
	size_t		count = (size_t) mask->width * (size_t) mask->height;
	uint8_t    *rest;
	void	   *memory;
	Status		status;

	TRY(call_alloc(call, count, &memory));
	rest = memory;
	for (size_t i = 0; i < count; i++)
		rest[i] = mask->pixels[i] == 0;
	status = keep_by_distance(call, mask, rest, radius, false);
	if (status.code == LS_OK)
		status = keep_by_distance(call, mask, mask->pixels, radius, true);
	call_free(call, memory);
	return status;
}

/* Clean a mask. */
static Status
clean_mask(const Call *call, Image *mask, const ClassicalOptions *options)
{
	if (options->opening > 0)
		TRY(open_mask(call, mask, options->opening));
	TRY(mask_keep_central(call, mask));
	return mask_fill_holes(call, mask);
}

/* Segment and clean at the frame's size. */
static Status
segment_frame(const Call *call, const ClassicalFrame *frame, ClassicalMethod method, const ClassicalOptions *options,
			  Image *mask)
{
	Status		status;

	TRY(image_create(call, frame->width, frame->height, 1, mask));
	status = methods[method].mark(call, frame, options, mask->pixels);
	if (status.code == LS_OK && options->clean)
		status = clean_mask(call, mask, options);
	if (status.code != LS_OK)
		image_free(call, mask);
	return status;
}

Status
classical_segment(const Call *call, const Image *image, ClassicalMethod method, const ClassicalOptions *options,
				  Image *mask)
{
	size_t		count = (size_t) image->width * (size_t) image->height;
	ClassicalFrame frame;
	Image		small;
	Status		status;

	TRY(options_check(&classical_option_table, options));
	status = classical_frame_make(call, image, options, &frame);
	if (status.code == LS_OK)
		status = segment_frame(call, &frame, method, options, &small);
	classical_frame_free(call, &frame);
	if (status.code != LS_OK)
		return status;
	status = image_resize(call, &small, image->width, image->height, mask);
	image_free(call, &small);
	for (size_t i = 0; status.code == LS_OK && i < count; i++)
		mask->pixels[i] = mask->pixels[i] >= 128 ? 255 : 0;
	return status;
}
