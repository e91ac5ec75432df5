/*
 * job.h: one call of lesion_report: what it is asked for, and how its sections
 * read rows and put them on the page.
 *
 * Everything is read with the rights of the caller, and nothing but the extension's
 * tables and those that the caller named is queried. Rows name tables too, of masks and
 * of evaluations: whoever may write such a row may own the table, and would have
 * its code run as the caller. So that name is compared with those of the caller's
 * tables, and what is not among them is not shown.
 */
#ifndef LESIONSEG_PG_REPORT_JOB_H
#define LESIONSEG_PG_REPORT_JOB_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "core/call.h"
#include "pg/base/store.h"
#include "pg/images/images_source.h"
#include "report/chart.h"
#include "report/page.h"
#include "utils/array.h"

/* A table of images that the caller named. */
typedef struct ReportImages
{
	ImagesSource *source;
	bool		with_truth;		/* its rows have masks that the caller may read */
} ReportImages;

typedef struct ReportJob
{
	ModelStore	store;
	Call	   *call;
	Markup		page;			/* in UTF-8 data, ASCII bytes */

	/* What is asked for. */
	Datum		models;			/* text[]; all_models: none was named */
	bool		all_models;
	Datum		since;			/* timestamptz, the period */
	Datum		until;
	int			pictures;		/* most pictures in each of the two sections with pictures */
	const char *image_column;
	const char *mask_column;
	const char *id_column;		/* NULL = the primary key */
	int			image_tables;	/* how many tables of images */
	ReportImages *images;
	int			predictions;	/* number of tables of masks */
	KnownRelation *prediction_tables;
	char	   *all_predictions;	/* a query of all their rows; NULL = no table */
	char	   *prediction_rows;	/* of these those by the models of the report, up to its end */
	char	   *current_rows;	/* the same, in the period: of each image and model the row of the active version or,
								 * where it has none, the latest */
	KnownRelation verdict_table;
	char	   *verdicts;		/* its name, or NULL */
	char	   *verdict_rows;	/* its rows, for FROM */
	const char *waiting;		/* SQL: was neither the mask p looked at nor a later one of its image? */

	/* What was found out. */
	Datum		evaluations;	/* bigint[]: one of each active version on each table and part */
	Datum		group_evaluations;	/* ... and by_column */
	long		evaluations_all;	/* how many there are: both arrays are cut at REPORT_CHARTS_MAX */
	long		group_evaluations_all;
	bool		scores_readable;	/* the caller may read lesion_image_score */
	bool		groups_readable;	/* ... lesion_subgroups */
	char	   *main_model;		/* the model of the first screen; NULL = none */
} ReportJob;

/* Most charts of a section. Anyone who may evaluate or train adds to them; what is left out is said. */
#define REPORT_CHARTS_MAX 50

/* Parameters of every query: $1 the models, NULL for all; $2 since; $3 until; $4 evaluations; $5 main_model; $6 text[],
 * names of the tables of images that the caller named; $7 group_evaluations. */

/* Of rows that name a table of images, those of tables that the caller named go first. */
#define NAMED_FIRST "NOT e.images = ANY ($6)"
#define EVALUATIONS_ORDER NAMED_FIRST ", e.images, e.subset, e.dice DESC"

/* Weeks of lesion_drift are of rows that may name any model: those of versions that there are. */
#define VERSION_EXISTS "EXISTS (SELECT FROM @lesion_version v WHERE v.model = d.model AND v.number = d.version)"

/* Of models m, the one of the first screen goes first, then the older ones: new
 * names push none of them off the page. */
#define MODELS_ORDER "m.model IS DISTINCT FROM $5, m.created_at, m.model"

/* An evaluation, and how it was made where not by the version's own settings. */
#define EVALUATION_NAME \
	"e.model || ' ' || e.version || ', ' || e.images || ' (' || e.subset || coalesce(', ' || e.differs, '') || ')'"

/* Run a query on the extension's tables, '@' standing for their schema. Rows are in SPI_tuptable. */
void		report_select(const ReportJob *job, const char *query);

/* The same on the user's tables, whose names stand in the query; `name` is for an error's context. */
void		report_select_user(const ReportJob *job, const char *name, const char *query);

/* A text that a row holds, as the page shows it: in UTF-8, and cut with an
 * ellipsis where it is long, because whoever may write such a row could make
 * the page too large or too slow for everybody. */
char	   *report_shown(Datum value);

/* A value of the current rows, shown as by report_shown; NULL if it is NULL. */
char	   *report_text(uint64 row, const char *column);

/* The same, whole and in the server's encoding. */
char	   *report_value(uint64 row, const char *column);

/* A float8 of the current rows; NaN if it is NULL. */
double		report_number(uint64 row, const char *column);

/* Put the current rows on the page as a table: headings are the columns' names; a query
 * says what is a digest by a heading that ends with "SHA-256", and what is a time by one that ends with "(UTC)".
 * `nothing` stands in the place of an empty one. */
void		report_table(ReportJob *job, const char *caption, const char *nothing);

/* Say that only the first of some things are on the page, if that is so. */
void		report_left_out(ReportJob *job, const char *things, long shown, long all);

/* Put the current rows on the page as lines: columns series, x, y and perhaps x_name. */
void		report_lines(ReportJob *job, LineChart chart);

/* Put the current rows on the page as bars: columns name, figure. */
void		report_bars(ReportJob *job, const char *title, const char *x_title);

/* Put the current rows on the page as intervals: columns name, figure, low, high, faint. */
void		report_intervals(ReportJob *job, const char *title, const char *x_title);

/* The sections, in the order of the page. */
void		report_overview(ReportJob *job);
void		report_models(ReportJob *job);
void		report_curves(ReportJob *job);
void		report_scores(ReportJob *job);
void		report_cases(ReportJob *job);
void		report_robustness(ReportJob *job);
void		report_groups(ReportJob *job);
void		report_calibration(ReportJob *job);
void		report_weeks(ReportJob *job);
void		report_review(ReportJob *job);
void		report_verdicts(ReportJob *job);
void		report_audit(ReportJob *job);
void		report_versions(ReportJob *job);
void		report_use(ReportJob *job);

/* A picture to show: its source, and the masks to draw on it. */
typedef struct ReportPicture
{
	char	   *images;			/* the table's name, as a row has it; NULL where that has none, as is id */
	char	   *id;
	Datum		image_sha256;	/* bytea: digest of the expected image; 0 = any */
	char	   *model;			/* segments the image; NULL: mask is given */
	int			version;
	double		threshold;
	bool		tta;
	char	   *enhance;		/* NULL = off */
	Datum		options;		/* jsonb, for segment_options_apply; 0 = none */
	Datum		mask;			/* bytea; 0 = a model makes it */
	bool		with_truth;		/* draw the mask of the table too */
	char	   *caption;		/* in UTF-8 */
	bool		ran_out;		/* the model took longer than lesionseg.remake_timeout */
} ReportPicture;

/* Check the tables of images that the caller named, an array of regclass. */
void		report_open_images(ReportJob *job, ArrayType *tables);

/* Put pictures on the page, and say which cannot be shown. */
void		report_pictures(ReportJob *job, ReportPicture *pictures, int count);

#endif
