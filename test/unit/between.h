/*
 * between.h: a whole number within bounds. cmocka 1 and cmocka 2 have no
 * assertion for it in common: what one has the other deprecates.
 */
#ifndef LESIONSEG_TEST_BETWEEN_H
#define LESIONSEG_TEST_BETWEEN_H

#define assert_between(value, low, high) \
	do \
	{ \
		long		number_ = (long) (value); \
\
		if (number_ < (long) (low) || number_ > (long) (high)) \
			fail_msg(#value " is %ld, not between %ld and %ld", number_, (long) (low), (long) (high)); \
	} while (0)

#endif
