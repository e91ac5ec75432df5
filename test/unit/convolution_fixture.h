/*
 * convolution_fixture.h: a convolution by any kernel against a naive one.
 *
 * The reference is seven nested loops in double. Tensors may be slices of
 * wider ones, whose other elements must stay untouched; all memory, the
 * convolution's too, stands between guards.
 */
#ifndef LESIONSEG_TEST_CONVOLUTION_FIXTURE_H
#define LESIONSEG_TEST_CONVOLUTION_FIXTURE_H

#include <math.h>

#include "core/rng.h"
#include "guarded.h"
#include "nn/conv/kernel.h"

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
	int			groups;
	int			x_extra;		/* pixel stride beyond C */
	int			y_extra;
} Case;

/* What is fused: into forward, or into backward-data where that is a
 * transposed convolution's forward. */
typedef struct Fusion
{
	bool		bias;
	bool		relu;
	bool		residual;		/* that y holds before, or, where strides differ, another tensor */
	bool		transposed;
	bool		relu_before;	/* before the residual */
	int			residual_extra; /* its pixel stride beyond y's */
} Fusion;

/* One case's tensors in float32 and what they should become. */
typedef struct Problem
{
	const Case *c;
	ConvolutionShape shape;
	float	   *x;				/* dense; values that bf16 holds exactly */
	float	   *weights;
	float	   *bias;			/* for C_out or C_in channels */
	float	   *residual;
	float	   *dy;
	float	   *y_expected;		/* without bias, residual and ReLU */
	float	   *dx_expected;
	float	   *dw_expected;
	float	   *db_expected;
} Problem;

static inline size_t
element_count(TensorShape shape)
{
	return (size_t) shape_pixels(shape) * shape.c;
}

static inline size_t
weight_count(const ConvolutionShape *shape)
{
	return (size_t) shape->y.c * (shape->x.c / shape->groups) * shape->kernel * shape->kernel;
}

/* Random values that bf16 holds exactly, so that only sums differ. */
static inline float *
random_floats(Rng *rng, size_t count, double scale)
{
	float	   *values = malloc(count * sizeof(float));

	assert_non_null(values);
	for (size_t i = 0; i < count; i++)
		values[i] = bfloat16_to_float(bfloat16_from_float((float) (rng_normal(rng) * scale)));
	return values;
}

/* All expected results by nested loops. */
static inline void
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
					for (int ky = 0; ky < s->kernel; ky++)
						for (int kx = 0; kx < s->kernel; kx++)
						{
							int			iy = oy * s->stride - s->padding + ky;
							int			ix = ox * s->stride - s->padding + kx;

							if (iy < 0 || iy >= s->x.h || ix < 0 || ix >= s->x.w)
								continue;
							for (int i = 0; i < inputs; i++)
							{
								int			channel = s->groups > 1 ? o : i;
								size_t		x_at = (((size_t) n * s->x.h + iy) * s->x.w + ix) * s->x.c + channel;
								size_t		w_at = (((size_t) o * inputs + i) * s->kernel + ky) * s->kernel + kx;

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

/* Make the index-th case's tensors. */
static inline void
make_problem(const Case *c, int index, Problem *p)
{
	Rng			rng;

	p->c = c;
	p->shape.x = (TensorShape) {c->n, c->h, c->w, c->c_in};
	p->shape.y = (TensorShape) {c->n, (c->h + 2 * c->padding - c->kernel) / c->stride + 1,
	(c->w + 2 * c->padding - c->kernel) / c->stride + 1, c->c_out};
	p->shape.kernel = c->kernel;
	p->shape.stride = c->stride;
	p->shape.padding = c->padding;
	p->shape.groups = c->groups;

	rng_seed(&rng, 7, (uint64_t) index);
	p->x = random_floats(&rng, element_count(p->shape.x), 1.0);
	p->weights = random_floats(&rng, weight_count(&p->shape),
							   1.0 / sqrt((double) weight_count(&p->shape) / c->c_out));
	p->bias = random_floats(&rng, c->c_in > c->c_out ? c->c_in : c->c_out, 1.0);
	p->residual = random_floats(&rng, element_count(p->shape.y), 1.0);
	p->dy = random_floats(&rng, element_count(p->shape.y), 1.0);
	p->y_expected = malloc(element_count(p->shape.y) * sizeof(float));
	p->dx_expected = malloc(element_count(p->shape.x) * sizeof(float));
	p->dw_expected = malloc(weight_count(&p->shape) * sizeof(float));
	p->db_expected = malloc(c->c_out * sizeof(float));
	compute_reference(p);
}

static inline void
free_problem(Problem *p)
{
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

/* What a case's convolution is made for: to train, or forward alone. */
static inline ConvolutionUse
case_use(const Case *c, DataType type, Fusion fusion, bool backward)
{
	return (ConvolutionUse) {
		.type = type,
		.x_pixel_stride = c->c_in + c->x_extra,
		.y_pixel_stride = c->c_out + c->y_extra,
		.forward = true,
		.backward_data = backward,
		.backward_weights = backward,
		.threads = 1,
		.bias = fusion.bias,
		.relu = fusion.relu,
		.relu_before = fusion.relu_before,
		.residual_stride = fusion.residual ? c->c_out + c->y_extra + fusion.residual_extra : 0,
		.transposed = fusion.transposed,
	};
}

/* Dense values of a shape with a fusion's parts; the caller frees them. */
static inline float *
fused_values(const float *values, TensorShape shape, const float *bias, const float *residual, Fusion fusion)
{
	size_t		count = element_count(shape);
	float	   *fused = malloc(count * sizeof(float));

	assert_non_null(fused);
	for (size_t i = 0; i < count; i++)
	{
		fused[i] = values[i] + (bias != NULL ? bias[i % shape.c] : 0.0f);
		if (fusion.relu_before && fused[i] < 0)
			fused[i] = 0;
		fused[i] += residual != NULL ? residual[i] : 0.0f;
		if (fusion.relu && fused[i] < 0)
			fused[i] = 0;
	}
	return fused;
}

/* A tensor of type and stride holding dense values (NULL: UNTOUCHED), and
 * `beside` between its pixels. */
static inline void *
make_tensor(TensorShape shape, int stride, DataType type, const float *values, float beside)
{
	size_t		pixels = (size_t) shape_pixels(shape);
	void	   *tensor = guarded_alloc(pixels * stride * data_type_size(type));

	assert_non_null(tensor);
	for (size_t p = 0; p < pixels; p++)
		for (int c = 0; c < stride; c++)
		{
			float		value = c >= shape.c ? beside : values != NULL ? values[p * shape.c + c] : UNTOUCHED;

			if (type == DATA_F32)
				((float *) tensor)[p * stride + c] = value;
			else
				((bfloat16 *) tensor)[p * stride + c] = bfloat16_from_float(value);
		}
	return tensor;
}

static inline float
tensor_value(const void *tensor, DataType type, size_t at)
{
	return type == DATA_F32 ? ((const float *) tensor)[at] : bfloat16_to_float(((const bfloat16 *) tensor)[at]);
}

/* The largest difference over the largest expected value must be below
 * tolerance. */
static inline void
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
		fail_msg("%s, %s, %d x %d x %d x %d to %d channels, kernel %d, stride %d, padding %d, %d groups: "
				 "%s is off by %g of %g", backend, c->name, c->n, c->h, c->w, c->c_in, c->c_out, c->kernel, c->stride,
				 c->padding, c->groups, what, difference, largest);
}

/* The same for a tensor, and that nothing beside it was written. */
static inline void
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

/* What a run is lent: all NaN. */
static inline ConvolutionCall
make_call(const Convolution *convolution, int threads)
{
	ConvolutionCall call = {.threads = threads,.scratch = guarded_alloc(convolution_scratch(convolution))};

	assert_non_null(call.scratch);
	memset(call.scratch, 0xFF, convolution_scratch(convolution));
	return call;
}

/* Forward into a new y, and compare. */
static inline void
check_forward(const char *name, const Convolution *convolution, const ConvolutionCall *call, const Problem *p,
			  const ConvolutionUse *use, Fusion fusion, double tolerance)
{
	bool		in_place = fusion.residual && fusion.residual_extra == 0;
	float	   *expected = fused_values(p->y_expected, p->shape.y, fusion.bias && !fusion.transposed ? p->bias : NULL,
										fusion.residual ? p->residual : NULL,
										fusion.transposed ? (Fusion) {0} : fusion);
	void	   *x = make_tensor(p->shape.x, use->x_pixel_stride, use->type, p->x, NAN);
	void	   *y = make_tensor(p->shape.y, use->y_pixel_stride, use->type, in_place ? p->residual : NULL, UNTOUCHED);
	void	   *residual = NULL;

	if (fusion.residual && !in_place)
		residual = make_tensor(p->shape.y, use->residual_stride, use->type, p->residual, NAN);
	assert_int_equal(convolution_forward(convolution, call, x, in_place ? y : residual, y).code, LS_OK);
	check_tensor(name, p->c, "y", y, p->shape.y, use->y_pixel_stride, use->type, expected, tolerance);
	guarded_free(x);
	guarded_free(y);
	guarded_free(residual);
	free(expected);
}

static inline void
check_backward_data(const char *name, const Convolution *convolution, const ConvolutionCall *call, const Problem *p,
					const ConvolutionUse *use, Fusion fusion, double tolerance)
{
	float	   *expected = fused_values(p->dx_expected, p->shape.x, fusion.bias && fusion.transposed ? p->bias : NULL,
										NULL, fusion.transposed ? fusion : (Fusion) {0});
	void	   *dy = make_tensor(p->shape.y, use->y_pixel_stride, use->type, p->dy, NAN);
	void	   *dx = make_tensor(p->shape.x, use->x_pixel_stride, use->type, NULL, UNTOUCHED);

	assert_int_equal(convolution_backward_data(convolution, call, dy, dx).code, LS_OK);
	check_tensor(name, p->c, "dx", dx, p->shape.x, use->x_pixel_stride, use->type, expected, tolerance);
	guarded_free(dy);
	guarded_free(dx);
	free(expected);
}

/* Sums are float32 in both types. */
static inline void
check_backward_weights(const char *name, const Convolution *convolution, const ConvolutionCall *call,
					   const Problem *p, const ConvolutionUse *use, Fusion fusion)
{
	bool		has_db = fusion.bias && !fusion.transposed;
	void	   *x = make_tensor(p->shape.x, use->x_pixel_stride, use->type, p->x, NAN);
	void	   *dy = make_tensor(p->shape.y, use->y_pixel_stride, use->type, p->dy, NAN);
	float	   *dw = guarded_alloc(weight_count(&p->shape) * sizeof(float));
	float	   *db = guarded_alloc(p->shape.y.c * sizeof(float));

	assert_true(dw != NULL && db != NULL);
	assert_int_equal(convolution_backward_weights(convolution, call, x, dy, dw, has_db ? db : NULL).code, LS_OK);
	check_values(name, p->c, "dw", dw, p->dw_expected, weight_count(&p->shape), 2e-5);
	if (has_db)
		check_values(name, p->c, "db", db, p->db_expected, p->shape.y.c, 2e-5);
	guarded_free(x);
	guarded_free(dy);
	guarded_free(dw);
	guarded_free(db);
}

/* How far the result of a pass may be off, over its largest value; winograd.h
 * says why it rounds more. */
static inline double
tolerance_of(const Convolution *convolution, ConvolutionPass pass, DataType type)
{
	if (type == DATA_BF16)
		return 8e-3;
	return strncmp(convolution_kernel(convolution, pass), "winograd", 8) == 0 ? 2e-5 : 1e-5;
}

/* Run what a convolution was made for, twice, and free it. */
static inline void
check_convolution(const char *name, Convolution *convolution, const Problem *p, const ConvolutionUse *use,
				  Fusion fusion)
{
	ConvolutionCall call = make_call(convolution, use->threads);

	for (int run = 0; run < 2; run++)
	{
		assert_int_equal(convolution_set_weights(convolution, &call, p->weights, fusion.bias ? p->bias : NULL).code,
						 LS_OK);
		if (use->forward)
			check_forward(name, convolution, &call, p, use, fusion,
						  tolerance_of(convolution, PASS_FORWARD, use->type));
		if (use->backward_data)
			check_backward_data(name, convolution, &call, p, use, fusion,
								tolerance_of(convolution, PASS_BACKWARD_DATA, use->type));
		if (use->backward_weights)
			check_backward_weights(name, convolution, &call, p, use, fusion);
	}
	guarded_free(call.scratch);
	convolution_free(convolution);
}

/* Run the passes of a case, all three or the forward one alone, twice, and compare. */
static inline void
check_passes(const Backend *backend, const Problem *p, DataType type, Fusion fusion, int threads, bool backward)
{
	Host		host = guarded_host();
	ConvolutionUse use = case_use(p->c, type, fusion, backward);
	Convolution *convolution;
	Status		status;
	int			breaches = guard_breaches;

	use.threads = threads;
	status = convolution_create(&host, backend, &p->shape, &use, &convolution);
	if (status.code != LS_OK)
		fail_msg("%s, %s: %s", backend->name, p->c->name, status.message);
	check_convolution(backend->name, convolution, p, &use, fusion);
	if (guard_breaches != breaches)
		fail_msg("%s, %s: wrote beside its memory", backend->name, p->c->name);
}

/* Run each pass that a kernel can compute, by itself; returns how many. */
static inline int
check_kernel(const ConvolutionKernel *kernel, const Problem *p, DataType type, Fusion fusion, int threads)
{
	Host		host = guarded_host();
	const Backend *backend;
	int			made = 0;
	int			breaches = guard_breaches;

	assert_int_equal(backend_find(BACKEND_AUTO, &backend).code, LS_OK);
	for (ConvolutionPass pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
	{
		ConvolutionUse use = case_use(p->c, type, fusion, false);
		Convolution *convolution;
		Status		status;

		use.threads = threads;
		use.forward = pass == PASS_FORWARD;
		use.backward_data = pass == PASS_BACKWARD_DATA;
		use.backward_weights = pass == PASS_BACKWARD_WEIGHTS;
		status = convolution_create_by(kernel, &host, backend, &p->shape, &use, &convolution);
		if (status.code == LS_UNSUPPORTED)
			continue;
		if (status.code != LS_OK)
			fail_msg("%s, %s: %s", kernel->name, p->c->name, status.message);
		check_convolution(kernel->name, convolution, p, &use, fusion);
		made++;
	}
	if (guard_breaches != breaches)
		fail_msg("%s, %s: wrote beside its memory", kernel->name, p->c->name);
	return made;
}

/* Run all three. */
static inline void
check_problem(const Backend *backend, const Problem *p, DataType type, Fusion fusion, int threads)
{
	check_passes(backend, p, type, fusion, threads, true);
}

#endif
