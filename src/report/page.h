/*
 * page.h: a report as one HTML page that needs nothing else: it has no script
 * and makes no request, and a policy in its head forbids both. It is read on a
 * screen, light or dark, on a telephone, on A4, with a keyboard and by a
 * screen reader.
 *
 * Calls go in the order of the page: page_begin, tiles, page_contents,
 * sections with what stands in them, page_end. Every string may hold anything;
 * it is UTF-8 (markup.h).
 */
#ifndef LESIONSEG_REPORT_PAGE_H
#define LESIONSEG_REPORT_PAGE_H

#include <stdbool.h>

#include "report/markup.h"

/* The judgement of a figure on the first screen; shown by words and form, not
 * only by colour. */
typedef enum Finding
{
	FINDING_UNKNOWN,			/* not measured */
	FINDING_GOOD,
	FINDING_LOOK,				/* someone should look */
	FINDING_PLAIN				/* a figure without good or bad */
} Finding;

/* Begin the page. facts: a line below the title, such as who made it and when. */
void		page_begin(Markup *page, const char *title, const char *facts);

/* Add a tile to the first screen: a name, a figure in large, a sentence; section is the id of the
 * section that tells more. */
void		page_tile(Markup *page, Finding finding, const char *name, const char *figure, const char *sentence,
					  const char *section);

/* End the tiles and list the sections: pairs of id and heading, then NULL. Ids are our own. */
void		page_contents(Markup *page, const char *const *sections);

/* Begin a section. */
void		page_section(Markup *page, const char *id, const char *heading, const char *lead);

/* A heading within a section. */
void		page_heading(Markup *page, const char *heading);

/* A paragraph. */
void		page_paragraph(Markup *page, const char *sentence);

/* A paragraph that says that there is nothing to show, and what to do. */
void		page_nothing(Markup *page, const char *sentence);

typedef enum CellKind
{
	CELL_WORDS,
	CELL_NUMBER,				/* right-aligned */
	CELL_TIME,					/* dates and times: never broken */
	CELL_CODE					/* digests: may be broken anywhere */
} CellKind;

typedef struct Table
{
	const char *caption;
	int			columns;
	long		rows;
	const char *const *headings;	/* (columns) */
	const CellKind *kinds;		/* (columns) */
	const char *const *cells;	/* (rows, columns), NULL = no value; the first column names the row */
} Table;

void		page_table(Markup *page, const Table *table);

/* Begin and end a row of charts, side by side if there is room. */
void		page_figures_begin(Markup *page);
void		page_figures_end(Markup *page);

/*
 * Begin a row of pictures, with a legend of their lines
 * (image/drawing/draw.h); with_truth: some have the truth's line.
 * page_figures_end ends it.
 */
void		page_pictures_begin(Markup *page, bool with_truth);

/* Add a JPEG; `alternative` describes it in words. */
void		page_picture(Markup *page, const uint8_t *jpeg, size_t size, const char *alternative,
						 const char *caption);

/* End the page. */
void		page_end(Markup *page, const char *last_line);

#endif
