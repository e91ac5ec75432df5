/*
 * enhance.h: improve photographs, step by step.
 *
 * A step changes 8-bit pixels in place (only upscaling replaces the image).
 * Steps that read neighbours go down the image in blocks of rows and copy only
 * those. All divide their rows between the call's threads, poll between blocks,
 * and give the same bytes with any number of threads and any instruction set.
 * No step changes an image whose pixels are all equal.
 *
 * denoise: non-local means (Buades, Coll and Morel, CVPR 2005) with running
 *   patch sums (Darbon et al., ISBI 2008) and a compact weight (Goossens et
 *   al., LNLA 2008). First the noise is measured and made equal at every
 *   brightness (noise_model.h).
 * hair: the black top-hat, averaged along lines in twelve directions. Long and
 *   thin shapes are filled in by push and pull (Gortler et al., SIGGRAPH 1996)
 *   and smoothed to a membrane.
 * illumination: division by the quadratic surface of light that quality.h
 *   measures.
 * exposure: one gain that takes mean luma to that of dermoscopic photographs.
 * levels: one linear map that removes a grey veil. Its strength is estimated
 *   from the standard deviation of luma and the saturation.
 * colour_constancy: shades of grey, Minkowski norm 6 (Finlayson and Trezzi,
 *   CIC 2004).
 * white_balance: gains that take the mean colour to that of skin in white
 *   light (von Kries).
 * contrast: CLAHE (Zuiderveld, Graphics Gems IV, 1994) on luma, colour
 *   differences kept.
 * sharpen: unsharp masking, as wide as the image's blur; differences within
 *   the noise are left out.
 * upscale: cubic convolution (Keys, IEEE ASSP 29(6), 1981).
 */
#ifndef LESIONSEG_ENHANCE_ENHANCE_H
#define LESIONSEG_ENHANCE_ENHANCE_H

#include "core/call.h"
#include "core/options.h"
#include "core/status.h"
#include "core/traits.h"
#include "enhance/quality/quality.h"
#include "image/image.h"

/* In the order in which a plan applies them. */
typedef enum EnhanceStep
{
	ENHANCE_DENOISE,
	ENHANCE_HAIR,
	ENHANCE_ILLUMINATION,
	ENHANCE_EXPOSURE,
	ENHANCE_LEVELS,
	ENHANCE_COLOUR_CONSTANCY,
	ENHANCE_WHITE_BALANCE,
	ENHANCE_CONTRAST,
	ENHANCE_SHARPEN,
	ENHANCE_UPSCALE,
	ENHANCE_STEPS				/* how many there are */
} EnhanceStep;

typedef struct EnhanceOptions
{
	double		denoise_strength;	/* 1: the measured noise */
	double		denoise_search;	/* half width of the search window, pixels */
	double		denoise_patch;	/* half width of a patch */
	double		contrast_clip;	/* CLAHE's limit, multiples of an even histogram */
	double		contrast_tiles;	/* along each side */
	double		sharpen_amount;
	double		sharpen_radius;	/* pixels; 0: the measured blur */
	double		upscale_factor;
} EnhanceOptions;

/* Every option at its default. */
EnhanceOptions enhance_options_default(void);

/* The table of the options; values are an EnhanceOptions. */
extern const OptionTable enhance_option_table;

/* "denoise", "hair", ... and one line about it. */
const char *enhance_step_name(EnhanceStep step);

/* Find a step by name; LS_INVALID_ARGUMENT with the known ones as the hint. */
Status		enhance_find(const char *name, EnhanceStep *step);

/* Apply one step to image (grey or RGB). After a failure the image is partly
 * changed, and still the caller's. */
Status		enhance_apply(const Call *call, EnhanceStep step, const EnhanceOptions *options, Image *image);

/* The steps that an image's measured quality asks for. */
typedef struct EnhancePlan
{
	int			count;
	EnhanceStep steps[ENHANCE_STEPS];
	char		reasons[ENHANCE_STEPS][80];
} EnhancePlan;

/*
 * Plan for an image whose quality was measured. The steps of light and colour
 * are tried on a small frame, so that each is judged after the steps before
 * it: an image that is dark because of uneven light needs no second gain.
 * Noise and hair hardly change a mean and stay on that frame.
 */
Status		enhance_plan(const Call *call, const Image *image, const Quality *quality, EnhancePlan *plan);

/* Enhance an image as a mode says, at default options. */
Status		enhance_by_mode(const Call *call, EnhanceMode mode, Image *image);

/* Apply the steps of a plan one after another. */
Status		enhance_run(const Call *call, const EnhancePlan *plan, const EnhanceOptions *options, Image *image);

#endif
