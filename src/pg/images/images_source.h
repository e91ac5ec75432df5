/*
 * images_source.h: a table of images, with or without masks.
 *
 * Any relation that can be selected from will do: table, partitioned table,
 * view, materialised view, foreign table. It is read through SPI with the
 * rights of the caller, so privileges and row-level security hold. An image may
 * stand on another server, or be computed by a view: so rows are listed without
 * it, and images are fetched by their key, a batch at a time (images_key.h).
 * Queries run under the settings of text_settings.h, so the same row has the
 * same id whoever asks.
 */
#ifndef LESIONSEG_PG_IMAGES_IMAGES_SOURCE_H
#define LESIONSEG_PG_IMAGES_IMAGES_SOURCE_H

#include "postgres.h"

#include "core/status.h"
#include "executor/spi.h"
#include "image/codec/codec.h"
#include "image/image.h"
#include "measure/mask_facts.h"
#include "nodes/pg_list.h"
#include "pg/base/values/bytes.h"
#include "pg/base/split.h"
#include "pg/images/images_key.h"
#include "pg/images/known_relation.h"
#include "utils/relcache.h"

/* The columns to read. */
typedef struct ImagesColumns
{
	const char *image;
	const char *mask;
	const char *id;				/* NULL = the primary key, and where there is none, the SHA-256 of the image */
	const SplitColumns *group;	/* what rows of one part share; NULL = the id */
	const char *group_reason;	/* a sentence: why these, where the caller did not name them; else NULL */
	const char *by;				/* a column whose text a row brings along, or NULL */
	const char *by_argument;	/* the argument that names it; NULL: by_column */
} ImagesColumns;

typedef struct ImagesSource
{
	KnownRelation known;
	char	   *name;			/* qualified and quoted */
	char	   *image_column;
	char	   *mask_column;	/* NULL = without masks */
	char	   *viewed_as;		/* relation_viewed_as(), of a source with masks */
	bool		kept_snapshot;	/* its rows are those of a snapshot that the transaction keeps, which may be old */
	char	   *key_column;		/* the primary key, where it is one column; else NULL */
	char	   *other_id;		/* the column named for ids where the primary key is not that; else NULL */
	const SplitColumns *group_columns;	/* what decides a row's part */
	bool		grouped;		/* by something else than the id */
	bool		has_by;			/* rows have lesion_by */
	ImagesKey	key;			/* of the ids' columns */
	char	   *rows;			/* a query to select from: id, the key's columns, image and usable; with masks
								 * mask; where grouped, lesion_group; where has_by, lesion_by; where has_tid, tid */
	bool		has_tid;		/* its rows stand in tables of this server, and one may read where: tid */
	bool		image_is_stored;	/* column_is_stored(): reading an image again computes nothing */
	bool		knows_nulls;	/* images and masks are columns that are stored in tables of this server: usable says
								 * whether they are there, too; else that is seen when they are fetched */
	bool		may_be_long;	/* rows have too_long: an id, group, weight or date is; they are not usable */
	bool		by_may_be_long; /* rows have by_too_long: the text of by_column is, and they have no lesion_by */
	bool		ids_are_digests;	/* ids are the SHA-256 of the image: equal ids are equal images */
	bool		names_are_digests;	/* ids or groups are: to list them, images are read */
} ImagesSource;

/* Check that relation has the columns, image and mask of type bytea, and that
 * the caller may read them. A NOTICE says where the SHA-256 of the image tells
 * rows apart. */
ImagesSource *images_open(Oid relation, const ImagesColumns *columns);

/* The same of a relation whose images have no masks and whose rows are not
 * split. */
ImagesSource *images_open_unmasked(Oid relation, const char *image_column, const char *id_column);

/* The names of the columns of an open table's primary key, in the key's order; NIL where there is none. */
List	   *images_key_columns(Relation relation);

/* spi_execute_as (spi_context.h) under the settings that ids are written with. */
int			images_execute(const char *doing, const char *query, int count, Oid *types, Datum *values, long limit);

/* Say in a WARNING how many rows are not usable, or in no subgroup, because a text is too long. */
void		images_warn_of_long(const ImagesSource *source);

/* Count all rows, and those that are usable and have an id and a group, and
 * warn of those with a text that is too long. */
void		images_count(const ImagesSource *source, int64 *rows, int64 *usable);

/* Count those that are usable, without a word. */
int64		images_usable(const ImagesSource *source);

/* One row. The views are valid until the next one is fetched. */
typedef struct ImageRow
{
	char	   *id;
	char	   *group;			/* the text that decides its part */
	char	   *by;				/* the text of the column `by`; NULL where that is NULL, and without one */
	ByteView	image;
	ByteView	mask;
	Datum		image_datum;
	Datum		mask_datum;
} ImageRow;

/* Decode a fetched row's mask and check that it has its image's shape. The
 * caller frees truth through call; on failure there is nothing to free.
 * LS_LIMIT_EXCEEDED where one of them is above the caller's limits. */
Status		images_decode_mask(const Call *call, const ImageRow *row, ImageTurn turn, Image *truth);

/* Check that the fetched row's image and mask can be decoded and have the same
 * shape; else as images_decode_mask. The mask is counted in `facts`. */
Status		images_check(const Call *call, const ImageRow *row, ImageTurn turn, MaskFacts *facts);

/* ---- broken rows ---- */

/* Counts of broken rows. */
typedef struct BrokenRows
{
	const ImagesSource *source;
	int64		usable;			/* rows of the source without NULLs */
	int64		broken;			/* so far */
} BrokenRows;

/* Is a failure the fault of the present row? A lack of memory or a wrong
 * argument would make other rows fail, too. */
bool		broken_is_rows_fault(Status status);

/* Is an image or mask unusable for this caller: broken, or above the caller's
 * limits? */
bool		broken_or_too_large(Status status);

/*
 * Handle the status of work on a row. If the row is at fault, return true,
 * count it, and raise a WARNING that names it; more than a tenth of broken
 * rows is an error. So is a row above the caller's limits: whoever may write one
 * could else end every call. Any other failure is raised.
 */
bool		broken_row(BrokenRows *rows, const Call *call, const char *id, Status status);

/* Raise an error when more than a tenth of `rows` rows were broken. */
void		broken_check(const BrokenRows *broken, int64 rows);

#endif
