/*
 * options.c: see options.h.
 */
#include "core/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DESCRIPTION_SIZE 120	/* room for what option_describe writes */

bool
option_is_place(const Option *option)
{
	return option->type == OPTION_BOX || option->type == OPTION_POINTS;
}

/* Is the number a value that the option allows? */
static bool
option_allows(const Option *option, double number)
{
	if (option->type == OPTION_BOOL || option->type == OPTION_CHOICE || option_is_place(option))
		return true;			/* a stored choice or place was checked when it was set */
	if (!(number >= option->minimum && number <= option->maximum))
		return false;
	if (option->type == OPTION_ODD)
		return fmod(number, 2) == 1;
	return option->type == OPTION_NUMBER || number == floor(number);
}

/* Store a number as the option's value. */
static void
option_store(const Option *option, void *values, double number)
{
	char	   *place = (char *) values + option->offset;
	int			whole = 0;
	bool		on = number != 0;

	switch (option->type)
	{
		case OPTION_NUMBER:
		case OPTION_WHOLE:
		case OPTION_ODD:
			memcpy(place, &number, sizeof number);
			break;
		case OPTION_INT:
		case OPTION_CHOICE:
			whole = (int) number;
			memcpy(place, &whole, sizeof whole);
			break;
		case OPTION_BOOL:
			memcpy(place, &on, sizeof on);
			break;
		case OPTION_BOX:
			memset(place, 0, 4 * sizeof whole);
			break;
		case OPTION_POINTS:
			memset(place, 0, sizeof(OptionPoints));
			break;
	}
}

/* Read the option's value as a number. */
static double
option_load(const Option *option, const void *values)
{
	const char *place = (const char *) values + option->offset;
	double		number = 0;
	int			whole;
	bool		on;

	switch (option->type)
	{
		case OPTION_NUMBER:
		case OPTION_WHOLE:
		case OPTION_ODD:
			memcpy(&number, place, sizeof number);
			break;
		case OPTION_INT:
		case OPTION_CHOICE:
			memcpy(&whole, place, sizeof whole);
			number = whole;
			break;
		case OPTION_BOOL:
			memcpy(&on, place, sizeof on);
			number = on;
			break;
		case OPTION_BOX:		/* its width: 0 is no box */
			memcpy(&whole, place + 2 * sizeof whole, sizeof whole);
			number = whole;
			break;
		case OPTION_POINTS:		/* how many */
			number = ((const OptionPoints *) place)->count;
			break;
	}
	return number;
}

void
options_default(const OptionTable *table, void *values)
{
	for (int i = 0; i < table->count; i++)
		option_store(&table->rows[i], values, table->rows[i].default_value);
}

/* Append to text; what does not fit is cut. */
static void
append_text(char *text, size_t size, const char *more)
{
	size_t		used = strlen(text);

	snprintf(text + used, size - used, "%s", more);
}

void
option_describe(const Option *option, char *text, size_t size)
{
	switch (option->type)
	{
		case OPTION_BOOL:
			snprintf(text, size, "true or false");
			return;
		case OPTION_CHOICE:
			text[0] = '\0';
			for (int i = 0; option->choices[i] != NULL; i++)
			{
				append_text(text, size, i == 0 ? "'" : option->choices[i + 1] == NULL ? " or '" : ", '");
				append_text(text, size, option->choices[i]);
				append_text(text, size, "'");
			}
			return;
		case OPTION_BOX:
			snprintf(text, size, "[x, y, width, height], whole numbers of pixels");
			return;
		case OPTION_POINTS:
			snprintf(text, size, "[x, y] or [x, y, x, y, ...], up to %d points, whole numbers of pixels",
					 OPTION_POINTS_MAX);
			return;
		default:
			snprintf(text, size, "%s from %g to %g", option->type == OPTION_NUMBER ? "a number" :
					 option->type == OPTION_ODD ? "an odd number" : "a whole number", option->minimum, option->maximum);
	}
}

/* Refuse a value; the hint says what the option may be. */
static Status
with_description(Status status, const Option *option)
{
	char		description[DESCRIPTION_SIZE];

	option_describe(option, description, sizeof description);
	return status_with_hint(status, "%s takes %s.", option->name, description);
}

/* The value of `text` among the option's choices; -1 where it is none. */
static int
choice_of(const Option *option, const char *text)
{
	for (int i = 0; option->choices[i] != NULL; i++)
		if (strcmp(option->choices[i], text) == 0)
			return i;
	return -1;
}

/* Read a number of pixels, `least` or more. */
static Status
read_pixels(const Option *option, const char *name, double number, int least, int *pixels)
{
	/* No image is larger (image.h), so all sums fit. */
	if (!(number >= least && number <= 65535 && number == floor(number)))
		return with_description(status_error(LS_INVALID_ARGUMENT, "%s has no %s of %g", option->name, name, number),
								option);
	*pixels = (int) number;
	return status_ok();
}

/* Set a box. */
static Status
option_set_box(const Option *option, void *values, const OptionValue *value)
{
	static const char *const names[] = {"x", "y", "width", "height"};
	int			box[4];

	if (value->kind != OPTION_VALUE_LIST || value->count != 4)
		return with_description(status_error(LS_INVALID_ARGUMENT, "%s is not a list of four numbers", option->name),
								option);
	for (int i = 0; i < 4; i++)
		TRY(read_pixels(option, names[i], value->list[i], i < 2 ? 0 : 1, &box[i]));
	memcpy((char *) values + option->offset, box, sizeof box);
	return status_ok();
}

/* Set points. */
static Status
option_set_points(const Option *option, void *values, const OptionValue *value)
{
	OptionPoints points = {.count = value->count / 2};

	if (value->kind != OPTION_VALUE_LIST || value->count < 2 || value->count % 2 != 0 || value->count > OPTION_LIST_MAX)
		return with_description(status_error(LS_INVALID_ARGUMENT, "%s is not a list of points", option->name), option);
	for (int i = 0; i < points.count; i++)
	{
		TRY(read_pixels(option, "x", value->list[2 * i], 0, &points.at[i][0]));
		TRY(read_pixels(option, "y", value->list[2 * i + 1], 0, &points.at[i][1]));
	}
	memcpy((char *) values + option->offset, &points, sizeof points);
	return status_ok();
}

/* Set one option from a value from outside. */
static Status
option_set(const Option *option, void *values, const OptionValue *value)
{
	double		number = value->number;
	OptionValueKind wanted = option->type == OPTION_BOOL ? OPTION_VALUE_BOOL :
		option->type == OPTION_CHOICE ? OPTION_VALUE_TEXT : OPTION_VALUE_NUMBER;

	if (option->type == OPTION_BOX)
		return option_set_box(option, values, value);
	if (option->type == OPTION_POINTS)
		return option_set_points(option, values, value);
	if (value->kind != wanted)
		return with_description(status_error(LS_INVALID_ARGUMENT, "%s is not %s", option->name,
											 wanted == OPTION_VALUE_BOOL ? "true or false" :
											 wanted == OPTION_VALUE_TEXT ? "text" : "a number"), option);
	if (wanted == OPTION_VALUE_TEXT)
	{
		number = choice_of(option, value->text);
		if (number < 0)
			return with_description(status_error(LS_INVALID_ARGUMENT, "%s is \"%s\"", option->name, value->text),
									option);
	}
	if (!option_allows(option, number))
		return with_description(status_error(LS_INVALID_ARGUMENT, "%s %g is out of range", option->name, number),
								option);
	option_store(option, values, number);
	return status_ok();
}

/* Refuse a key that no block has. */
static Status
unknown_key(const OptionBlock *blocks, int count, const char *argument, const char *key)
{
	Status		status = status_error(LS_INVALID_ARGUMENT, "no key \"%s\" in %s", key, argument);
	const char *before = "Keys that exist: ";

	for (int b = 0; b < count; b++)
		for (int i = 0; i < blocks[b].table->count; i++)
		{
			append_text(status.hint, sizeof status.hint, before);
			append_text(status.hint, sizeof status.hint, blocks[b].table->rows[i].name);
			before = ", ";
		}
	append_text(status.hint, sizeof status.hint, ".");
	return status;
}

Status
options_set(const OptionBlock *blocks, int count, const char *argument, const char *key, const OptionValue *value)
{
	for (int b = 0; b < count; b++)
		for (int i = 0; i < blocks[b].table->count; i++)
			if (strcmp(blocks[b].table->rows[i].name, key) == 0)
				return option_set(&blocks[b].table->rows[i], blocks[b].values, value);
	return unknown_key(blocks, count, argument, key);
}

Status
options_check(const OptionTable *table, const void *values)
{
	for (int i = 0; i < table->count; i++)
	{
		const Option *option = &table->rows[i];
		double		number = option_load(option, values);

		if (!option_allows(option, number))
			return with_description(status_error(LS_INVALID_ARGUMENT, "%s %g is out of range", option->name, number),
									option);
	}
	return status_ok();
}

OptionValue
option_get(const Option *option, const void *values)
{
	OptionValue value = {
		.kind = option->type == OPTION_BOOL ? OPTION_VALUE_BOOL :
		option->type == OPTION_CHOICE ? OPTION_VALUE_TEXT : OPTION_VALUE_NUMBER,
		.number = option_load(option, values),
	};

	if (value.kind == OPTION_VALUE_TEXT)
		value.text = option->choices[(int) value.number];
	if (option_is_place(option))
	{
		const char *place = (const char *) values + option->offset;
		const int  *numbers = option->type == OPTION_BOX ? (const int *) place :
			&((const OptionPoints *) place)->at[0][0];

		value.kind = OPTION_VALUE_LIST;
		value.count = option->type == OPTION_BOX ? 4 : 2 * (int) value.number;
		for (int i = 0; i < value.count; i++)
			value.list[i] = numbers[i];
	}
	return value;
}

bool
option_is_default(const Option *option, const void *values)
{
	return option_load(option, values) == option->default_value;
}
