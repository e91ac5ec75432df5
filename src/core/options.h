/*
 * options.h: named values that a caller may set.
 *
 * All options (config of an architecture, options of training, augmentation,
 * enhancement and segmentation) are tables of this one kind. A row holds the
 * option's name, the place of its value in a struct, its range, its default
 * and its meaning. Reading, storing, errors and the documentation's tables all
 * come from the rows.
 */
#ifndef LESIONSEG_CORE_OPTIONS_H
#define LESIONSEG_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef enum OptionType
{
	OPTION_NUMBER,				/* a double */
	OPTION_WHOLE,				/* a double without a fraction */
	OPTION_ODD,					/* a double that is an odd whole number */
	OPTION_INT,					/* an int */
	OPTION_BOOL,				/* a bool */
	OPTION_CHOICE,				/* an enum (of int's size), set by name */
	OPTION_BOX,					/* four ints: x, y, width and height; 0 unless set */
	OPTION_POINTS				/* an OptionPoints; none unless set */
} OptionType;

#define OPTION_POINTS_MAX 16

/* Points of an image, in pixels. */
typedef struct OptionPoints
{
	int			count;
	int			at[OPTION_POINTS_MAX][2];	/* x, y */
} OptionPoints;

typedef struct Option
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* offset of the value in the struct */
	double		minimum;		/* range of a number, both ends allowed */
	double		maximum;		/* range of a number, both ends allowed */
	double		default_value;	/* of a bool 0 or 1; of a choice its enum */
	const char *meaning;		/* one line, for the documentation */
	const char *const *choices;	/* of a choice: names in the enum's order, NULL after the last */
} Option;

typedef struct OptionTable
{
	const Option *rows;
	int			count;
} OptionTable;

/* A table of the rows of an array. */
#define OPTION_TABLE(array) {(array), (int) (sizeof (array) / sizeof (array)[0])}

/* A table and a struct that holds its values. */
typedef struct OptionBlock
{
	const OptionTable *table;
	void	   *values;
} OptionBlock;

#define OPTION_LIST_MAX (2 * OPTION_POINTS_MAX)

/* A value from outside: a number, true or false, text, or a list of numbers. */
typedef enum OptionValueKind
{
	OPTION_VALUE_NUMBER,
	OPTION_VALUE_BOOL,
	OPTION_VALUE_TEXT,
	OPTION_VALUE_LIST
} OptionValueKind;

typedef struct OptionValue
{
	OptionValueKind kind;
	double		number;			/* of a bool 0 or 1 */
	const char *text;
	double		list[OPTION_LIST_MAX];
	int			count;			/* of the list; more than OPTION_LIST_MAX where it is longer */
} OptionValue;

/* Set every option of a table to its default. */
void		options_default(const OptionTable *table, void *values);

/*
 * Set the option called `key` in the block that has it. An unknown key, a
 * value of another type or out of range is LS_INVALID_ARGUMENT: the message
 * names key and value, the hint lists the keys or says what the value may be.
 * `argument` names the argument that holds the key, for the message:
 * "options".
 */
Status		options_set(const OptionBlock *blocks, int count, const char *argument, const char *key,
						const OptionValue *value);

/* Check values that were not set by options_set: LS_INVALID_ARGUMENT for the
 * first that is out of range. */
Status		options_check(const OptionTable *table, const void *values);

/* The value of an option, as options_set takes it. */
OptionValue option_get(const Option *option, const void *values);

/* Is it a place in an image: none unless set? */
bool		option_is_place(const Option *option);

/* Does the option have its default value? */
bool		option_is_default(const Option *option, const void *values);

/* Write what an option may be into text: "a whole number from 1 to 4". */
void		option_describe(const Option *option, char *text, size_t size);

#endif
