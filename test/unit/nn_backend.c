/*
 * nn_backend.c: both backends, and our own special convolutions, against a
 * naive convolution (convolution_fixture.h).
 *
 * Shapes cover what the architectures use (3x3, strided, 7x7 stem, 1x1, the
 * 2x2 of transposed convolutions, depthwise, dilated) with odd sizes, tensors
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
#include "nn/conv/depthwise/depthwise.h"
#include "nn/conv/single_output.h"
#include "nn/conv/winograd/winograd.h"

static const Case cases[] = {
	{"3x3", 2, 12, 12, 32, 48, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 odd size", 1, 13, 7, 16, 16, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 few channels", 2, 9, 11, 5, 7, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 from 3 channels", 2, 16, 16, 3, 32, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 to a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 1, 0, 32},
	{"3x3 from a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 1, 32, 0},
	{"3x3 of many tiles, channels that fill no block", 2, 33, 35, 40, 72, 3, 1, 1, 1, 1, 8, 1},
	{"3x3 deep", 1, 32, 32, 96, 64, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 wider than high, padded by 2", 1, 1, 70, 16, 16, 3, 1, 2, 1, 1, 0, 0},
	{"3x3 between slices", 1, 10, 9, 12, 20, 3, 1, 1, 1, 1, 4, 9},
	{"3x3 stride 2", 2, 16, 16, 16, 32, 3, 2, 1, 1, 1, 0, 0},
	{"3x3 stride 2 odd size", 1, 15, 13, 16, 32, 3, 2, 1, 1, 1, 0, 0},
	{"3x3 dilation 2", 1, 14, 14, 16, 16, 3, 1, 2, 2, 1, 0, 0},
	{"3x3 stride 2 dilation 2", 1, 15, 14, 8, 16, 3, 2, 2, 2, 1, 0, 0},
	{"3x3 unpadded", 1, 10, 10, 16, 16, 3, 1, 0, 1, 1, 0, 0},
	{"7x7 stem", 2, 32, 32, 3, 64, 7, 2, 3, 1, 1, 0, 0},
	{"first 3x3, rows that oneDNN overruns", 1, 4, 512, 3, 16, 3, 1, 1, 1, 1, 0, 0},
	{"first 3x3, rows that oneDNN cannot unroll", 1, 3, 1024, 3, 8, 3, 1, 1, 1, 1, 0, 0},
	{"first 3x3, a low image that oneDNN overruns", 2, 24, 256, 3, 8, 3, 1, 1, 1, 1, 0, 0},
	{"first 3x3, a width that oneDNN overruns", 1, 12, 232, 3, 8, 3, 1, 1, 1, 1, 0, 0},
	{"7x7 stem stride 2 to few channels", 1, 20, 10, 6, 13, 7, 2, 3, 1, 1, 0, 0},
	{"7x7 stem odd size", 1, 31, 29, 3, 16, 7, 2, 3, 1, 1, 0, 0},
	{"1x1", 2, 12, 12, 64, 32, 1, 1, 0, 1, 1, 0, 0},
	{"7x7 patches to few channels", 1, 13, 7, 12, 2, 7, 7, 0, 1, 1, 0, 1},
	{"1x1 stride 2", 2, 12, 12, 16, 32, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 stride 2 odd size", 1, 11, 13, 16, 32, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 stride 2, scratch that oneDNN overruns", 1, 8, 8, 4, 8, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 stride 2, channels that fill no vector", 2, 9, 12, 20, 33, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 to one channel", 2, 16, 16, 32, 1, 1, 1, 0, 1, 1, 0, 0},
	{"1x1 to one channel from a slice", 1, 9, 9, 20, 1, 1, 1, 0, 1, 1, 12, 0},
	{"3x3 to one channel", 1, 8, 8, 16, 1, 3, 1, 1, 1, 1, 0, 0},
	{"2x2 stride 2, 65 channels to a slice", 2, 6, 10, 65, 40, 2, 2, 0, 1, 1, 7, 32},
	{"3x3 stride 3, 65 channels", 1, 9, 15, 65, 17, 3, 3, 0, 1, 1, 0, 0},
	{"2x2 stride 2 in several blocks of rows", 1, 64, 64, 128, 64, 2, 2, 0, 1, 1, 0, 0},
	{"2x2 stride 2", 2, 16, 16, 32, 64, 2, 2, 0, 1, 1, 0, 0},
	{"2x2 stride 2 from a slice", 2, 16, 16, 32, 64, 2, 2, 0, 1, 1, 32, 0},
	{"2x2 stride 2 odd size", 1, 9, 11, 16, 32, 2, 2, 0, 1, 1, 0, 0},
	{"3x3 stride 2 to even size", 1, 8, 8, 16, 16, 3, 2, 1, 1, 1, 16, 16},
	{"kernel smaller than stride", 1, 10, 10, 8, 8, 2, 3, 0, 1, 1, 0, 0},
	{"4x4 patches", 1, 16, 16, 3, 64, 4, 4, 0, 1, 1, 0, 0},
	{"depthwise 7x7", 2, 16, 16, 64, 64, 7, 1, 3, 1, 64, 0, 0},
	{"depthwise 7x7 odd", 1, 11, 13, 24, 24, 7, 1, 3, 1, 24, 0, 0},
	{"depthwise 3x3 stride 2", 1, 13, 12, 32, 32, 3, 2, 1, 1, 32, 0, 0},
	{"depthwise 4x4 stride 4, 65 channels", 1, 8, 12, 65, 65, 4, 4, 0, 1, 65, 0, 0},
	{"depthwise 3x3 between slices", 1, 9, 9, 16, 16, 3, 1, 1, 1, 16, 16, 8},
	{"depthwise 9x9 in bands and blocks", 1, 90, 41, 70, 70, 9, 1, 4, 1, 70, 0, 3},
	{"depthwise 4x4 unpadded", 2, 9, 10, 17, 17, 4, 1, 0, 1, 17, 1, 0},
	{"many pixels", 1, 70, 61, 32, 32, 3, 1, 1, 1, 1, 0, 0},
	{"many channels", 1, 6, 6, 256, 192, 3, 1, 1, 1, 1, 0, 0},
};

/* The fusions that networks use: convolutions and transposed ones. */
static const Fusion fusions[] = {
	{false, false, false, false}, {true, false, false, false}, {true, true, false, false},
	{true, true, true, false}, {true, false, true, false},
	{false, false, false, true}, {true, false, false, true}, {true, true, false, true},
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

/* Check a case with every fusion that networks give it. */
static void
check_fusions(const Backend *backend, const Problem *p, DataType type, int threads)
{
	for (int f = 0; f < FUSIONS; f++)
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
	if (kind == BACKEND_ONEDNN && !backend->supports(type))
		skip();
	for (int i = 0; i < CASES; i++)
		check_fusions(backend, &problems[i], type, threads);
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

/* The instruction sets that our own loops are compiled for. */
static const char *const isa_names[] = {"baseline", "avx2", "avx512"};

#define ISAS ((int) (sizeof isa_names / sizeof isa_names[0]))

static bool
cpu_has(int isa)
{
	return isa == 0 || (isa == 1 ? cpu_features()->avx2 : cpu_features()->avx512);
}

/* One of depthwise_backend's tables as a backend. */
#define DEPTHWISE_TABLE(table) \
static Status \
create_##table(const Call *host, const ConvolutionShape *shape, const ConvolutionUse *use, \
			   Convolution **convolution) \
{ \
	return depthwise_create_with(&table, host, shape, use, convolution); \
}

DEPTHWISE_TABLE(depthwise_baseline)
DEPTHWISE_TABLE(depthwise_avx2)
DEPTHWISE_TABLE(depthwise_avx512)

/* Our own depthwise convolution, in every instruction set that this CPU has. */
static void
depthwise(void **state)
{
	Backend		backend = depthwise_backend;
	int			suited = 0;

	(void) state;
	for (int isa = 0; isa < ISAS; isa++)
	{
		if (!cpu_has(isa))
			continue;
		backend.name = isa_names[isa];
		backend.create = isa == 0 ? create_depthwise_baseline : isa == 1 ? create_depthwise_avx2 :
			create_depthwise_avx512;
		for (int i = 0; i < CASES; i++)
			if (depthwise_suits(&problems[i].shape))
			{
				check_fusions(&backend, &problems[i], DATA_F32, 1);
				check_fusions(&backend, &problems[i], DATA_BF16, 2);
				suited++;
			}
	}
	assert_true(suited >= 5);
}

/* One instruction set's loops of winograd_backend as a backend. */
#define WINOGRAD_LOOPS(loops) \
static Status \
create_##loops(const Call *host, const ConvolutionShape *shape, const ConvolutionUse *use, \
			   Convolution **convolution) \
{ \
	return winograd_create_with(loops, host, shape, use, convolution); \
}

WINOGRAD_LOOPS(winograd_baseline)
WINOGRAD_LOOPS(winograd_avx2)
WINOGRAD_LOOPS(winograd_avx512)

/* Our own 3x3 convolution for inference, in every instruction set that this
 * CPU has: small ones that plans would not give it, too. */
static void
winograd(void **state)
{
	Backend		backend = winograd_backend;
	int			ran = 0;
	int			suited = 0;

	(void) state;
	for (int isa = 0; isa < ISAS; isa++)
	{
		if (!cpu_has(isa))
			continue;
		backend.name = isa_names[isa];
		backend.create = isa == 0 ? create_winograd_baseline : isa == 1 ? create_winograd_avx2 :
			create_winograd_avx512;
		for (int i = 0; i < CASES; i++)
		{
			const Case *c = problems[i].c;
			ConvolutionUse use = case_use(c, DATA_F32, (Fusion) {0}, false);

			if (c->kernel != 3 || c->stride != 1 || c->dilation != 1 || c->groups != 1)
				continue;
			for (int f = 0; f < FUSIONS; f++)
				if (!fusions[f].transposed)
					check_passes(&backend, &problems[i], DATA_F32, fusions[f], 1 + (i + f) % 5, false);
			ran++;
			suited += winograd_suits(&problems[i].shape, &use);
		}
	}
	assert_true(ran >= 10);
	assert_true(suited >= 2);
}

/* It was made for one pass, and says so. */
static void
winograd_refuses(void **state)
{
	Call host = guarded_host(1);
	const Problem *p = NULL;
	ConvolutionUse use;
	Convolution *convolution;

	(void) state;
	for (int i = 0; i < CASES && p == NULL; i++)
		if (problems[i].c->kernel == 3 && problems[i].c->stride == 1)
			p = &problems[i];
	assert_non_null(p);
	use = case_use(p->c, DATA_F32, (Fusion) {0}, true);
	assert_int_equal(winograd_backend.create(&host, &p->shape, &use, &convolution).code, LS_UNSUPPORTED);
	use.backward_data = use.backward_weights = false;
	assert_int_equal(winograd_backend.create(&host, &p->shape, &use, &convolution).code, LS_OK);
	assert_int_equal(winograd_backend.backward_data(convolution, NULL, NULL).code, LS_INTERNAL);
	assert_int_equal(winograd_backend.backward_weights(convolution, NULL, NULL, NULL, NULL).code, LS_INTERNAL);
	winograd_backend.destroy(convolution);
}

/* Our own 1x1 convolution to one channel. */
static void
single_output(void **state)
{
	int			suited = 0;

	(void) state;
	for (int i = 0; i < CASES; i++)
		if (single_output_suits(&problems[i].shape))
		{
			check_fusions(&single_output_backend, &problems[i], DATA_F32, 1);
			check_fusions(&single_output_backend, &problems[i], DATA_BF16, 2);
			suited++;
		}
	assert_true(suited >= 2);
}

/* Two runs on two threads give the same bits. */
static void
gradients_are_reproducible(void **state)
{
	const Case *c = &cases[0];
	Call host = guarded_host(2);

	(void) state;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
		for (DataType type = DATA_F32; type <= DATA_BF16; type++)
		{
			const Backend *backend;
			Convolution *convolution;
			const Problem *p = &problems[0];
			ConvolutionUse use = case_use(c, type, fusions[0], true);
			void	   *x;
			void	   *dy;
			float	   *dw;
			float	   *again;

			if (backend_find(kind, &backend).code != LS_OK)
				continue;
			if (kind == BACKEND_ONEDNN && !backend->supports(type))
				continue;
			x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x, NAN);
			dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy, NAN);
			dw = malloc(weight_count(&p->shape) * sizeof(float));
			again = malloc(weight_count(&p->shape) * sizeof(float));
			assert_int_equal(backend->create(&host, &p->shape, &use, &convolution).code, LS_OK);
			assert_int_equal(backend->backward_weights(convolution, x, dy, dw, NULL).code, LS_OK);
			for (int run = 0; run < 10; run++)
			{
				assert_int_equal(backend->backward_weights(convolution, x, dy, again, NULL).code, LS_OK);
				assert_memory_equal(again, dw, weight_count(&p->shape) * sizeof(float));
			}
			backend->destroy(convolution);
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
	/* Enough images that every thread of a full team has some. */
	static const Case c = {"3x3 in a smaller team", 6, 5, 5, 16, 16, 3, 1, 1, 1, 1, 0, 0};
	Call host = guarded_host(3);
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
			void	   *x;
			void	   *dy;
			float	   *dw;
			float	   *db;
			Status		status = status_ok();

			/* oneDNN's own primitives divide their work beforehand. */
			if (backend_find(backends == 0 ? BACKEND_OPENBLAS : BACKEND_ONEDNN, &backend).code != LS_OK ||
				(backends == 1 && (type == DATA_F32 || !cpu_features()->amx_bf16)))
				continue;
			x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x, NAN);
			dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy, NAN);
			dw = guarded_alloc(weight_count(&p->shape) * sizeof(float));
			db = guarded_alloc(c.c_out * sizeof(float));
			assert_int_equal(backend->create(&host, &p->shape, &use, &convolution).code, LS_OK);
			assert_int_equal(backend->backward_weights(convolution, x, dy, dw, db).code, LS_OK);
#pragma omp parallel num_threads(2)
#pragma omp single nowait
			status = backend->backward_weights(convolution, x, dy, dw, db);
			assert_int_equal(status.code, LS_OK);
			check_values(backend->name, &c, "dw", dw, p->dw_expected, weight_count(&p->shape), 2e-5);
			check_values(backend->name, &c, "db", db, p->db_expected, c.c_out, 2e-5);
			backend->destroy(convolution);
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
	Call host = guarded_host(1);
	ConvolutionShape good = {
		.x = {1, 8, 8, 4}, .y = {1, 8, 8, 6}, .kernel_h = 3, .kernel_w = 3,
		.stride = 1, .padding = 1, .dilation = 1, .groups = 1,
	};
	ConvolutionUse use = {.type = DATA_F32, .x_pixel_stride = 4, .y_pixel_stride = 6, .forward = true};

	(void) state;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
	{
		const Backend *backend;
		Convolution *convolution;
		ConvolutionShape bad = good;
		ConvolutionUse narrow = use;

		if (backend_find(kind, &backend).code != LS_OK)
			continue;
		assert_int_equal(backend->create(&host, &good, &use, &convolution).code, LS_OK);
		assert_true(backend->memory(convolution) >= 4 * 6 * 9 * sizeof(float));
		backend->destroy(convolution);

		bad.y.h = 7;
		assert_int_equal(backend->create(&host, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		assert_null(convolution);
		bad = good;
		bad.groups = 2;
		assert_int_equal(backend->create(&host, &bad, &use, &convolution).code, LS_UNSUPPORTED);
		bad = good;
		bad.stride = 0;
		assert_int_equal(backend->create(&host, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		bad = good;
		bad.kernel_w = 11;
		assert_int_equal(backend->create(&host, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		bad = good;
		bad.x.n = bad.y.n = 0;
		assert_int_equal(backend->create(&host, &bad, &use, &convolution).code, LS_INVALID_ARGUMENT);
		narrow.x_pixel_stride = 3;
		assert_int_equal(backend->create(&host, &good, &narrow, &convolution).code, LS_INVALID_ARGUMENT);
	}
}

/* A limit that is too low is reported, and nothing is left behind. */
static void
memory_limit_is_kept(void **state)
{
	Call host = guarded_host(1);
	ConvolutionShape shape = {
		.x = {1, 8, 8, 64}, .y = {1, 8, 8, 64}, .kernel_h = 3, .kernel_w = 3,
		.stride = 1, .padding = 1, .dilation = 1, .groups = 1,
	};
	ConvolutionUse use = {.type = DATA_F32, .x_pixel_stride = 64, .y_pixel_stride = 64, .forward = true};

	(void) state;
	host.max_memory = 16 * 1024;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
	{
		const Backend *backend;
		Convolution *convolution;

		if (backend_find(kind, &backend).code != LS_OK)
			continue;
		assert_int_equal(backend->create(&host, &shape, &use, &convolution).code, LS_LIMIT_EXCEEDED);
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
	if (backend_find(BACKEND_ONEDNN, &backend).code != LS_OK)
		return;
	assert_int_equal(backend_data_type(backend, PRECISION_F32, &type).code, LS_OK);
	assert_int_equal(type, DATA_F32);
	assert_int_equal(backend_data_type(backend, PRECISION_AUTO, &type).code, LS_OK);
	assert_int_equal(type, cpu_features()->avx512_bf16 ? DATA_BF16 : DATA_F32);
	assert_int_equal(backend_data_type(backend, PRECISION_BF16, &type).code,
					 cpu_features()->avx512_bf16 ? LS_OK : LS_UNSUPPORTED);
}

static void
matrix_products(void **state)
{
	static const float a[] = {1, 2, 3, 4, 5, 6};	/* (2, 3), or (3, 2) */
	static const float b[] = {1, 0, 2, 1, 0, 3};	/* (3, 2), or (2, 3) */
	float		c[] = {1, 1, 1, 1};

	(void) state;
	matrix_product(2, 2, 3, a, 3, false, b, 2, false, 0.0f, c, 2);
	assert_memory_equal(c, ((float[]) {5, 11, 14, 23}), sizeof c);
	matrix_product(2, 2, 3, a, 2, true, b, 2, false, 1.0f, c, 2);
	assert_memory_equal(c, ((float[]) {12, 29, 24, 45}), sizeof c);
	matrix_product(2, 2, 3, a, 3, false, b, 3, true, 0.0f, c, 2);
	assert_memory_equal(c, ((float[]) {7, 10, 16, 22}), sizeof c);
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
		cmocka_unit_test(depthwise),
		cmocka_unit_test(winograd),
		cmocka_unit_test(winograd_refuses),
		cmocka_unit_test(single_output),
		cmocka_unit_test(gradients_are_reproducible),
		cmocka_unit_test(smaller_teams),
		cmocka_unit_test(bad_shapes_are_refused),
		cmocka_unit_test(memory_limit_is_kept),
		cmocka_unit_test(data_types_are_resolved),
		cmocka_unit_test(matrix_products),
	};

	return cmocka_run_group_tests(tests, make_problems, free_problems);
}
