/*
 * style.h: the look of a page. Private to this folder.
 */
#ifndef LESIONSEG_REPORT_STYLE_H
#define LESIONSEG_REPORT_STYLE_H

/* The text of the page's style element. */
extern const char page_style[];

#endif
