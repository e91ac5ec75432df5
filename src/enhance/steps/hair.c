/*
 * hair.c: remove hairs from a photograph: find them (quality/hair.h), grow
 * them by their soft edges, and fill them in.
 */
#include "enhance/quality/hair.h"
#include "enhance/steps/inpaint.h"
#include "enhance/steps/steps.h"

Status
step_hair(const Call *call, const EnhanceOptions *options, Image *image)
{
	void	   *mask;
	Status		status;

	(void) options;
	TRY(call_alloc_array(call, (size_t) image->width, (size_t) image->height, &mask));
	status = hair_detect(call, image, mask);
	if (status.code == LS_OK)
		status = hair_grow(call, image, mask);
	if (status.code == LS_OK)
		status = inpaint(call, mask, image);
	call_free(call, mask);
	return status;
}
