/*
 * nn_openblas.c: only the OpenMP variant of OpenBLAS is used. This program says
 * in the library's place which variant it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cblas.h>
#include <cmocka.h>

#include "nn/conv/backend.h"

static int	variant;

int
openblas_get_parallel(void)
{
	return variant;
}

static void
other_variants_are_refused(void **state)
{
	static const int others[] = {OPENBLAS_SEQUENTIAL, OPENBLAS_THREAD};

	(void) state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
	{
		const Backend *backend;
		Status		status;

		variant = others[i];
		status = backend_check_openblas();
		assert_int_equal(status.code, LS_UNSUPPORTED);
		assert_non_null(strstr(status.hint, "libopenblas0-openmp"));
		assert_int_equal(backend_find(BACKEND_BUILTIN, &backend).code, LS_UNSUPPORTED);
		assert_null(backend);
	}
	variant = OPENBLAS_OPENMP;
	assert_int_equal(backend_check_openblas().code, LS_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_variants_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
