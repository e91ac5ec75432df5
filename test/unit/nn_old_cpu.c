/*
 * nn_old_cpu.c: a CPU without AVX2, or ONEDNN_MAX_CPU_ISA=SSE41, which is what
 * this program sets for itself: oneDNN's kernels for it crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "convolution_fixture.h"
#include "nn/conv/winograd/winograd.h"

static const Case cases[] = {
	{"depthwise 4x4 stride 4", 1, 8, 12, 65, 65, 4, 4, 0, 1, 65, 0, 0},
	{"depthwise 4x4 stride 2", 1, 14, 20, 17, 17, 4, 2, 3, 1, 17, 3, 0},
	{"2x2 stride 2", 1, 10, 12, 65, 65, 2, 2, 0, 1, 1, 0, 0},
	{"3x3 stride 3", 2, 9, 15, 65, 17, 3, 3, 0, 1, 1, 0, 3},
	{"3x3", 1, 9, 11, 65, 33, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 by Winograd's method", 1, 33, 32, 40, 24, 3, 1, 1, 1, 1, 2, 1},
	{"depthwise 7x7", 1, 11, 13, 24, 24, 7, 1, 3, 1, 24, 0, 0},
	{"1x1 to one channel", 1, 9, 9, 20, 1, 1, 1, 0, 1, 1, 12, 0},
};

static void
onednn_is_refused(void **state)
{
	const Backend *backend;
	Status		status = backend_find(BACKEND_ONEDNN, &backend);

	(void) state;
	assert_int_equal(status.code, LS_UNSUPPORTED);
	assert_true(strlen(status.hint) > 0);
	assert_null(backend);
	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	assert_string_equal(backend->name, "openblas");
}

/* What a plan would use. */
static void
convolutions(void **state)
{
	static const Fusion fusions[] = {{true, true, true, false}, {true, true, false, true}};
	const Backend *backend;
	int			winograds = 0;

	(void) state;
	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Problem		p;

		make_problem(&cases[i], (int) i, &p);
		for (int f = 0; f < (cases[i].groups == 1 ? 2 : 1); f++)
			for (int backward = fusions[f].transposed; backward <= 1; backward++)
			{
				ConvolutionUse use = case_use(&cases[i], DATA_F32, fusions[f], backward);
				const Backend *suited = backend_for_shape(backend, &p.shape, &use);

				winograds += suited == &winograd_backend;
				check_passes(suited, &p, DATA_F32, fusions[f], 2, backward);
			}
		free_problem(&p);
	}
	assert_int_equal(winograds, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(onednn_is_refused),
		cmocka_unit_test(convolutions),
	};

	setenv("ONEDNN_MAX_CPU_ISA", "SSE41", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
