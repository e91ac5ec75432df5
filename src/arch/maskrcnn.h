/*
 * maskrcnn.h: what the files of Mask R-CNN share. Private to maskrcnn*.c and
 * their tests.
 *
 * maskrcnn.c           the layers
 * maskrcnn_anchors.c   anchors and the canvas of the region proposal network
 * maskrcnn_truth.c     the instances of a mask, matching and sampling
 * maskrcnn_heads.c     between the plans: proposals, regions, detections
 * maskrcnn_loss.c      the five losses and their gradients
 * maskrcnn_run.c       the order of it all
 * maskrcnn_paste.c     masks of regions back onto the image
 */
#ifndef LESIONSEG_ARCH_MASKRCNN_H
#define LESIONSEG_ARCH_MASKRCNN_H

#include "arch/network.h"
#include "core/rng.h"
#include "nn/boxes.h"
#include "nn/plan.h"

#define PYRAMID_LEVELS 4		/* at strides 4, 8, 16, 32 */
#define FIRST_STRIDE 4
#define RPN_FIRST_LEVEL 1		/* 1/8: lesions are large, and 1/4 costs three times as much as the rest */
#define RPN_LEVELS (PYRAMID_LEVELS - RPN_FIRST_LEVEL)
#define ANCHORS_PER_CELL 6		/* two sizes, sqrt(2) apart, by three shapes */
#define BOX_ROI_SIZE 7
#define MASK_ROI_SIZE 14
#define MASK_SIZE 28

/* Config values by name. */
typedef struct MaskRcnnConfig
{
	int			base;
	int			pyramid;
	float		anchor;
	int			rois;
	int			box_units;
	int			mask_depth;
	int			detections;
	float		score;
} MaskRcnnConfig;

MaskRcnnConfig maskrcnn_config(const ArchConfig *config);

/* ---- maskrcnn_anchors.c ---- */

/* A level of the pyramid on the canvas. */
typedef struct CanvasPlace
{
	int			level;			/* of the pyramid */
	int			stride;
	int			top;
	int			left;
	int			h;
	int			w;
} CanvasPlace;

/* The places of the proposal network's levels, and its anchors. A cell is a
 * pixel of a level; cells are counted level by level, row by row. */
typedef struct Canvas
{
	int			h;
	int			w;
	CanvasPlace places[RPN_LEVELS];
	int			cells;
	int			anchor_count;	/* cells * ANCHORS_PER_CELL */
	int		   *pixels;			/* (cells): the cell's pixel on the canvas */
	Box		   *anchors;		/* (cells, ANCHORS_PER_CELL), as pixels of the image */
} Canvas;

/* Set sizes and places for images of height x width. */
void		canvas_layout(int height, int width, Canvas *canvas);

/* Fill pixels and anchors, which the caller has allocated; `anchor` is the
 * config key. */
void		canvas_fill(Canvas *canvas, float anchor);

/* ---- maskrcnn_truth.c ---- */

#define MAX_TRUTHS 16			/* most instances of a mask that are learnt */
#define LEAST_TRUTH 16			/* pixels; fewer are no instance */

/* The instances of one mask: its connected components (8 neighbours), at most
 * MAX_TRUTHS, the largest. */
typedef struct Truths
{
	int			count;
	Box			boxes[MAX_TRUTHS];
	int			areas[MAX_TRUTHS];
	uint8_t    *labels;			/* (H, W): instance i has i + 1 */
} Truths;

/* Find them; stack has room for height * width ints. */
void		truths_find(const uint8_t *mask, int height, int width, int *stack, Truths *truths);

/* The share of each of MASK_SIZE x MASK_SIZE cells over box that belongs to
 * instance `truth`: RoIAlign of its mask. */
void		truth_mask(const Truths *truths, int truth, int height, int width, Box box, float *target);

/*
 * Match n boxes with the truths: matches[i] is the truth that box i overlaps
 * most, if their IoU is at least `positive`; MATCH_NONE if the IoU is below
 * `negative` or there are no truths; else MATCH_UNCLEAR. With `force`, the
 * boxes with the largest overlap of a truth, if above 0, are matched in any
 * case.
 */
#define MATCH_NONE (-1)
#define MATCH_UNCLEAR (-2)
void		match_boxes(int n, const Box *boxes, const Truths *truths, float positive, float negative, bool force,
						int8_t *matches);

/*
 * Draw at most `most` of the n boxes at random: at most `most_positive`
 * matched ones, the rest unmatched ones. Writes their indices, the matched
 * first; returns their number, *positives of them matched. scratch has room
 * for n.
 */
int			sample_boxes(Rng *rng, int n, const int8_t *matches, int most, int most_positive, int *scratch,
						 int *sampled, int *positives);

/* ---- state of a run ---- */

/* An anchor that was drawn to learn from. */
typedef struct AnchorSample
{
	int			anchor;
	int			truth;			/* MATCH_NONE = background */
} AnchorSample;

/* Scratch of one thread. */
typedef struct MaskRcnnScratch
{
	float	   *scores;			/* (anchors) */
	int		   *indices;		/* (anchors), and (H, W) for truths_find */
	int8_t	   *matches;		/* (anchors) */
	Box		   *boxes;			/* (anchors kept before suppression) */
	int		   *kept;			/* the same */
	Box		   *proposals;		/* what is kept of them, and the truths */
	float	   *levels[PYRAMID_LEVELS];	/* (h, w, pyramid): feature gradients of one image; training */
	float	   *row;			/* (W) */
} MaskRcnnScratch;

#define ANCHOR_SAMPLES 128		/* per image */

typedef enum MaskRcnnLoss
{
	LOSS_OBJECTNESS,
	LOSS_ANCHOR,				/* box of the proposal network */
	LOSS_CLASS,
	LOSS_BOX,
	LOSS_MASK,
	LOSS_COUNT
} MaskRcnnLoss;

typedef struct MaskRcnn
{
	const Network *network;
	const Host *host;
	int			threads;		/* number of threads that it was made for and runs on */
	MaskRcnnConfig config;
	int			batch;
	int			height;
	int			width;
	bool		training;
	size_t		bytes;			/* size of the arrays below */

	Plan	   *backbone;
	Plan	   *rpn;
	Plan	   *box;
	Plan	   *mask;
	Canvas		canvas;
	MaskRcnnScratch *scratch;	/* (threads) */

	/* By image and anchor, on the canvas: outputs, then their gradients. */
	float	   *rpn_logits;		/* (N, canvas, ANCHORS_PER_CELL) */
	float	   *rpn_deltas;		/* (N, canvas, ANCHORS_PER_CELL, 4) */

	/* By image and region; `rois` regions per image. */
	Roi		   *rois;			/* (N, rois) */
	int		   *roi_counts;		/* (N): regions in use */
	float	   *roi_logits;		/* (N, rois) */
	float	   *roi_deltas;		/* (N, rois, 4) */

	/* By image and region with a mask; `mask_rois` per image. */
	int			mask_rois;
	Roi		   *mask_regions;	/* (N, mask_rois) */
	float	   *masks;			/* (N, mask_rois, MASK_SIZE, MASK_SIZE): logits, then gradients or probabilities */

	/* Prediction. */
	NetworkInstance *instances; /* (N, mask_rois) */
	int		   *instance_counts;	/* (N) */

	/* Training. */
	uint64_t	seed;			/* of this step */
	const uint8_t *truth_masks; /* (N, H, W) of this step */
	Truths	   *truths;			/* (N) */
	AnchorSample *anchors;		/* (N, ANCHOR_SAMPLES) */
	int		   *anchor_counts;	/* (N) */
	int		   *roi_truths;		/* (N, rois): matched truth or MATCH_NONE */
	int		   *mask_counts;	/* (N) */
	double	   *losses;			/* (N, LOSS_COUNT) */
	double		anchor_total;	/* over the batch, what the losses are means of */
	double		roi_total;
	double		mask_total;
} MaskRcnn;

/* Work on one image; calls for different images may run at the same time. */
typedef void (*ImageWork) (MaskRcnn *m, int worker, int image);

/* Call work for every image of the batch, on all threads, and poll in
 * between. */
Status		maskrcnn_for_images(MaskRcnn *m, const Call *call, ImageWork work);

/* ---- maskrcnn_heads.c ---- */

/* Copy the levels of the pyramid onto the canvas. */
void		fill_canvas(MaskRcnn *m, int worker, int image);

/* Prediction: the best proposals become the image's regions. */
void		propose(MaskRcnn *m, int worker, int image);

/* Training: find the truths and draw anchors and regions to learn from. */
void		draw_samples(MaskRcnn *m, int worker, int image);

/* RoIAlign all regions into the inputs of the box head or the mask head. */
Status		align_regions(MaskRcnn *m, const Call *call, const Roi *rois, int per_image, int size, Plan *head);

/*
 * Prediction: turn the box head's outputs into instances, still without masks:
 * those that score at least config.score or, if there are none, the best one.
 */
void		detect(MaskRcnn *m, int worker, int image);

/* Training: the image's feature gradients from those of the three heads'
 * inputs. */
void		gather_gradients(MaskRcnn *m, int worker, int image);

/* ---- maskrcnn_loss.c ---- */

/* The image's share of the losses; outputs are replaced by their gradients. */
void		proposal_losses(MaskRcnn *m, int worker, int image);
void		box_losses(MaskRcnn *m, int worker, int image);
void		mask_losses(MaskRcnn *m, int worker, int image);

/* Encode and decode a region's deltas, scaled by 10 (centre) and 5 (size), as
 * in torchvision. */
BoxDelta	region_encode(Box reference, Box box);
Box			region_decode(Box reference, const float *delta);

/* ---- maskrcnn_paste.c ---- */

/* The image's map: for each pixel the largest probability that an instance's
 * mask gives it, 0 outside all boxes. */
void		paste_map(MaskRcnn *m, int worker, int image, float *map);

#endif
