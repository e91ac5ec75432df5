/*
 * degrade.h: make images worse on purpose, in thirteen kinds of five
 * severities, to test models and enhancement steps and to train robust models.
 *
 * A degradation works in place on 8-bit pixels. All random numbers come from
 * the given generator, and all arithmetic is in integers (except square roots,
 * which IEEE 754 rounds exactly), so the same seed gives the same bytes on
 * every machine. Lengths are shares of the image's shorter side. So they have
 * the same effect at every size on a network that sees the whole frame. Noise
 * and JPEG's blocks are made of single pixels: the larger the photograph, the
 * less of them such a network sees.
 *
 * The severities are calibrated by the loss of Dice of a U-Net that was
 * trained on clean images (docs/metrics.md has the table).
 *
 * The kinds follow Hendrycks and Dietterich, "Benchmarking neural network
 * robustness to common corruptions and perturbations" (ICLR 2019,
 * arXiv:1903.12261), and those of dermoscopy: hair, rulers and ink, gel
 * bubbles, uneven light.
 */
#ifndef LESIONSEG_ENHANCE_DEGRADE_H
#define LESIONSEG_ENHANCE_DEGRADE_H

#include <stdint.h>

#include "core/call.h"
#include "core/rng.h"
#include "core/status.h"
#include "image/image.h"

typedef enum DegradeKind
{
	DEGRADE_NOISE,				/* Gaussian, the same everywhere */
	DEGRADE_SHOT_NOISE,			/* of few photons: variance follows brightness */
	DEGRADE_BLUR,				/* defocus: averaged over a disc */
	DEGRADE_MOTION_BLUR,		/* averaged along a line */
	DEGRADE_LOW_RESOLUTION,		/* reduced and enlarged again */
	DEGRADE_JPEG,				/* compressed strongly */
	DEGRADE_DARKNESS,
	DEGRADE_LOW_CONTRAST,		/* a grey veil */
	DEGRADE_UNEVEN_LIGHT,		/* light from one side, dark corners */
	DEGRADE_COLOUR_CAST,
	DEGRADE_HAIR,
	DEGRADE_RULER_INK,			/* a scale along an edge, pen strokes */
	DEGRADE_BUBBLES,			/* in the gel, with glare */
	DEGRADE_KINDS				/* how many there are */
} DegradeKind;

#define DEGRADE_SEVERITY_MAX 5

/* "noise", "shot_noise", ... and one line about it. */
const char *degrade_name(DegradeKind kind);
const char *degrade_description(DegradeKind kind);

/* Find a kind by name; LS_INVALID_ARGUMENT with the known ones as the hint. */
Status		degrade_find(const char *name, DegradeKind *kind);

/*
 * Degrade image (grey or RGB) in place, with random numbers from rng; severity
 * 1..5. After a failure the image is partly changed. Working memory (a few
 * rows, or at most four bytes per sample) comes from call, which is polled: a
 * pool thread passes a call of call_on_thread.
 */
Status		degrade_apply(const Call *call, DegradeKind kind, int severity, Rng *rng, Image *image);

/* The same with a generator that depends only on (seed, kind): strands,
 * strokes and bubbles have the same place at all severities. */
Status		degrade_image(const Call *call, DegradeKind kind, int severity, int64_t seed, Image *image);

/*
 * Draw hair over image as DEGRADE_HAIR does, and return how much of each pixel
 * it hides: cover is (height, width), 0..255, and is cleared first.
 */
Status		degrade_hair(const Call *call, int severity, Rng *rng, Image *image, uint8_t *cover);

#endif
