/*
 * nn_reference.c: every row of the table of convolution kernels against the
 * reference, which is what lesionseg.backend = openblas runs, over a sweep of
 * random shapes that are larger than those of nn_backend.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convolution_fixture.h"
#include "core/cpu.h"

#define SHAPES 40

/* The tensors of one shape; results by the reference, then by a row. */
typedef struct Tensors
{
	void	   *x;
	void	   *y;
	void	   *dy;
	void	   *dx;
	float	   *weights;
	float	   *bias;
	float	   *dw;
	float	   *db;
} Tensors;

/* One of small numbers more often than of large ones. */
static int
random_size(Rng *rng, int most)
{
	return 1 + (int) rng_below(rng, 1 + rng_below(rng, (uint32_t) most));
}

/* A shape that networks may have; depthwise, stride 1 and 3x3 come often. */
static ConvolutionShape
random_shape(Rng *rng)
{
	ConvolutionShape shape = {
		.kernel = rng_below(rng, 2) == 0 ? 3 : random_size(rng, 7),
		.stride = rng_below(rng, 2) == 0 ? 1 : random_size(rng, 4),
		.groups = 1,
	};

	shape.padding = (int) rng_below(rng, (uint32_t) shape.kernel);
	shape.x = (TensorShape) {
		random_size(rng, 3), shape.kernel + random_size(rng, 60), shape.kernel + random_size(rng, 60),
		random_size(rng, 80)
	};
	shape.y = (TensorShape) {
		shape.x.n, (shape.x.h + 2 * shape.padding - shape.kernel) / shape.stride + 1,
		(shape.x.w + 2 * shape.padding - shape.kernel) / shape.stride + 1, random_size(rng, 80)
	};
	if (rng_below(rng, 4) == 0)
		shape.groups = shape.y.c = shape.x.c;
	return shape;
}

/* Run what use asks for. */
static void
run(Convolution *convolution, const ConvolutionUse *use, const Tensors *t)
{
	ConvolutionCall call = make_call(convolution, use->threads);

	assert_int_equal(convolution_set_weights(convolution, &call, t->weights, t->bias).code, LS_OK);
	if (use->forward)
		assert_int_equal(convolution_forward(convolution, &call, t->x, NULL, t->y).code, LS_OK);
	if (use->backward_data)
		assert_int_equal(convolution_backward_data(convolution, &call, t->dy, t->dx).code, LS_OK);
	if (use->backward_weights)
		assert_int_equal(convolution_backward_weights(convolution, &call, t->x, t->dy, t->dw, t->db).code, LS_OK);
	guarded_free(call.scratch);
	convolution_free(convolution);
}

/* Values of type, as floats. */
static float *
as_floats(const void *values, DataType type, size_t count)
{
	float	   *floats = malloc(count * sizeof(float));

	assert_non_null(floats);
	for (size_t i = 0; i < count; i++)
		floats[i] = tensor_value(values, type, i);
	return floats;
}

/* Compare what two runs left in a tensor. */
static void
compare(const ConvolutionKernel *kernel, const Case *c, const char *what, DataType type, const void *got,
		const void *expected, size_t count, double tolerance)
{
	float	   *a = as_floats(got, type, count);
	float	   *b = as_floats(expected, type, count);

	check_values(kernel->name, c, what, a, b, count, tolerance);
	free(a);
	free(b);
}

/* The row that computes transposed convolutions alone. */
static bool
is_window_product(const ConvolutionKernel *kernel)
{
	return strcmp(kernel->name, "window_product") == 0;
}

/* One pass of one shape by a kernel and by the reference; 1 when the kernel
 * can compute it. Windows that neither overlap nor leave gaps are taken as a
 * transposed convolution's: their data gradient, and all passes of the row
 * that computes nothing else. */
static int
compare_pass(const ConvolutionKernel *kernel, const ConvolutionShape *shape, DataType type, ConvolutionPass pass,
			 const Tensors *of_reference, const Tensors *of_kernel)
{
	Host		host = guarded_host();
	ConvolutionUse use = {
		.type = type,.threads = 2,.x_pixel_stride = shape->x.c,.y_pixel_stride = shape->y.c,.bias = true,
		.forward = pass == PASS_FORWARD,.backward_data = pass == PASS_BACKWARD_DATA,
		.backward_weights = pass == PASS_BACKWARD_WEIGHTS,
		.transposed = (pass == PASS_BACKWARD_DATA || is_window_product(kernel)) && shape->groups == 1 &&
			shape->stride > 1 && shape->kernel == shape->stride,
	};
	Case		c = {
		pass == PASS_FORWARD ? "forward" : pass == PASS_BACKWARD_DATA ? "data" : "weights",
		shape->x.n, shape->x.h, shape->x.w, shape->x.c, shape->y.c,
		shape->kernel, shape->stride, shape->padding, shape->groups, 0, 0
	};
	double		tolerance = type == DATA_BF16 ? 8e-3 : 2e-5;
	const Backend *reference;
	const Backend *all;
	Convolution *convolution;
	Status		status;

	assert_int_equal(backend_find(BACKEND_AUTO, &all).code, LS_OK);
	assert_int_equal(backend_find(BACKEND_OPENBLAS, &reference).code, LS_OK);
	status = convolution_create_by(kernel, &host, all, shape, &use, &convolution);
	if (status.code == LS_UNSUPPORTED)
		return 0;
	assert_int_equal(status.code, LS_OK);
	run(convolution, &use, of_kernel);
	assert_int_equal(convolution_create(&host, reference, shape, &use, &convolution).code, LS_OK);
	run(convolution, &use, of_reference);
	if (pass == PASS_FORWARD)
		compare(kernel, &c, "y", type, of_kernel->y, of_reference->y, element_count(shape->y), tolerance);
	if (pass == PASS_BACKWARD_DATA)
		compare(kernel, &c, "dx", type, of_kernel->dx, of_reference->dx, element_count(shape->x), tolerance);
	if (pass == PASS_BACKWARD_WEIGHTS)
	{
		compare(kernel, &c, "dw", DATA_F32, of_kernel->dw, of_reference->dw, weight_count(shape), 2e-5);
		if (!use.transposed)
			compare(kernel, &c, "db", DATA_F32, of_kernel->db, of_reference->db, shape->y.c, 2e-5);
	}
	return 1;
}

/* Random tensors of a shape; results are not filled in. */
static Tensors
make_tensors(const ConvolutionShape *shape, DataType type, uint64_t stream)
{
	float	   *x;
	float	   *dy;
	Tensors		t;
	Rng			rng;

	rng_seed(&rng, 11, stream);
	x = random_floats(&rng, element_count(shape->x), 1.0);
	dy = random_floats(&rng, element_count(shape->y), 1.0);
	t.weights = random_floats(&rng, weight_count(shape), 1.0 / shape->kernel / sqrt(shape->x.c));
	t.bias = random_floats(&rng, shape->x.c > shape->y.c ? shape->x.c : shape->y.c, 1.0);
	t.x = make_tensor(shape->x, shape->x.c, type, x, 0);
	t.dy = make_tensor(shape->y, shape->y.c, type, dy, 0);
	t.y = make_tensor(shape->y, shape->y.c, type, NULL, 0);
	t.dx = make_tensor(shape->x, shape->x.c, type, NULL, 0);
	t.dw = guarded_alloc(weight_count(shape) * sizeof(float));
	t.db = guarded_alloc(shape->y.c * sizeof(float));
	assert_true(t.dw != NULL && t.db != NULL);
	free(x);
	free(dy);
	return t;
}

static void
free_tensors(Tensors *t)
{
	guarded_free(t->x);
	guarded_free(t->dy);
	guarded_free(t->y);
	guarded_free(t->dx);
	guarded_free(t->dw);
	guarded_free(t->db);
	free(t->weights);
	free(t->bias);
}

/* All rows that compute a shape, in both types. */
static void
compare_rows(const ConvolutionShape *shape, uint64_t stream, int *computed)
{
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);

	for (DataType type = DATA_F32; type <= DATA_BF16; type++)
	{
		Tensors		of_reference = make_tensors(shape, type, stream);
		Tensors		of_kernel = make_tensors(shape, type, stream);

		for (int row = 0; row < count; row++)
			for (ConvolutionPass pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
				if (rows[row]->owner != KERNEL_REFERENCE)
					computed[row] += compare_pass(rows[row], shape, type, pass, &of_reference, &of_kernel);
		free_tensors(&of_reference);
		free_tensors(&of_kernel);
	}
}

static void
rows_agree(void **state)
{
	int			computed[32] = {0};
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);
	Rng			rng;

	(void) state;
	assert_true(count <= 32);
	rng_seed(&rng, 3, 0);
	for (int i = 0; i < SHAPES; i++)
	{
		ConvolutionShape shape = random_shape(&rng);

		compare_rows(&shape, (uint64_t) i, computed);
	}

	/* Only the special cases of special cases may be missed by chance. */
	for (int row = 0; row < count; row++)
		if (rows[row]->owner != KERNEL_REFERENCE && !is_window_product(rows[row]) &&
			strcmp(rows[row]->name, "single_output") != 0 &&
			(rows[row]->runs == NULL || rows[row]->runs(cpu_features())) && computed[row] == 0)
			fail_msg("%s computed nothing", rows[row]->name);
	assert_int_equal(guard_breaches, 0);
}

/* Shapes of the rows that random ones may miss: each is computed. */
static void
special_shapes_agree(void **state)
{
	static const ConvolutionShape shapes[] = {
		{.x = {2, 31, 17, 33},.y = {2, 31, 17, 1},.kernel = 1,.stride = 1,.groups = 1},
		{.x = {1, 64, 64, 16},.y = {1, 64, 64, 1},.kernel = 1,.stride = 1,.groups = 1},
		{.x = {1, 40, 48, 24},.y = {1, 40, 48, 40},.kernel = 3,.stride = 1,.padding = 1,.groups = 1},
		{.x = {2, 40, 48, 24},.y = {2, 40, 48, 24},.kernel = 7,.stride = 1,.padding = 3,.groups = 24},
		{.x = {2, 32, 48, 24},.y = {2, 16, 24, 40},.kernel = 2,.stride = 2,.groups = 1},
		{.x = {1, 128, 128, 144},.y = {1, 64, 64, 8},.kernel = 2,.stride = 2,.groups = 1},
	};
	int			computed[32] = {0};
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);

	(void) state;
	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
		compare_rows(&shapes[i], 100 + i, computed);
	for (int row = 0; row < count; row++)
		if ((is_window_product(rows[row]) || strcmp(rows[row]->name, "single_output") == 0) &&
			computed[row] == 0)
			fail_msg("%s computed nothing", rows[row]->name);
	assert_int_equal(guard_breaches, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_agree),
		cmocka_unit_test(special_shapes_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
