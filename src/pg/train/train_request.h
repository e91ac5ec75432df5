/*
 * train_request.h: the request of a caller of lesion_train.
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_REQUEST_H
#define LESIONSEG_PG_TRAIN_TRAIN_REQUEST_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "enhance/enhance.h"
#include "image/codec/codec.h"
#include "learn/trainer.h"
#include "pg/base/sha256.h"
#include "pg/base/split.h"
#include "pg/segment/promotion.h"

typedef struct TrainRequest
{
	Oid			images;
	char	   *model;
	char	   *image_column;
	char	   *mask_column;
	char	   *id_column;		/* NULL = primary key or image hash */
	char	   *group_column;	/* NULL = that of the version it goes on from, or the id */
	char	   *weight_column;	/* NULL = all rows have the same weight */
	int			image_size;
	int			epochs;
	int			batch_size;
	bool		has_learning_rate;
	double		learning_rate;
	double		test_fraction;
	int64_t		seed;
	Jsonb	   *augment;		/* an object, true or false */
	PromoteRule promote;
	Jsonb	   *config;
	char	   *architecture;	/* NULL = the model's, or the one it is named after */
	int64_t		split_seed;
	Jsonb	   *options;
	char	   *init;			/* the model to start from; NULL = from scratch */
} TrainRequest;

/* The default learning rate of a training that starts from a trained model is
 * this share of the architecture's. */
#define FINE_TUNING_RATE 0.1

/* The arguments and `options` for an architecture, with all defaults
 * applied. */
typedef struct TrainPlan
{
	TrainOptions train;
	double		validation_fraction;	/* of the training part */
	int			fold;			/* which one is the test part; 0 = no folds */
	double		threshold;		/* stored with the version; 0 = chosen on validation rows */
	EnhanceMode enhance;		/* of images once they are varied; stored with the version */
	ImageTurn	turn;			/* of images and masks */
	bool		freeze_encoder; /* keep it as it is */
	int			init_version;	/* of the model to start from */
	char		init_sha256[SHA256_HEX_SIZE];	/* of that version's weights: the number may be another's later */
} TrainPlan;

/* The table of those that `options` may set besides TrainOptions; values are a
 * TrainPlan. */
extern const OptionTable plan_option_table;

/* Read the arguments of lesion_train, and group_column, whose number is given,
 * with weight_column after it. */
TrainRequest train_request_read(FunctionCallInfo fcinfo, int group_column);

/* Apply defaults and `options`, and check every value. */
TrainPlan	train_request_plan(const TrainRequest *request, const Architecture *architecture);

/* The whole request as one object, for the run's row; group: the columns that
 * decide the parts, NULL = the id. */
Jsonb	   *train_request_jsonb(const TrainRequest *request, const TrainPlan *plan, Jsonb *config,
								const SplitColumns *group);

#endif
