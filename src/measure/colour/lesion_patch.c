/*
 * lesion_patch.c: see lesion_patch.h.
 */
#include "measure/colour/lesion_patch.h"

#include <math.h>
#include <string.h>

/* A rectangle in shares of the image's sides. */
typedef struct Share
{
	double		left;
	double		top;
	double		right;
	double		bottom;
} Share;

/* The lesion's box with the margin, within the image: whole pixels of the mask, so
 * that nothing is blurred where nothing is reduced. */
static Share
share_around(const Image *mask, const ShapeMeasures *shape)
{
	double		margin = ceil(COLOUR_MARGIN * shape->pixels.equivalent_diameter) + 1;
	const LesionShape *box = &shape->box;

	return (Share) {
		fmax(box->x - margin, 0) / mask->width, fmax(box->y - margin, 0) / mask->height,
		fmin(box->x + box->width + margin, mask->width) / mask->width,
		fmin(box->y + box->height + margin, mask->height) / mask->height
	};
}

/* Crop a share of an image and reduce it to width x height. */
static Status
cut_share(const Call *call, const Image *image, const Share *share, int width, int height, Image *result)
{
	int			left = (int) floor(share->left * image->width);
	int			top = (int) floor(share->top * image->height);
	int			right = (int) ceil(share->right * image->width);
	int			bottom = (int) ceil(share->bottom * image->height);
	Image		cut;
	Status		status;

	TRY(image_crop(call, image, left, top, right - left, bottom - top, &cut));
	status = image_resize(call, &cut, width, height, result);
	image_free(call, &cut);
	return status;
}

/* The patch's size: that of the share, reduced. */
static void
patch_size(const Image *image, const Share *share, int *width, int *height)
{
	double		across = (share->right - share->left) * image->width;
	double		down = (share->bottom - share->top) * image->height;
	double		scale = fmin(COLOUR_SIDE / fmax(across, down), 1);

	*width = (int) fmax(round(across * scale), 1);
	*height = (int) fmax(round(down * scale), 1);
}

/* Fill in the distances, in shares of D. */
static Status
measure_distances(const Call *call, LesionPatch *patch)
{
	size_t		count = (size_t) patch->mask.width * (size_t) patch->mask.height;
	PixelSpacing spacing = {patch->axis.spacing.down / patch->diameter, patch->axis.spacing.across / patch->diameter};
	void	   *memory;
	uint8_t    *rest;
	Status		status;

	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	patch->outside = memory;
	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	patch->inside = memory;
	TRY(distance_map(call, patch->mask.pixels, patch->mask.width, patch->mask.height, spacing, patch->outside));
	TRY(call_alloc(call, count, &memory));
	rest = memory;
	for (size_t i = 0; i < count; i++)
		rest[i] = patch->mask.pixels[i] == 0;
	status = distance_map(call, rest, patch->mask.width, patch->mask.height, spacing, patch->inside);
	call_free(call, rest);
	return status;
}

Status
lesion_patch_make(const Call *call, const Image *image, const Image *mask, const ShapeMeasures *shape,
				  LesionPatch *patch)
{
	Share		share = share_around(mask, shape);
	CielabTable table;
	Image		colours;
	size_t		count;
	double		across;			/* pixels of the mask per pixel of the patch */
	double		down;
	void	   *memory;
	int			width;
	int			height;

	memset(patch, 0, sizeof *patch);
	patch_size(image, &share, &width, &height);
	count = (size_t) width * (size_t) height;
	TRY(cut_share(call, mask, &share, width, height, &patch->mask));
	for (size_t i = 0; i < count; i++)
		patch->mask.pixels[i] = patch->mask.pixels[i] >= 128 ? 255 : 0;
	across = (share.right - share.left) * mask->width / width;
	down = (share.bottom - share.top) * mask->height / height;
	patch->axis = (MirrorAxis) {
		(shape->pixels.centroid_x - share.left * mask->width) / across,
		(shape->pixels.centroid_y - share.top * mask->height) / down,
		shape->spaced.orientation, {down * shape->spacing.down, across * shape->spacing.across}
	};
	patch->diameter = (float) shape->spaced.equivalent_diameter;
	TRY(call_alloc_array(call, count, sizeof(Cielab), &memory));
	patch->colours = memory;
	TRY(cut_share(call, image, &share, width, height, &colours));
	cielab_table_init(&table);
	for (size_t i = 0; i < count; i++)
		patch->colours[i] = cielab_of(&table, colours.pixels + 3 * i);
	image_free(call, &colours);
	return measure_distances(call, patch);
}

void
lesion_patch_free(const Call *call, LesionPatch *patch)
{
	image_free(call, &patch->mask);
	call_free(call, patch->colours);
	call_free(call, patch->outside);
	call_free(call, patch->inside);
	memset(patch, 0, sizeof *patch);
}
