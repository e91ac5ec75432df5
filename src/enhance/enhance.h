/*
 * enhance.h: photographs made better, step by step.
 *
 * A step works in place on 8-bit pixels (upscaling, which cannot, replaces
 * the image). Steps that look at neighbours go down the image in blocks of
 * rows and copy no more than those; all split their rows between the call's
 * threads, poll between blocks, and give the same bytes whatever the number
 * of threads and the instruction set. An image without a single difference
 * stays as it is in every step.
 *
 * denoise: non-local means (Buades, Coll and Morel, CVPR 2005) with running
 *   patch sums (Darbon et al., ISBI 2008) and a compact weight (Goossens et
 *   al., LNLA 2008). The noise is measured and made the same at every
 *   brightness first (noise_model.h).
 * hair: the black top-hat, averaged along lines in twelve directions. What is
 *   long and thin is filled by push and pull (Gortler et al., SIGGRAPH 1996)
 *   and smoothed to a membrane.
 * illumination: the quadratic surface of light that quality.h measures,
 *   divided out.
 * exposure: one gain that takes mean luma to that of dermoscopic photographs.
 * levels: one straight line that takes off a grey veil. The standard deviation
 *   of luma and the saturation tell how strong the veil is.
 * colour_constancy: shades of grey, Minkowski norm 6 (Finlayson and Trezzi,
 *   CIC 2004).
 * white_balance: gains that take the mean colour to that of skin in white
 *   light (von Kries).
 * contrast: CLAHE (Zuiderveld, Graphics Gems IV, 1994) on luma, colour
 *   differences kept.
 * sharpen: unsharp masking as wide as the image is blurred, differences within
 *   the noise left out.
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

/* In the order in which a plan takes them. */
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
	double		denoise_strength;	/* 1: as much noise as is measured */
	double		denoise_search;	/* half width of the search window, pixels */
	double		denoise_patch;	/* half width of a patch */
	double		contrast_clip;	/* CLAHE's limit, multiples of an even histogram */
	double		contrast_tiles;	/* along each side */
	double		sharpen_amount;
	double		sharpen_radius;	/* pixels; 0: as measured */
	double		upscale_factor;
} EnhanceOptions;

/* Every option at its default. */
EnhanceOptions enhance_options_default(void);

/* Its options as a table, of an EnhanceOptions. */
extern const OptionTable enhance_option_table;

/* "denoise", "hair", ... and one line about it. */
const char *enhance_step_name(EnhanceStep step);

/* Find a step by name; LS_INVALID_ARGUMENT with the known ones as the hint. */
Status		enhance_find(const char *name, EnhanceStep *step);

/* Take one step on image (grey or RGB). After a failure the image is
 * somewhere in between, still owned by the caller. */
Status		enhance_apply(const Call *call, EnhanceStep step, const EnhanceOptions *options, Image *image);

/* The steps that an image's measured quality asks for. */
typedef struct EnhancePlan
{
	int			count;
	EnhanceStep steps[ENHANCE_STEPS];
	char		reasons[ENHANCE_STEPS][80];
} EnhancePlan;

/*
 * Plan for an image whose quality was measured. Each step of light and colour
 * is judged as things will be after those of them before, by taking these on a
 * small frame: what is dark because the light is uneven needs no second gain.
 * Noise and hair hardly change a mean and are left on that frame.
 */
Status		enhance_plan(const Call *call, const Image *image, const Quality *quality, EnhancePlan *plan);

/* What "always" takes, for training and comparisons: the steps of a plan that
 * cost next to nothing where they are not needed. Evening out the light and
 * stretching levels do (docs/enhancement.md) and are not among them. */
EnhancePlan enhance_plan_always(const Image *image);

/* Enhance an image as a mode says, at default options. */
Status		enhance_by_mode(const Call *call, EnhanceMode mode, Image *image);

/* Take the steps of a plan one after another. */
Status		enhance_run(const Call *call, const EnhancePlan *plan, const EnhanceOptions *options, Image *image);

#endif
