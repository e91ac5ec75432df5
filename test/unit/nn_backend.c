/*
 * nn_backend.c: the backends, and every row of the table of convolution
 * kernels, against a naive convolution (convolution_fixture.h).
 *
 * Shapes cover what the architectures use (3x3, strided, 7x7 stem, 1x1, the
 * 2x2 of transposed convolutions, depthwise) with odd sizes, tensors
 * that are slices of wider ones, and what oneDNN is not safe with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convolution_fixture.h"
#include "core/cpu.h"
#include "core/threads.h"

static const Case cases[] = {
	{"3x3", 2, 12, 12, 32, 48, 3, 1, 1, 1, 0, 0},
	{"3x3 odd size", 1, 13, 7, 16, 16, 3, 1, 1, 1, 0, 0},
	{"3x3 few channels", 2, 9, 11, 5, 7, 3, 1, 1, 1, 0, 0},
	{"3x3 from 3 channels", 2, 16, 16, 3, 32, 3, 1, 1, 1, 0, 0},
	{"3x3 to a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 0, 32},
	{"3x3 from a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 32, 0},
	{"3x3 of many tiles, channels that fill no block", 2, 33, 35, 40, 72, 3, 1, 1, 1, 8, 1},
	{"3x3 deep", 1, 32, 32, 96, 64, 3, 1, 1, 1, 0, 0},
	{"3x3 between slices, in training", 2, 17, 18, 40, 24, 3, 1, 1, 1, 9, 3},
	{"3x3 wider than high, padded by 2", 1, 1, 70, 16, 16, 3, 1, 2, 1, 0, 0},
	{"3x3 between slices", 1, 10, 9, 12, 20, 3, 1, 1, 1, 4, 9},
	{"3x3 stride 2", 2, 16, 16, 16, 32, 3, 2, 1, 1, 0, 0},
	{"3x3 stride 2 odd size", 1, 15, 13, 16, 32, 3, 2, 1, 1, 0, 0},
	{"3x3 unpadded", 1, 10, 10, 16, 16, 3, 1, 0, 1, 0, 0},
	{"7x7 stem", 2, 32, 32, 3, 64, 7, 2, 3, 1, 0, 0},
	{"first 3x3, rows that oneDNN overruns", 1, 4, 512, 3, 16, 3, 1, 1, 1, 0, 0},
	{"first 3x3, rows that oneDNN cannot unroll", 1, 3, 1024, 3, 8, 3, 1, 1, 1, 0, 0},
	{"first 3x3, a low image that oneDNN overruns", 2, 24, 256, 3, 8, 3, 1, 1, 1, 0, 0},
	{"first 3x3, a width that oneDNN overruns", 1, 12, 232, 3, 8, 3, 1, 1, 1, 0, 0},
	{"7x7 stem stride 2 to few channels", 1, 20, 10, 6, 13, 7, 2, 3, 1, 0, 0},
	{"7x7 stem odd size", 1, 31, 29, 3, 16, 7, 2, 3, 1, 0, 0},
	{"1x1", 2, 12, 12, 64, 32, 1, 1, 0, 1, 0, 0},
	{"7x7 patches to few channels", 1, 13, 7, 12, 2, 7, 7, 0, 1, 0, 1},
	{"1x1 stride 2", 2, 12, 12, 16, 32, 1, 2, 0, 1, 0, 0},
	{"1x1 stride 2 odd size", 1, 11, 13, 16, 32, 1, 2, 0, 1, 0, 0},
	{"1x1 stride 2, scratch that oneDNN overruns", 1, 8, 8, 4, 8, 1, 2, 0, 1, 0, 0},
	{"1x1 stride 2, channels that fill no vector", 2, 9, 12, 20, 33, 1, 2, 0, 1, 0, 0},
	{"1x1 to one channel", 2, 16, 16, 32, 1, 1, 1, 0, 1, 0, 0},
	{"1x1 to one channel from a slice", 1, 9, 9, 20, 1, 1, 1, 0, 1, 12, 0},
	{"3x3 to one channel", 1, 8, 8, 16, 1, 3, 1, 1, 1, 0, 0},
	{"2x2 stride 2, 65 channels to a slice", 2, 6, 10, 65, 40, 2, 2, 0, 1, 7, 32},
	{"3x3 stride 3, 65 channels", 1, 9, 15, 65, 17, 3, 3, 0, 1, 0, 0},
	{"2x2 stride 2 in several blocks of rows", 1, 64, 64, 128, 64, 2, 2, 0, 1, 0, 0},
	{"2x2 stride 2", 2, 16, 16, 32, 64, 2, 2, 0, 1, 0, 0},
	{"2x2 stride 2 from a slice", 2, 16, 16, 32, 64, 2, 2, 0, 1, 32, 0},
	{"2x2 stride 2 odd size", 1, 9, 11, 16, 32, 2, 2, 0, 1, 0, 0},
	{"3x3 stride 2 to even size", 1, 8, 8, 16, 16, 3, 2, 1, 1, 16, 16},
	{"kernel smaller than stride", 1, 10, 10, 8, 8, 2, 3, 0, 1, 0, 0},
	{"4x4 patches", 1, 16, 16, 3, 64, 4, 4, 0, 1, 0, 0},
	{"depthwise 7x7", 2, 16, 16, 64, 64, 7, 1, 3, 64, 0, 0},
	{"depthwise 7x7 odd", 1, 11, 13, 24, 24, 7, 1, 3, 24, 0, 0},
	{"depthwise 3x3 stride 2", 1, 13, 12, 32, 32, 3, 2, 1, 32, 0, 0},
	{"depthwise 4x4 stride 4, 65 channels", 1, 8, 12, 65, 65, 4, 4, 0, 65, 0, 0},
	{"depthwise 3x3 between slices", 1, 9, 9, 16, 16, 3, 1, 1, 16, 16, 8},
	{"depthwise 9x9 in bands and blocks", 1, 90, 41, 70, 70, 9, 1, 4, 70, 0, 3},
	{"depthwise 4x4 unpadded", 2, 9, 10, 17, 17, 4, 1, 0, 17, 1, 0},
	{"many pixels", 1, 70, 61, 32, 32, 3, 1, 1, 1, 0, 0},
	{"many channels", 1, 6, 6, 256, 192, 3, 1, 1, 1, 0, 0},
};

/* The fusions that networks use: convolutions and transposed ones. */
static const Fusion fusions[] = {
	{.bias = false}, {.bias = true}, {.bias = true,.relu = true},
	{.bias = true,.relu = true,.residual = true}, {.bias = true,.residual = true},
	{.bias = true,.relu = true,.residual = true,.residual_extra = 5},
	{.bias = true,.residual = true,.relu_before = true},
	{.bias = true,.residual = true,.relu_before = true,.residual_extra = 3},
	{.transposed = true}, {.bias = true,.transposed = true}, {.bias = true,.relu = true,.transposed = true},
};

#define FUSIONS ((int) (sizeof fusions / sizeof fusions[0]))
#define CASES ((int) (sizeof cases / sizeof cases[0]))

/* Made once for all tests. */
static Problem problems[CASES];

static int
make_problems(void **state)
{
	(void) state;
	for (int i = 0; i < CASES; i++)
		make_problem(&cases[i], i, &problems[i]);
	return 0;
}

static int
free_problems(void **state)
{
	(void) state;
	for (int i = 0; i < CASES; i++)
		free_problem(&problems[i]);
	return 0;
}

/* Check a case with the fusions that networks give it: all of them, but on one
 * thread each third, from the first on. */
static void
check_fusions(const Backend *backend, const Problem *p, DataType type, int threads, int first)
{
	for (int f = first; f < FUSIONS; f += threads == 1 ? 3 : 1)
		if (!fusions[f].transposed || (p->c->groups == 1 && p->c->stride > 1))
			check_problem(backend, p, type, fusions[f], threads);
}

/* Every case. */
static void
check_backend(BackendKind kind, DataType type, int threads)
{
	const Backend *backend;

	if (backend_find(kind, &backend).code != LS_OK)
		skip();
	if (kind == BACKEND_ONEDNN && type == DATA_BF16 && !backend_has_bf16(backend))
		skip();
	for (int i = 0; i < CASES; i++)
		check_fusions(backend, &problems[i], type, threads, i % (threads == 1 ? 3 : 1));
}

static void
openblas_f32(void **state)
{
	(void) state;
	check_backend(BACKEND_OPENBLAS, DATA_F32, 1);
}

static void
openblas_f32_two_threads(void **state)
{
	(void) state;
	check_backend(BACKEND_OPENBLAS, DATA_F32, 2);
}

static void
openblas_bf16(void **state)
{
	(void) state;
	check_backend(BACKEND_OPENBLAS, DATA_BF16, 2);
}

static void
onednn_f32(void **state)
{
	(void) state;
	check_backend(BACKEND_ONEDNN, DATA_F32, 1);
}

static void
onednn_f32_two_threads(void **state)
{
	(void) state;
	check_backend(BACKEND_ONEDNN, DATA_F32, 2);
}

static void
onednn_bf16(void **state)
{
	(void) state;
	check_backend(BACKEND_ONEDNN, DATA_BF16, 1);
}

static void
onednn_bf16_two_threads(void **state)
{
	(void) state;
	check_backend(BACKEND_ONEDNN, DATA_BF16, 2);
}

/* The rows of the table whose names begin so, where this CPU runs them, in
 * every case that they can compute: those that plans would not give them, too.
 * Each must have computed that many passes at least. */
static void
check_rows(const char *name, int fewest)
{
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);
	bool		found = false;

	for (int row = 0; row < count; row++)
	{
		int			made = 0;

		if (strncmp(rows[row]->name, name, strlen(name)) != 0)
			continue;
		found = true;
		if (rows[row]->runs != NULL && !rows[row]->runs(cpu_features()))
			continue;
		for (int i = 0; i < CASES; i++)
			for (int f = i % 3; f < FUSIONS; f += 3)	/* each with some of the cases */
			{
				if (fusions[f].transposed && (problems[i].c->groups > 1 || problems[i].c->stride == 1))
					continue;
				made += check_kernel(rows[row], &problems[i], DATA_F32, fusions[f], 1 + (i + f) % 5);
				made += check_kernel(rows[row], &problems[i], DATA_BF16, fusions[f], 2);
			}
		if (made < fewest)
			fail_msg("%s computed %d passes only", rows[row]->name, made);
	}
	assert_true(found);
}

static void
depthwise_rows(void **state)
{
	(void) state;
	check_rows("depthwise", 30);
}

static void
winograd_rows(void **state)
{
	(void) state;
	check_rows("winograd", 50);
}

/* The bits of a pass's result on so many threads; the caller frees them. */
static float *
result_on(const ConvolutionKernel *kernel, const Problem *p, DataType type, ConvolutionPass pass, int threads,
		  size_t *bytes)
{
	Host		host = guarded_host();
	ConvolutionUse use = case_use(p->c, type, (Fusion) {0}, false);
	const Backend *backend;
	Convolution *convolution;
	ConvolutionCall call;
	void	   *x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x, NAN);
	void	   *dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy, NAN);
	float	   *result;
	Status		status;

	use.threads = threads;
	use.forward = pass == PASS_FORWARD;
	use.backward_data = pass == PASS_BACKWARD_DATA;
	use.backward_weights = pass == PASS_BACKWARD_WEIGHTS;
	*bytes = sizeof(float) * (pass == PASS_FORWARD ? (size_t) shape_pixels(p->shape.y) * use.y_pixel_stride :
							  pass == PASS_BACKWARD_DATA ? (size_t) shape_pixels(p->shape.x) * use.x_pixel_stride :
							  weight_count(&p->shape));
	result = calloc(*bytes, 1);
	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	assert_int_equal(convolution_create_by(kernel, &host, backend, &p->shape, &use, &convolution).code, LS_OK);
	call = make_call(convolution, threads);
	assert_int_equal(convolution_set_weights(convolution, &call, p->weights, NULL).code, LS_OK);
	status = pass == PASS_FORWARD ? convolution_forward(convolution, &call, x, NULL, result) :
		pass == PASS_BACKWARD_DATA ? convolution_backward_data(convolution, &call, dy, result) :
		convolution_backward_weights(convolution, &call, x, dy, result, NULL);
	assert_int_equal(status.code, LS_OK);
	convolution_free(convolution);
	guarded_free(call.scratch);
	guarded_free(x);
	guarded_free(dy);
	return result;
}

/* Many channels make other runs of tiles, and leave fewer parts of the weight
 * gradient than threads, so that its channels are divided. */
static void
winograd_is_the_same_on_any_threads(void **state)
{
	static const Case divided[] = {
		{"3x3 of many tiles", 3, 33, 35, 40, 72, 3, 1, 1, 1, 0, 0},
		{"3x3 of many channels", 1, 33, 34, 200, 184, 3, 1, 1, 1, 0, 0},
	};
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);

	(void) state;
	for (size_t i = 0; i < sizeof divided / sizeof divided[0]; i++)
	{
		Problem		p;

		make_problem(&divided[i], 0, &p);
		for (int row = 0; row < count; row++)
		{
			bool		gradient = strncmp(rows[row]->name, "winograd_gradient", 17) == 0;
			bool		bf16 = strstr(rows[row]->name, ":bf16") != NULL;
			DataType	type = bf16 ? DATA_BF16 : DATA_F32;

			if (strncmp(rows[row]->name, "winograd", 8) != 0 ||
				(rows[row]->runs != NULL && !rows[row]->runs(cpu_features())))
				continue;
			for (int pass = gradient ? PASS_BACKWARD_WEIGHTS : PASS_FORWARD;
				 pass <= (gradient ? PASS_BACKWARD_WEIGHTS : PASS_BACKWARD_DATA); pass++)
			{
				size_t		bytes;
				float	   *expected = result_on(rows[row], &p, type, pass, 1, &bytes);

				for (int threads = 2; threads <= 7; threads += 5)
				{
					float	   *result = result_on(rows[row], &p, type, pass, threads, &bytes);

					assert_memory_equal(result, expected, bytes);
					free(result);
				}
				free(expected);
			}
		}
		free_problem(&p);
	}
}

static void
single_output_row(void **state)
{
	(void) state;
	check_rows("single_output", 10);
}

static void
amx_rows(void **state)
{
	(void) state;
#ifndef __x86_64__
	skip();						/* the table has none */
#endif
	check_rows("amx", 100);
}

static void
window_product_row(void **state)
{
	(void) state;
	check_rows("window_product", 30);
}

/* Every row is checked by one of the tests above; the libraries' and plain
 * loops by those of the backends. */
static void
no_row_is_left_out(void **state)
{
	static const char *const checked[] = {
		"depthwise", "winograd", "single_output", "amx", "window_product", "openblas", "plain", "onednn",
	};
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);

	(void) state;
	for (int row = 0; row < count; row++)
	{
		bool		found = false;

		for (size_t i = 0; i < sizeof checked / sizeof checked[0]; i++)
			found = found || strncmp(rows[row]->name, checked[i], strlen(checked[i])) == 0;
		if (!found)
			fail_msg("no test checks %s", rows[row]->name);
	}
}

/* The name of the kernel that a backend gives a pass of the 3x3 convolution of
 * an image of size x size. */
static const char *
chosen_at(int size, BackendKind kind, DataType type, int channels, int groups, bool training, ConvolutionPass pass)
{
	static char name[64];
	Host		host = guarded_host();
	ConvolutionShape shape = {
		.x = {1, size, size, channels}, .y = {1, size, size, channels},
		.kernel = 3, .stride = 1, .padding = 1, .groups = groups,
	};
	ConvolutionUse use = {
		.type = type, .threads = 2, .x_pixel_stride = channels, .y_pixel_stride = channels,
		.forward = true, .backward_data = training, .backward_weights = training,
	};
	const Backend *backend;
	Convolution *convolution;

	assert_int_equal(backend_find(kind, &backend).code, LS_OK);
	assert_int_equal(convolution_create(&host, backend, &shape, &use, &convolution).code, LS_OK);
	snprintf(name, sizeof name, "%s", convolution_kernel(convolution, pass));
	convolution_free(convolution);
	return name;
}

/* The same of a larger image. */
static const char *
chosen(BackendKind kind, DataType type, int channels, int groups, bool training, ConvolutionPass pass)
{
	return chosen_at(64, kind, type, channels, groups, training, pass);
}

/* The reference uses nothing else; our own kernels need no library. */
static void
kernels_are_chosen(void **state)
{
	const CpuFeatures *cpu = cpu_features();
	const char *winograd = cpu->avx512 ? "winograd:avx512" : cpu->avx2 ? "winograd:avx2" : "winograd";

	(void) state;
	for (ConvolutionPass pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
		for (DataType type = DATA_F32; type <= DATA_BF16; type++)
		{
			assert_string_equal(chosen(BACKEND_OPENBLAS, type, 32, 1, true, pass), "openblas");
			assert_string_equal(chosen(BACKEND_OPENBLAS, type, 32, 32, true, pass), "plain");
			assert_string_equal(chosen(BACKEND_AUTO, type, 32, 32, true, pass),
								cpu->avx512 ? "depthwise:avx512" : cpu->avx2 ? "depthwise:avx2" : "depthwise");
		}
	assert_string_equal(chosen(BACKEND_OPENBLAS, DATA_F32, 32, 1, false, PASS_FORWARD), "openblas");
	assert_string_equal(chosen(BACKEND_AUTO, DATA_F32, 32, 1, false, PASS_FORWARD), winograd);
	assert_string_equal(chosen(BACKEND_AUTO, DATA_F32, 32, 1, true, PASS_FORWARD), winograd);
	assert_string_equal(chosen(BACKEND_AUTO, DATA_F32, 32, 1, true, PASS_BACKWARD_DATA), winograd);
	assert_string_equal(chosen(BACKEND_AUTO, DATA_F32, 32, 1, true, PASS_BACKWARD_WEIGHTS),
						cpu->avx512 ? "winograd_gradient:avx512" : cpu->avx2 ? "winograd_gradient:avx2" :
						"winograd_gradient");
	assert_string_equal(chosen(BACKEND_AUTO, DATA_F32, 32, 1, false, PASS_BACKWARD_DATA), "");

	/* The least images, and mapped weights that are too large to keep for one. */
	assert_string_equal(chosen_at(8, BACKEND_BUILTIN, DATA_F32, 128, 1, false, PASS_FORWARD), winograd);
	assert_string_equal(chosen_at(8, BACKEND_BUILTIN, DATA_F32, 384, 1, true, PASS_FORWARD), winograd);
	assert_string_equal(chosen_at(8, BACKEND_BUILTIN, DATA_F32, 384, 1, false, PASS_FORWARD),
						cpu->avx512 ? "winograd_small:avx512" : cpu->avx2 ? "winograd_small:avx2" : "openblas");
	assert_string_equal(chosen_at(7, BACKEND_BUILTIN, DATA_F32, 128, 1, true, PASS_FORWARD), "openblas");
	if (cpu->avx512_bf16 && !cpu->amx_bf16)
	{
		assert_string_equal(chosen(BACKEND_AUTO, DATA_BF16, 32, 1, false, PASS_FORWARD), "winograd:bf16");
		assert_string_equal(chosen(BACKEND_AUTO, DATA_BF16, 32, 1, true, PASS_FORWARD), "winograd:bf16");
		assert_string_equal(chosen(BACKEND_AUTO, DATA_BF16, 32, 1, true, PASS_BACKWARD_DATA), "winograd:bf16");
		assert_string_equal(chosen(BACKEND_AUTO, DATA_BF16, 32, 1, true, PASS_BACKWARD_WEIGHTS),
							"winograd_gradient:bf16");
	}
	if (!cpu->amx_bf16)
		return;
	assert_string_equal(chosen(BACKEND_BUILTIN, DATA_BF16, 32, 1, false, PASS_FORWARD), "amx");
	assert_string_equal(chosen(BACKEND_BUILTIN, DATA_BF16, 32, 1, true, PASS_FORWARD), "amx");
	assert_string_equal(chosen(BACKEND_BUILTIN, DATA_BF16, 32, 1, true, PASS_BACKWARD_DATA), "amx");
	assert_string_equal(chosen(BACKEND_BUILTIN, DATA_BF16, 32, 1, true, PASS_BACKWARD_WEIGHTS), "amx_gradient");
}

/* What was made for one pass says so when another is asked for. */
static void
other_passes_are_refused(void **state)
{
	Host		host = guarded_host();
	const Problem *p = &problems[0];
	ConvolutionUse use = case_use(p->c, DATA_F32, (Fusion) {0}, false);
	ConvolutionCall call = {.threads = 1};
	const Backend *backend;
	Convolution *convolution;

	(void) state;
	assert_int_equal(backend_find(BACKEND_OPENBLAS, &backend).code, LS_OK);
	assert_int_equal(convolution_create(&host, backend, &p->shape, &use, &convolution).code, LS_OK);
	assert_int_equal(convolution_backward_data(convolution, &call, NULL, NULL).code, LS_INTERNAL);
	assert_int_equal(convolution_backward_weights(convolution, &call, NULL, NULL, NULL, NULL).code, LS_INTERNAL);
	convolution_free(convolution);
}

/* Two runs on two threads give the same bits. */
static void
gradients_are_reproducible(void **state)
{
	const Case *c = &cases[0];
	Host		host = guarded_host();

	(void) state;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
		for (DataType type = DATA_F32; type <= DATA_BF16; type++)
		{
			const Backend *backend;
			Convolution *convolution;
			const Problem *p = &problems[0];
			ConvolutionUse use = case_use(c, type, fusions[0], true);
			ConvolutionCall call;
			void	   *x;
			void	   *dy;
			float	   *dw;
			float	   *again;

			if (backend_find(kind, &backend).code != LS_OK)
				continue;
			if (kind == BACKEND_ONEDNN && type == DATA_BF16 && !backend_has_bf16(backend))
				continue;
			x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x, NAN);
			dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy, NAN);
			dw = malloc(weight_count(&p->shape) * sizeof(float));
			again = malloc(weight_count(&p->shape) * sizeof(float));
			use.threads = 2;
			assert_int_equal(convolution_create(&host, backend, &p->shape, &use, &convolution).code, LS_OK);
			call = make_call(convolution, 2);
			assert_int_equal(convolution_backward_weights(convolution, &call, x, dy, dw, NULL).code, LS_OK);
			for (int run = 0; run < 10; run++)
			{
				assert_int_equal(convolution_backward_weights(convolution, &call, x, dy, again, NULL).code, LS_OK);
				assert_memory_equal(again, dw, weight_count(&p->shape) * sizeof(float));
			}
			convolution_free(convolution);
			guarded_free(call.scratch);
			guarded_free(x);
			guarded_free(dy);
			free(dw);
			free(again);
		}
}

/* The runtime may give fewer threads than asked for, as it does inside of a
 * parallel region: what another call left in the others' sums must not count. */
static void
smaller_teams(void **state)
{
	/* Large enough for Winograd's method, and images for every thread of a full team. */
	static const Case c = {"3x3 in a smaller team", 6, 17, 16, 16, 16, 3, 1, 1, 1, 0, 0};
	Host		host = guarded_host();
	Problem		problem;
	const Problem *p = &problem;

	(void) state;
	make_problem(&c, 0, &problem);
	for (int backends = 0; backends < 2; backends++)
		for (DataType type = DATA_F32; type <= DATA_BF16; type++)
		{
			const Backend *backend;
			Convolution *convolution;
			ConvolutionUse use = case_use(&c, type, fusions[1], true);
			ConvolutionCall call;
			void	   *x;
			void	   *dy;
			float	   *dw;
			float	   *db;
			Status		status = status_ok();

			/* Not oneDNN, whose primitives divide their work beforehand. */
			if (backend_find(backends == 0 ? BACKEND_OPENBLAS : BACKEND_AUTO, &backend).code != LS_OK ||
				(backends == 1 && type == DATA_BF16 && !cpu_features()->amx_bf16))
				continue;
			x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x, NAN);
			dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy, NAN);
			dw = guarded_alloc(weight_count(&p->shape) * sizeof(float));
			db = guarded_alloc(c.c_out * sizeof(float));
			use.threads = 3;
			assert_int_equal(convolution_create(&host, backend, &p->shape, &use, &convolution).code, LS_OK);
			call = make_call(convolution, 3);
			assert_int_equal(convolution_backward_weights(convolution, &call, x, dy, dw, db).code, LS_OK);
#pragma omp parallel num_threads(2)
#pragma omp single nowait
			status = convolution_backward_weights(convolution, &call, x, dy, dw, db);
			assert_int_equal(status.code, LS_OK);
			check_values(backend->name, &c, "dw", dw, p->dw_expected, weight_count(&p->shape), 2e-5);
			check_values(backend->name, &c, "db", db, p->db_expected, c.c_out, 2e-5);
			convolution_free(convolution);
			guarded_free(call.scratch);
			guarded_free(x);
			guarded_free(dy);
			guarded_free(dw);
			guarded_free(db);
		}
	free_problem(&problem);
}

/* What is no convolution is refused with its numbers. */
static void
bad_shapes_are_refused(void **state)
{
	Host		host = guarded_host();
	ConvolutionShape good = {
		.x = {1, 8, 8, 4}, .y = {1, 8, 8, 6}, .kernel = 3,
		.stride = 1, .padding = 1, .groups = 1,
	};
	ConvolutionUse use = {.type = DATA_F32, .threads = 1, .x_pixel_stride = 4, .y_pixel_stride = 6, .forward = true};

	(void) state;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
	{
		const Backend *backend;
		Convolution *convolution;
		ConvolutionShape bad = good;
		ConvolutionUse narrow = use;

		if (backend_find(kind, &backend).code != LS_OK)
			continue;
		assert_int_equal(convolution_create(&host, backend, &good, &use, &convolution).code, LS_OK);
		assert_true(convolution_memory(convolution) >= 4 * 6 * 9 * sizeof(float));
		convolution_free(convolution);

		bad.y.h = 7;
		assert_int_equal(convolution_create(&host, backend, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		assert_null(convolution);
		bad = good;
		bad.groups = 2;
		assert_int_equal(convolution_create(&host, backend, &bad, &use, &convolution).code, LS_UNSUPPORTED);
		bad = good;
		bad.stride = 0;
		assert_int_equal(convolution_create(&host, backend, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		bad = good;
		bad.kernel = 11;
		assert_int_equal(convolution_create(&host, backend, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		bad = good;
		bad.x.n = bad.y.n = 0;
		assert_int_equal(convolution_create(&host, backend, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		narrow.x_pixel_stride = 3;
		assert_int_equal(convolution_create(&host, backend, &good, &narrow, &convolution).code, LS_INVALID_ARGUMENT);
	}
}

/* A limit that is too low is reported, and nothing is left behind. */
static void
memory_limit_is_kept(void **state)
{
	Host		host = guarded_host();
	ConvolutionShape shape = {
		.x = {1, 8, 8, 64}, .y = {1, 8, 8, 64}, .kernel = 3,
		.stride = 1, .padding = 1, .groups = 1,
	};
	ConvolutionUse use = {.type = DATA_F32, .threads = 1, .x_pixel_stride = 64, .y_pixel_stride = 64, .forward = true};

	(void) state;
	host.max_memory = 16 * 1024;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
	{
		const Backend *backend;
		Convolution *convolution;

		if (backend_find(kind, &backend).code != LS_OK)
			continue;
		assert_int_equal(convolution_create(&host, backend, &shape, &use, &convolution).code, LS_LIMIT_EXCEEDED);
		assert_null(convolution);
	}
}

static void
data_types_are_resolved(void **state)
{
	const Backend *backend;
	DataType	type;

	(void) state;
	assert_int_equal(backend_find(BACKEND_OPENBLAS, &backend).code, LS_OK);
	assert_string_equal(backend->name, "openblas");
	assert_int_equal(backend_data_type(backend, PRECISION_AUTO, &type).code, LS_OK);
	assert_int_equal(type, DATA_F32);
	assert_int_equal(backend_data_type(backend, PRECISION_BF16, &type).code, LS_UNSUPPORTED);
	assert_int_equal(backend_find(BACKEND_BUILTIN, &backend).code, LS_OK);
	assert_string_equal(backend->name, "builtin");
	assert_int_equal(backend_data_type(backend, PRECISION_AUTO, &type).code, LS_OK);
	assert_int_equal(type, cpu_features()->amx_bf16 ? DATA_BF16 : DATA_F32);
	if (backend_find(BACKEND_ONEDNN, &backend).code != LS_OK)
		return;
	assert_int_equal(backend_data_type(backend, PRECISION_F32, &type).code, LS_OK);
	assert_int_equal(type, DATA_F32);
	assert_int_equal(backend_data_type(backend, PRECISION_AUTO, &type).code, LS_OK);
	assert_int_equal(type, cpu_features()->avx512_bf16 ? DATA_BF16 : DATA_F32);
	assert_int_equal(backend_data_type(backend, PRECISION_BF16, &type).code,
					 cpu_features()->avx512_bf16 ? LS_OK : LS_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openblas_f32),
		cmocka_unit_test(openblas_f32_two_threads),
		cmocka_unit_test(openblas_bf16),
		cmocka_unit_test(onednn_f32),
		cmocka_unit_test(onednn_f32_two_threads),
		cmocka_unit_test(onednn_bf16),
		cmocka_unit_test(onednn_bf16_two_threads),
		cmocka_unit_test(depthwise_rows),
		cmocka_unit_test(winograd_rows),
		cmocka_unit_test(winograd_is_the_same_on_any_threads),
		cmocka_unit_test(single_output_row),
		cmocka_unit_test(amx_rows),
		cmocka_unit_test(window_product_row),
		cmocka_unit_test(no_row_is_left_out),
		cmocka_unit_test(kernels_are_chosen),
		cmocka_unit_test(other_passes_are_refused),
		cmocka_unit_test(gradients_are_reproducible),
		cmocka_unit_test(smaller_teams),
		cmocka_unit_test(bad_shapes_are_refused),
		cmocka_unit_test(memory_limit_is_kept),
		cmocka_unit_test(data_types_are_resolved),
	};

	return cmocka_run_group_tests(tests, make_problems, free_problems);
}
