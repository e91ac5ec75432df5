/*
 * across.h: one call of lesion_train_across, as its files share it.
 *
 * A hospital is a foreign server with a table of images. Every hospital has a
 * model of its own for the work, called like the coordinator's with _across,
 * with two versions for each round: the round's start and what was trained
 * from it there. The coordinator has the mean of each round, as a version of
 * its model.
 *
 * What is done is found by content, on both sides: versions by the SHA-256 of
 * their weights, runs and scores by all that they were asked for. So a call
 * may end at any point, and the next one with the same arguments goes on.
 */
#ifndef LESIONSEG_PG_ACROSS_ACROSS_H
#define LESIONSEG_PG_ACROSS_ACROSS_H

#include "postgres.h"

#include "pg/across/link.h"
#include "pg/base/sha256.h"
#include "pg/base/store.h"
#include "pg/train/train_request.h"

/* The most images that a hospital may say it has: their sum over all hospitals stays a number. */
#define HOSPITAL_IMAGES_MOST 1000000000

/* What a hospital trained in a round. */
typedef struct LocalTraining
{
	int			version;		/* there; 0 = nothing yet */
	char	   *sha256;			/* of its weights, hexadecimal */
	int64		training_images;
	int64		validation_images;
	int64		test_images;
} LocalTraining;

/* A score on a part of the rows of a hospital, or of all of them. */
typedef struct PooledScore
{
	int64		n;				/* images; 0 = there are none */
	double		dice;			/* mean over them */
} PooledScore;

typedef struct Hospital
{
	Link		link;
	const char *server;
	const char *images;			/* its table, as it was given */
	char	   *table;			/* the same, with its schema, quoted */
	char	   *prefix;			/* of lesionseg's schema there */
	int			start;			/* number there of the version that was sent last */
	LocalTraining trained;
	PooledScore score;			/* the last one that was asked for */
} Hospital;

/* Weights that go to the hospitals. */
typedef struct SharedVersion
{
	int			number;			/* at the coordinator; 0 = the start of all */
	void	   *bytes;			/* a weight file; palloc'd, its owner frees it */
	size_t		size;
	char		sha256[SHA256_HEX_SIZE];
} SharedVersion;

typedef struct Across
{
	ModelStore	store;
	MemoryContext context;		/* of what lasts as long as the call */
	bool		commits;		/* commit in between; else all is in the caller's transaction */
	TrainRequest request;		/* as given; options with what all rounds need */
	TrainPlan	plan;
	Jsonb	   *config;			/* every key */
	int			rounds;
	double		clip_norm;		/* limits what leaves a hospital (lesion_weights_clip); 0 = nothing does */
	double		noise_multiplier;
	char	   *model;			/* at the coordinator */
	char	   *local_model;	/* at the hospitals */
	int			count;
	Hospital   *hospitals;
	size_t		connected_bytes;	/* of this process, when all were connected */
	Datum		servers;		/* both as text[] */
	Datum		images;
	ErrorData  *failure;		/* the first that a hospital answered with; NULL = none */
	int			round;			/* from 1 */
	bool		score_anew;		/* scores that are there may be of other rows than the tables have now */
	SharedVersion current;		/* the start of this round */
} Across;

/* ---- hospitals.c ---- */

/* Connect to all; check that each has lesionseg of this version, and the table. */
void		hospitals_open(Across *task);

/* An error, with all disconnected, where this process holds more than lesionseg.max_memory beyond what it had when all
 * were connected: libpq keeps what comes beside answers until the connection ends. For when no answer is on its way. */
void		hospitals_check_kept(Across *task);

/* Disconnect from all, also after an error; they notice, and end what they are at. Raises nothing. */
void		hospitals_close(Across *task);

/* Reads a hospital's answer with link_take. */
typedef void (*TakeAnswer) (Hospital *hospital);

/*
 * Wait until a hospital that is at work has answered, and take what has come;
 * false where all have. Where one fails, a WARNING says so at once, and the
 * others finish: what they have done need not be done again. Its error is
 * raised by hospitals_raise(). Waiting takes no snapshot, taking does.
 */
bool		hospitals_take_some(Across *task, TakeAnswer take);

/* Raise the first error that was taken, if there is one. */
void		hospitals_raise(const Across *task);

/* Make a version the active one of each hospital's model for the work, and send it to those who have it not. */
void		hospitals_send(Across *task, const SharedVersion *version);

/* ---- training.c ---- */

/* The learning rate of the present round. */
double		training_rate(const Across *task);

/* All that a training of the present round is asked for. init_version: the
 * start's number there; 0 = leave init out, which is another everywhere. */
Jsonb	   *training_asked(const Across *task, int init_version);

/* Find what hospitals have trained from the present round's start. */
void		training_find(Across *task);

/* A step on an Across: start the training at all hospitals that have not trained it yet. */
void		training_start(void *work);

/* Wait for a hospital that trains; false where none does. */
bool		training_wait(Across *task);

/* A step on an Across: find what all have trained; one that failed, or has nothing, is an error. */
void		training_end(void *work);

/* Refuse hospitals that show no run for the present round: what they have to score on is not known. */
void		training_need_runs(const Across *task);

/* ---- scores.c ---- */

/* Score the version that was sent last on `subset` of all hospitals at the same time. */
PooledScore scores_pooled(Across *task, const char *subset);

/* ---- mean.c ---- */

/* The mean of the present round, if the coordinator has it. */
bool		mean_find(const Across *task, SharedVersion *version);

/* Fetch what each hospital has trained, and store the mean as a version. */
void		mean_make(Across *task, SharedVersion *version);

/* Read the weights of a version of the coordinator's model. */
void		mean_read(const Across *task, int number, SharedVersion *version);

#endif
