/*
 * nn_backend.c: both backends, and our own special convolutions, against a
 * naive convolution.
 *
 * The reference is seven nested loops in double. Shapes cover what the
 * architectures use (3x3, strided, 7x7 stem, 1x1, the 2x2 of transposed
 * convolutions, depthwise, dilated) with odd sizes and tensors that are
 * slices of wider ones; elements between the slices must stay untouched.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cpu.h"
#include "core/rng.h"
#include "core/threads.h"
#include "nn/backend.h"
#include "nn/depthwise.h"
#include "nn/single_output.h"

/* What wide tensors hold between their slices; exact in bf16. */
#define UNTOUCHED 77.0f

typedef struct Case
{
	const char *name;
	int			n;
	int			h;
	int			w;
	int			c_in;
	int			c_out;
	int			kernel;
	int			stride;
	int			padding;
	int			dilation;
	int			groups;
	int			x_extra;		/* pixel stride beyond C */
	int			y_extra;
} Case;

static const Case cases[] = {
	{"3x3", 2, 12, 12, 32, 48, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 odd size", 1, 13, 7, 16, 16, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 few channels", 2, 9, 11, 5, 7, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 from 3 channels", 2, 16, 16, 3, 32, 3, 1, 1, 1, 1, 0, 0},
	{"3x3 to a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 1, 0, 32},
	{"3x3 from a slice", 2, 16, 16, 32, 32, 3, 1, 1, 1, 1, 32, 0},
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
	{"1x1 stride 2", 2, 12, 12, 16, 32, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 stride 2 odd size", 1, 11, 13, 16, 32, 1, 2, 0, 1, 1, 0, 0},
	{"1x1 to one channel", 2, 16, 16, 32, 1, 1, 1, 0, 1, 1, 0, 0},
	{"1x1 to one channel from a slice", 1, 9, 9, 20, 1, 1, 1, 0, 1, 1, 12, 0},
	{"3x3 to one channel", 1, 8, 8, 16, 1, 3, 1, 1, 1, 1, 0, 0},
	{"2x2 stride 2", 2, 16, 16, 32, 64, 2, 2, 0, 1, 1, 0, 0},
	{"2x2 stride 2 from a slice", 2, 16, 16, 32, 64, 2, 2, 0, 1, 1, 32, 0},
	{"2x2 stride 2 odd size", 1, 9, 11, 16, 32, 2, 2, 0, 1, 1, 0, 0},
	{"3x3 stride 2 to even size", 1, 8, 8, 16, 16, 3, 2, 1, 1, 1, 16, 16},
	{"kernel smaller than stride", 1, 10, 10, 8, 8, 2, 3, 0, 1, 1, 0, 0},
	{"4x4 patches", 1, 16, 16, 3, 64, 4, 4, 0, 1, 1, 0, 0},
	{"depthwise 7x7", 2, 16, 16, 64, 64, 7, 1, 3, 1, 64, 0, 0},
	{"depthwise 7x7 odd", 1, 11, 13, 24, 24, 7, 1, 3, 1, 24, 0, 0},
	{"depthwise 3x3 stride 2", 1, 13, 12, 32, 32, 3, 2, 1, 1, 32, 0, 0},
	{"depthwise 3x3 between slices", 1, 9, 9, 16, 16, 3, 1, 1, 1, 16, 16, 8},
	{"depthwise 9x9 in bands and blocks", 1, 90, 41, 70, 70, 9, 1, 4, 1, 70, 0, 3},
	{"depthwise 4x4 unpadded", 2, 9, 10, 17, 17, 4, 1, 0, 1, 17, 1, 0},
	{"many pixels", 1, 70, 61, 32, 32, 3, 1, 1, 1, 1, 0, 0},
	{"many channels", 1, 6, 6, 256, 192, 3, 1, 1, 1, 1, 0, 0},
};

/* What forward fuses. */
typedef struct Fusion
{
	bool		bias;
	bool		relu;
	bool		residual;
} Fusion;

/* One case's tensors in float32 and what they should become. */
typedef struct Problem
{
	ConvolutionShape shape;
	float	   *x;				/* dense; values that bf16 holds exactly */
	float	   *weights;
	float	   *bias;
	float	   *residual;
	float	   *dy;
	float	   *y_expected;		/* without bias, residual and ReLU */
	float	   *dx_expected;
	float	   *dw_expected;
	float	   *db_expected;
} Problem;

/* Made once for all tests. */
static Problem problems[sizeof cases / sizeof cases[0]];

static HostContext
test_host(int threads)
{
	HostContext host = *host_standalone();

	host.threads = threads;
	return host;
}

static size_t
element_count(TensorShape shape)
{
	return (size_t) shape_pixels(shape) * shape.c;
}

static size_t
weight_count(const ConvolutionShape *shape)
{
	return (size_t) shape->y.c * (shape->x.c / shape->groups) * shape->kernel_h * shape->kernel_w;
}

/* Random values that bf16 holds exactly, so that only sums differ. */
static float *
random_floats(Rng *rng, size_t count, double scale)
{
	float	   *values = malloc(count * sizeof(float));

	assert_non_null(values);
	for (size_t i = 0; i < count; i++)
		values[i] = bfloat16_to_float(bfloat16_from_float((float) (rng_normal(rng) * scale)));
	return values;
}

/* All expected results by nested loops. */
static void
compute_reference(Problem *p)
{
	const ConvolutionShape *s = &p->shape;
	int			inputs = s->x.c / s->groups;
	double	   *dx = calloc(element_count(s->x), sizeof(double));
	double	   *dw = calloc(weight_count(s), sizeof(double));
	double	   *db = calloc(s->y.c, sizeof(double));

	for (int n = 0; n < s->y.n; n++)
		for (int oy = 0; oy < s->y.h; oy++)
			for (int ox = 0; ox < s->y.w; ox++)
				for (int o = 0; o < s->y.c; o++)
				{
					size_t		at = (((size_t) n * s->y.h + oy) * s->y.w + ox) * s->y.c + o;
					double		dy = p->dy[at];
					double		sum = 0.0;

					db[o] += dy;
					for (int ky = 0; ky < s->kernel_h; ky++)
						for (int kx = 0; kx < s->kernel_w; kx++)
						{
							int			iy = oy * s->stride - s->padding + ky * s->dilation;
							int			ix = ox * s->stride - s->padding + kx * s->dilation;

							if (iy < 0 || iy >= s->x.h || ix < 0 || ix >= s->x.w)
								continue;
							for (int i = 0; i < inputs; i++)
							{
								int			channel = s->groups > 1 ? o : i;
								size_t		x_at = (((size_t) n * s->x.h + iy) * s->x.w + ix) * s->x.c + channel;
								size_t		w_at = (((size_t) o * inputs + i) * s->kernel_h + ky) * s->kernel_w + kx;

								sum += (double) p->x[x_at] * p->weights[w_at];
								dx[x_at] += dy * p->weights[w_at];
								dw[w_at] += dy * p->x[x_at];
							}
						}
					p->y_expected[at] = (float) sum;
				}
	for (size_t i = 0; i < element_count(s->x); i++)
		p->dx_expected[i] = (float) dx[i];
	for (size_t i = 0; i < weight_count(s); i++)
		p->dw_expected[i] = (float) dw[i];
	for (int o = 0; o < s->y.c; o++)
		p->db_expected[o] = (float) db[o];
	free(dx);
	free(dw);
	free(db);
}

static void
make_problem(const Case *c, Problem *p)
{
	Rng			rng;
	int			span = c->dilation * (c->kernel - 1) + 1;

	p->shape.x = (TensorShape) {c->n, c->h, c->w, c->c_in};
	p->shape.y = (TensorShape) {c->n, (c->h + 2 * c->padding - span) / c->stride + 1,
	(c->w + 2 * c->padding - span) / c->stride + 1, c->c_out};
	p->shape.kernel_h = p->shape.kernel_w = c->kernel;
	p->shape.stride = c->stride;
	p->shape.padding = c->padding;
	p->shape.dilation = c->dilation;
	p->shape.groups = c->groups;

	rng_seed(&rng, 7, (uint64_t) (c - cases));
	p->x = random_floats(&rng, element_count(p->shape.x), 1.0);
	p->weights = random_floats(&rng, weight_count(&p->shape),
							   1.0 / sqrt((double) weight_count(&p->shape) / c->c_out));
	p->bias = random_floats(&rng, c->c_out, 1.0);
	p->residual = random_floats(&rng, element_count(p->shape.y), 1.0);
	p->dy = random_floats(&rng, element_count(p->shape.y), 1.0);
	p->y_expected = malloc(element_count(p->shape.y) * sizeof(float));
	p->dx_expected = malloc(element_count(p->shape.x) * sizeof(float));
	p->dw_expected = malloc(weight_count(&p->shape) * sizeof(float));
	p->db_expected = malloc(c->c_out * sizeof(float));
	compute_reference(p);
}

static int
make_problems(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		make_problem(&cases[i], &problems[i]);
	return 0;
}

static int
free_problems(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Problem    *p = &problems[i];

		free(p->x);
		free(p->weights);
		free(p->bias);
		free(p->residual);
		free(p->dy);
		free(p->y_expected);
		free(p->dx_expected);
		free(p->dw_expected);
		free(p->db_expected);
	}
	return 0;
}

/* What a case's convolution is made for. */
static ConvolutionUse
case_use(const Case *c, DataType type, Fusion fusion)
{
	return (ConvolutionUse) {
		.type = type,
		.x_pixel_stride = c->c_in + c->x_extra,
		.y_pixel_stride = c->c_out + c->y_extra,
		.forward = true,
		.backward_data = true,
		.backward_weights = true,
		.bias = fusion.bias,
		.relu = fusion.relu,
		.residual = fusion.residual,
	};
}

/* y_expected with a fusion's parts; the caller frees it. */
static float *
fused_y(const Problem *p, Fusion fusion)
{
	size_t		count = element_count(p->shape.y);
	float	   *y = malloc(count * sizeof(float));

	assert_non_null(y);
	for (size_t i = 0; i < count; i++)
	{
		y[i] = p->y_expected[i] + (fusion.bias ? p->bias[i % p->shape.y.c] : 0.0f) +
			(fusion.residual ? p->residual[i] : 0.0f);
		if (fusion.relu && y[i] < 0)
			y[i] = 0;
	}
	return y;
}

/* A tensor of type and stride holding dense values; NULL: UNTOUCHED. */
static void *
make_tensor(TensorShape shape, int stride, DataType type, const float *values)
{
	size_t		pixels = (size_t) shape_pixels(shape);
	void	   *tensor = aligned_alloc(64, (pixels * stride * data_type_size(type) + 63) / 64 * 64);

	assert_non_null(tensor);
	for (size_t p = 0; p < pixels; p++)
		for (int c = 0; c < stride; c++)
		{
			float		value = values != NULL && c < shape.c ? values[p * shape.c + c] : UNTOUCHED;

			if (type == DATA_F32)
				((float *) tensor)[p * stride + c] = value;
			else
				((bfloat16 *) tensor)[p * stride + c] = bfloat16_from_float(value);
		}
	return tensor;
}

static float
tensor_value(const void *tensor, DataType type, size_t at)
{
	return type == DATA_F32 ? ((const float *) tensor)[at] : bfloat16_to_float(((const bfloat16 *) tensor)[at]);
}

/* The largest difference over the largest expected value must be below
 * tolerance. */
static void
check_values(const char *backend, const Case *c, const char *what, const float *got, const float *expected,
			 size_t count, double tolerance)
{
	double		largest = 1e-6;
	double		difference = 0.0;

	for (size_t i = 0; i < count; i++)
	{
		double		apart = fabs((double) got[i] - expected[i]);

		largest = fmax(largest, fabs(expected[i]));
		difference = isnan(apart) ? INFINITY : fmax(difference, apart);
	}
	if (!(difference <= tolerance * largest))
		fail_msg("%s, %s: %s is off by %g of %g", backend, c->name, what, difference, largest);
}

/* The same for a tensor, and that nothing beside it was written. */
static void
check_tensor(const char *backend, const Case *c, const char *what, const void *tensor, TensorShape shape,
			 int stride, DataType type, const float *expected, double tolerance)
{
	size_t		pixels = (size_t) shape_pixels(shape);
	float	   *dense = malloc(element_count(shape) * sizeof(float));

	for (size_t p = 0; p < pixels; p++)
		for (int i = 0; i < stride; i++)
		{
			float		value = tensor_value(tensor, type, p * stride + i);

			if (i < shape.c)
				dense[p * shape.c + i] = value;
			else if (value != UNTOUCHED)
				fail_msg("%s, %s: %s wrote beyond its channels", backend, c->name, what);
		}
	check_values(backend, c, what, dense, expected, element_count(shape), tolerance);
	free(dense);
}

/* Run all three passes of a case, twice, and compare. */
static void
check_case(const Backend *backend, const Case *c, DataType type, Fusion fusion, int threads)
{
	HostContext host = test_host(threads);
	double		tolerance = type == DATA_F32 ? 1e-5 : 8e-3;
	const Problem *p = &problems[c - cases];
	ConvolutionUse use = case_use(c, type, fusion);
	float	   *y_expected = fused_y(p, fusion);
	Convolution *convolution;
	Status		status;
	void	   *x;
	void	   *y;
	void	   *dy;
	void	   *dx;
	float	   *dw;
	float	   *db;

	x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x);
	dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy);
	dx = make_tensor(p->shape.x, use.x_pixel_stride, type, NULL);
	dw = malloc(weight_count(&p->shape) * sizeof(float));
	db = malloc(c->c_out * sizeof(float));

	status = backend->create(&host, &p->shape, &use, &convolution);
	if (status.code != LS_OK)
		fail_msg("%s, %s: %s", backend->name, c->name, status.message);
	for (int run = 0; run < 2; run++)
	{
		assert_int_equal(backend->set_weights(convolution, p->weights, fusion.bias ? p->bias : NULL).code, LS_OK);
		y = make_tensor(p->shape.y, use.y_pixel_stride, type, fusion.residual ? p->residual : NULL);
		assert_int_equal(backend->forward(convolution, x, y).code, LS_OK);
		check_tensor(backend->name, c, "y", y, p->shape.y, use.y_pixel_stride, type, y_expected, tolerance);
		free(y);
		assert_int_equal(backend->backward_data(convolution, dy, dx).code, LS_OK);
		check_tensor(backend->name, c, "dx", dx, p->shape.x, use.x_pixel_stride, type, p->dx_expected, tolerance);
		assert_int_equal(backend->backward_weights(convolution, x, dy, dw, fusion.bias ? db : NULL).code, LS_OK);
		/* Sums are float32 in both types. */
		check_values(backend->name, c, "dw", dw, p->dw_expected, weight_count(&p->shape), 2e-5);
		if (fusion.bias)
			check_values(backend->name, c, "db", db, p->db_expected, c->c_out, 2e-5);
	}
	backend->destroy(convolution);
	free(x);
	free(dy);
	free(dx);
	free(dw);
	free(db);
	free(y_expected);
}

/* The fusions that networks use. */
static const Fusion fusions[] = {
	{false, false, false}, {true, false, false}, {true, true, false}, {true, true, true}, {true, false, true},
};

/* Every case with every fusion. */
static void
check_backend(BackendKind kind, DataType type, int threads)
{
	const Backend *backend;

	if (backend_find(kind, &backend).code != LS_OK)
		skip();
	if (kind == BACKEND_ONEDNN && !backend->supports(type))
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t f = 0; f < sizeof fusions / sizeof fusions[0]; f++)
			check_case(backend, &cases[i], type, fusions[f], threads);
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

/* One of depthwise_backend's tables as a backend. */
#define DEPTHWISE_TABLE(table) \
static Status \
create_##table(const HostContext *host, const ConvolutionShape *shape, const ConvolutionUse *use, \
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
	for (int isa = 0; isa < 3; isa++)
	{
		if ((isa == 1 && !cpu_features()->avx2) || (isa == 2 && !cpu_features()->avx512))
			continue;
		backend.name = isa == 0 ? "depthwise baseline" : isa == 1 ? "depthwise avx2" : "depthwise avx512";
		backend.create = isa == 0 ? create_depthwise_baseline : isa == 1 ? create_depthwise_avx2 :
			create_depthwise_avx512;
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
			for (size_t f = 0; depthwise_suits(&problems[i].shape) && f < sizeof fusions / sizeof fusions[0]; f++)
			{
				check_case(&backend, &cases[i], DATA_F32, fusions[f], 1);
				check_case(&backend, &cases[i], DATA_BF16, fusions[f], 2);
				suited++;
			}
	}
	assert_true(suited >= 5 * 5);
}

/* Our own 1x1 convolution to one channel. */
static void
single_output(void **state)
{
	int			suited = 0;

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t f = 0; single_output_suits(&problems[i].shape) && f < sizeof fusions / sizeof fusions[0]; f++)
		{
			check_case(&single_output_backend, &cases[i], DATA_F32, fusions[f], 1);
			check_case(&single_output_backend, &cases[i], DATA_BF16, fusions[f], 2);
			suited++;
		}
	assert_true(suited >= 2 * 4);
}

/* Two runs on two threads give the same bits. */
static void
gradients_are_reproducible(void **state)
{
	const Case *c = &cases[0];
	HostContext host = test_host(2);

	(void) state;
	for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
		for (DataType type = DATA_F32; type <= DATA_BF16; type++)
		{
			const Backend *backend;
			Convolution *convolution;
			const Problem *p = &problems[0];
			ConvolutionUse use = case_use(c, type, (Fusion) {false, false, false});
			void	   *x;
			void	   *dy;
			float	   *dw;
			float	   *again;

			if (backend_find(kind, &backend).code != LS_OK)
				continue;
			if (kind == BACKEND_ONEDNN && !backend->supports(type))
				continue;
			x = make_tensor(p->shape.x, use.x_pixel_stride, type, p->x);
			dy = make_tensor(p->shape.y, use.y_pixel_stride, type, p->dy);
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
			free(x);
			free(dy);
			free(dw);
			free(again);
		}
}

/* What is no convolution is refused with its numbers. */
static void
bad_shapes_are_refused(void **state)
{
	HostContext host = test_host(1);
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
	HostContext host = test_host(1);
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
		cmocka_unit_test(single_output),
		cmocka_unit_test(gradients_are_reproducible),
		cmocka_unit_test(bad_shapes_are_refused),
		cmocka_unit_test(memory_limit_is_kept),
		cmocka_unit_test(data_types_are_resolved),
		cmocka_unit_test(matrix_products),
	};

	return cmocka_run_group_tests(tests, make_problems, free_problems);
}
