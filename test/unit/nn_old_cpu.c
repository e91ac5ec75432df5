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

static const Case cases[] = {
	{"depthwise 4x4 stride 4", 1, 8, 12, 65, 65, 4, 4, 0, 65, 0, 0},
	{"depthwise 4x4 stride 2", 1, 14, 20, 17, 17, 4, 2, 3, 17, 3, 0},
	{"2x2 stride 2", 1, 10, 12, 65, 65, 2, 2, 0, 1, 0, 0},
	{"3x3 stride 3", 2, 9, 15, 65, 17, 3, 3, 0, 1, 0, 3},
	{"3x3", 1, 7, 11, 65, 33, 3, 1, 1, 1, 0, 0},
	{"3x3 by Winograd's method", 1, 33, 32, 40, 24, 3, 1, 1, 1, 2, 1},
	{"depthwise 7x7", 1, 11, 13, 24, 24, 7, 1, 3, 24, 0, 0},
	{"1x1 to one channel", 1, 9, 9, 20, 1, 1, 1, 0, 1, 12, 0},
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
	assert_string_equal(backend->name, "builtin");
}

/* The reason is what the backend's own kernels need, not what oneDNN's do. */
static void
bf16_is_refused(void **state)
{
	const Backend *backend;
	DataType	type;
	Status		status;

	(void) state;
	assert_int_equal(backend_find(BACKEND_BUILTIN, &backend).code, LS_OK);
	status = backend_data_type(backend, PRECISION_BF16, &type);
	assert_int_equal(status.code, LS_UNSUPPORTED);
	assert_string_equal(status.message,
						"the builtin backend cannot compute in bf16 on this machine: the CPU lacks AMX");
}

/* What a plan would use. */
static void
convolutions(void **state)
{
	static const Fusion fusions[] = {
		{.bias = true,.relu = true,.residual = true}, {.bias = true,.relu = true,.transposed = true}
	};
	const Backend *backend;

	(void) state;
	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Problem		p;

		make_problem(&cases[i], (int) i, &p);
		for (int f = 0; f < (cases[i].groups == 1 ? 2 : 1); f++)
			for (int backward = fusions[f].transposed; backward <= 1; backward++)
				check_passes(backend, &p, DATA_F32, fusions[f], 2, backward);
		free_problem(&p);
	}
}

/* Our own kernels have loops for it. */
static void
kernels_are_baseline(void **state)
{
	Host		host = guarded_host();
	const Backend *backend;

	(void) state;
	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		ConvolutionUse use = case_use(&cases[i], DATA_F32, (Fusion) {0}, false);
		const char *expected = strstr(cases[i].name, "Winograd") != NULL ? "winograd" :
			strstr(cases[i].name, "7x7") != NULL ? "depthwise" :
			strstr(cases[i].name, "one channel") != NULL ? "single_output" :
			cases[i].groups > 1 ? "plain" : "openblas";
		Convolution *convolution;
		Problem		p;

		make_problem(&cases[i], (int) i, &p);
		assert_int_equal(convolution_create(&host, backend, &p.shape, &use, &convolution).code, LS_OK);
		assert_string_equal(convolution_kernel(convolution, PASS_FORWARD), expected);
		convolution_free(convolution);
		free_problem(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(onednn_is_refused),
		cmocka_unit_test(bf16_is_refused),
		cmocka_unit_test(convolutions),
		cmocka_unit_test(kernels_are_baseline),
	};

	setenv("ONEDNN_MAX_CPU_ISA", "SSE41", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
