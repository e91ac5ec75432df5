/*
 * options.h: named values that a caller may set.
 *
 * Every kind of option (config of an architecture, options of a training, of
 * augmentation, of enhancement, of segmentation) is a table of this one kind.
 * A row says what the option is called, where its value stands in a struct,
 * what it may be, what it is when nobody sets it, and what it means. Reading,
 * storing, errors and the documentation's tables all come from the rows.
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
	OPTION_CHOICE				/* an enum (of int's size), set by name */
} OptionType;

typedef struct Option
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* of the value in the struct */
	double		minimum;		/* of a number, included */
	double		maximum;		/* of a number, included */
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

/* A table and the struct that it is about. */
typedef struct OptionBlock
{
	const OptionTable *table;
	void	   *values;
} OptionBlock;

/* A value from outside: a number, true or false, or text. */
typedef enum OptionValueKind
{
	OPTION_VALUE_NUMBER,
	OPTION_VALUE_BOOL,
	OPTION_VALUE_TEXT
} OptionValueKind;

typedef struct OptionValue
{
	OptionValueKind kind;
	double		number;			/* of a bool 0 or 1 */
	const char *text;
} OptionValue;

/* Set every option of a table to its default. */
void		options_default(const OptionTable *table, void *values);

/*
 * Set the option called `key`, of whichever of the blocks has it. A key that
 * none has, a value of another type or out of range is LS_INVALID_ARGUMENT:
 * the message names key and value, the hint lists the keys or says what the
 * value may be. `argument` says where the key stands: "options".
 */
Status		options_set(const OptionBlock *blocks, int count, const char *argument, const char *key,
						const OptionValue *value);

/* Check values that came into the struct another way: LS_INVALID_ARGUMENT for
 * the first that is out of range. */
Status		options_check(const OptionTable *table, const void *values);

/* The value of an option, as options_set takes it. */
OptionValue option_get(const Option *option, const void *values);

/* Has the option its default? */
bool		option_is_default(const Option *option, const void *values);

/* Write what an option may be into text: "a whole number from 1 to 4". */
void		option_describe(const Option *option, char *text, size_t size);

#endif
