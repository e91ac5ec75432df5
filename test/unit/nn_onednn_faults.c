/*
 * nn_onednn_faults.c: asks the oneDNN at hand for the faults that
 * onednn.c works around, at the sizes where they show.
 *
 * Each probe runs one pass in a child process, on memory with guards, and must
 * end well wherever the table's row of oneDNN would take it. What does not
 * end well is printed: a library whose run prints nothing of a fault is one that
 * a workaround could spare. A fault at a shape that is allowed fails the test.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef HAVE_ONEDNN

#include "core/cpu.h"
#include "guarded.h"
#include "nn/conv/kernels.h"
#include "nn/conv/onednn/onednn_primitive.h"

/* How a probe ended: well, or with what. */
enum
{
	ENDED_WELL = 0,
	WROTE_BESIDE = 1,
	WRONG_VALUES = 2,
	REFUSED = 3,				/* the library says that it cannot: no fault */
	SIGNALLED = 100				/* and the signal's number; SIGXCPU: it computes on and on;
								 * SIGALRM: its threads wait for ever */
};

/* A pass of a square convolution. */
typedef struct Probe
{
	int			c_in;
	int			c_out;
	int			size;			/* of x */
	int			kernel;
	int			stride;
	int			padding;
	int			groups;
	bool		residual;
	DataType	type;
	ConvolutionPass pass;
	const char *isa;			/* NULL: this machine's */
} Probe;

/*
 * The library's operator new. Where this is on, blocks end at a page that
 * cannot be read: what reads past its vectors while it makes a primitive ends
 * by a signal. Such blocks are not given back; the process is a probe's.
 */
static bool new_is_fenced;

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *_Znwm(size_t size);
EXPORTED void _ZdlPv(void *memory);
EXPORTED void _ZdlPvm(void *memory, size_t size);

/* Objects of so many bytes need no finer alignment than what divides them, up
 * to 16; smaller blocks are left alone, for they are many. */
#define LEAST_FENCED 64

void *
_Znwm(size_t size)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	size_t		whole = (size + page - 1) / page * page;
	char	   *pages;

	if (!new_is_fenced || size < LEAST_FENCED || size % 8 != 0)
	{
		void	   *memory = malloc(size > 0 ? size : 1);

		if (memory == NULL)
			abort();
		return memory;
	}
	pages = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || mprotect(pages + whole, page, PROT_NONE) != 0)
		abort();
	return pages + whole - size;
}

void
_ZdlPv(void *memory)
{
	if (!new_is_fenced)
		free(memory);
}

void
_ZdlPvm(void *memory, size_t size)
{
	(void) size;
	_ZdlPv(memory);
}

static ConvolutionShape
probe_shape(const Probe *probe)
{
	int			size = (probe->size + 2 * probe->padding - probe->kernel) / probe->stride + 1;
	ConvolutionShape shape = {
		.x = {1, probe->size, probe->size, probe->c_in},
		.kernel = probe->kernel,.stride = probe->stride,.padding = probe->padding,.groups = probe->groups,
	};

	shape.y = (TensorShape) {1, size, size, probe->c_out};
	return shape;
}

/* Describe x or y, channels last. */
static void
describe_image(OneDnnDesc *desc, TensorShape shape, DataType type)
{
	dnnl_dims_t sizes = {shape.n, shape.c, shape.h, shape.w};
	dnnl_dims_t strides = {(dnnl_dim_t) shape.h * shape.w * shape.c, 1, (dnnl_dim_t) shape.w * shape.c, shape.c};

	if (onednn_desc_strided(desc, 4, sizes, type == DATA_BF16 ? dnnl_bf16 : dnnl_f32, strides) != dnnl_success)
		_exit(REFUSED);
}

/* Guarded memory for an argument, full of ones: whatever the layout of weights
 * is, they are ones then. */
static void *
add_ones(OneDnnEngine *engine, OneDnnPrimitive *step, int argument, const OneDnnDesc *desc, DataType type)
{
	size_t		bytes = dnnl_memory_desc_get_size(ONEDNN_DESC(desc));
	void	   *memory = guarded_alloc(bytes);

	if (type == DATA_BF16)
		for (size_t i = 0; i < bytes / sizeof(bfloat16); i++)
			((bfloat16 *) memory)[i] = 0x3F80;
	else
		for (size_t i = 0; i < bytes / sizeof(float); i++)
			((float *) memory)[i] = 1;
	if (onednn_add_argument(engine, step, argument, desc, memory).code != LS_OK)
		_exit(REFUSED);
	return memory;
}

/* Every output of a forward pass over ones is the number of products in it. */
static bool
values_are(const void *y, DataType type, size_t count, float expected)
{
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits = type == DATA_BF16 ? (uint32_t) ((const bfloat16 *) y)[i] << 16 : 0;
		float		value = type == DATA_BF16 ? 0 : ((const float *) y)[i];

		if (type == DATA_BF16)
			memcpy(&value, &bits, sizeof value);
		if (value != expected)
			return false;
	}
	return true;
}

/* Run a probe and leave with how it ended. */
static void
run_probe(const Probe *probe)
{
	static const int images[][2] = {{DNNL_ARG_SRC, DNNL_ARG_DST}, {DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST},
	{DNNL_ARG_SRC, DNNL_ARG_DIFF_DST}};
	ConvolutionShape shape = probe_shape(probe);
	DataType	weight_type = probe->pass == PASS_BACKWARD_WEIGHTS ? DATA_F32 : probe->type;
	const OneDnnFusion fusion = {.sum = probe->residual};
	OneDnnGeometry geometry = {.strides = {probe->stride, probe->stride},.padding = {probe->padding, probe->padding}};
	dnnl_dims_t dense = {probe->c_out, probe->c_in, probe->kernel, probe->kernel};
	dnnl_dims_t grouped = {probe->groups, 1, 1, probe->kernel, probe->kernel};
	OneDnnEngine engine;
	OneDnnPrimitive hint = {0};
	OneDnnPrimitive step = {0};
	OneDnnDesc	x;
	OneDnnDesc	y;
	OneDnnDesc	weights;
	OneDnnDesc	hint_weights;	/* a forward pass takes them in the images' type, whatever a gradient has */
	OneDnnDesc	chosen;
	dnnl_primitive_attr_t attributes;
	void	   *blocks[4];

	new_is_fenced = true;
	describe_image(&x, shape.x, probe->type);
	describe_image(&y, shape.y, probe->type);
	if (onednn_engine_create(&engine).code != LS_OK ||
		onednn_desc_any(&weights, probe->groups > 1 ? 5 : 4, probe->groups > 1 ? grouped : dense,
						weight_type == DATA_BF16 ? dnnl_bf16 : dnnl_f32) != dnnl_success ||
		onednn_desc_any(&hint_weights, probe->groups > 1 ? 5 : 4, probe->groups > 1 ? grouped : dense,
						probe->type == DATA_BF16 ? dnnl_bf16 : dnnl_f32) != dnnl_success ||
		onednn_attributes(&fusion, &attributes).code != LS_OK ||
		(probe->pass != PASS_FORWARD &&
		 onednn_convolution(&hint.description, PASS_FORWARD, engine.engine, attributes, NULL,
							&x, &hint_weights, NULL, &y, &geometry) != dnnl_success) ||
		onednn_convolution(&step.description, probe->pass, engine.engine, attributes, hint.description,
						   &x, &weights, NULL, &y, &geometry) != dnnl_success ||
		onednn_desc_query(&chosen, step.description, probe->pass == PASS_BACKWARD_WEIGHTS ?
						  dnnl_query_diff_weights_md : dnnl_query_weights_md) != dnnl_success ||
		onednn_primitive_make(&engine, &step).code != LS_OK)
		_exit(REFUSED);
	blocks[0] = add_ones(&engine, &step, images[probe->pass][0], &x, probe->type);
	blocks[1] = add_ones(&engine, &step, images[probe->pass][1], &y, probe->type);
	blocks[2] = add_ones(&engine, &step,
						 probe->pass == PASS_BACKWARD_WEIGHTS ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
						 &chosen, weight_type);
	blocks[3] = add_ones(&engine, &step, DNNL_ARG_SCRATCHPAD, &step.scratch, DATA_F32);
	if (onednn_run(&engine, &step).code != LS_OK)
		_exit(REFUSED);
	if (probe->pass == PASS_FORWARD && probe->padding == 0 && probe->c_in % 64 == 0 && probe->c_out % 64 == 0 &&
		!values_are(blocks[1], probe->type, shape_pixels(shape.y) * (size_t) shape.y.c,
					(float) (probe->kernel * probe->kernel * probe->c_in)))
		_exit(WRONG_VALUES);
	for (int i = 0; i < 4; i++)
		guarded_free(blocks[i]);
	_exit(guard_breaches > 0 ? WROTE_BESIDE : ENDED_WELL);
}

/* Run a probe in a child; how it ended, and whether our rules allow it. */
static int
try_probe(const Probe *probe, bool *allowed)
{
	ConvolutionShape shape = probe_shape(probe);
	ConvolutionUse use = {.type = probe->type,.threads = 1};
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	const struct rlimit limit = {.rlim_cur = 5,.rlim_max = RLIM_INFINITY};
	int			status;
	int			verdict[2];
	pid_t		child;

	assert_int_equal(pipe(verdict), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
	{
		bool		allows;

		if (probe->isa != NULL)
			setenv("ONEDNN_MAX_CPU_ISA", probe->isa, 1);
		allows = onednn_kernel.runs(cpu_features()) && onednn_kernel.can(&shape, &use, probe->pass);
		if (write(verdict[1], &allows, sizeof allows) != sizeof allows)
			_exit(REFUSED);
		for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
			signal(deadly[i], SIG_DFL);	/* cmocka has handlers */
		setrlimit(RLIMIT_CPU, &limit);
		alarm(20);
		run_probe(probe);
	}
	assert_int_equal(read(verdict[0], allowed, sizeof *allowed), sizeof *allowed);
	close(verdict[0]);
	close(verdict[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Try all probes of a fault; none may fail where our rules allow it. */
static void
try_all(const char *fault, const Probe *probes, int count)
{
	const dnnl_version_t *version = dnnl_version();
	int			faults = 0;
	int			refused = 0;
	int			allowed_faults = 0;
	int			first = -1;
	int			ended = 0;

	for (int i = 0; i < count; i++)
	{
		bool		allowed;
		int			how = try_probe(&probes[i], &allowed);

		refused += how == REFUSED;
		if (how == ENDED_WELL || how == REFUSED)
			continue;
		if (faults++ == 0)
		{
			first = i;
			ended = how;
		}
		allowed_faults += allowed;
		if (allowed)
			print_message("# allowed, but ended with %d: %d to %d channels, %d pixels, kernel %d, stride %d, pass %d\n",
						  how,
						  probes[i].c_in, probes[i].c_out, probes[i].size, probes[i].kernel, probes[i].stride,
						  (int) probes[i].pass);
	}
	print_message("# oneDNN %d.%d.%d, %s: %d of %d, %d refused", version->major, version->minor, version->patch, fault,
				  faults, count, refused);
	if (first >= 0)
		print_message(", the first %s %d: %d to %d channels, %d pixels, pass %d",
					  ended >= SIGNALLED ? "by signal" : "with result",
					  ended % SIGNALLED, probes[first].c_in, probes[first].c_out, probes[first].size,
					  (int) probes[first].pass);
	print_message("\n");
	assert_int_equal(allowed_faults, 0);
	if (refused == count)
		skip();					/* nothing was asked: this processor has no such kernel */
}

/* uxlfoundation/oneDNN#6035: up to 3.12.1 the weight gradient crashes; 2.6
 * writes beside its scratch. */
static void
strided_1x1(void **state)
{
	static const int inputs[] = {1, 3, 4, 8, 12, 16, 20, 32, 48};
	static const int outputs[] = {8, 16, 32};
	static const int sizes[] = {8, 64, 128};
	Probe		probes[3 * 9 * 3 * 3];
	int			count = 0;

	(void) state;
	for (int pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
		for (int i = 0; i < 9; i++)
			for (int o = 0; o < 3; o++)
				for (int s = 0; s < 3; s++)
					probes[count++] = (Probe) {inputs[i], outputs[o], sizes[s], 1, 2 + (i + o) % 2, 0, 1, false,
											   DATA_F32,
						(ConvolutionPass) pass, NULL};
	try_all("strided 1 x 1", probes, count);
}

/* The depthwise kernel for SSE4.1 that adds a residual, up to 3.12.1. */
static void
depthwise_below_avx2(void **state)
{
	static const Probe probes[] = {
		{17, 17, 20, 4, 2, 0, 17, true, DATA_F32, PASS_FORWARD, "SSE41"},
		{65, 65, 12, 4, 4, 0, 65, true, DATA_F32, PASS_FORWARD, "SSE41"},
		{65, 65, 12, 3, 1, 1, 65, true, DATA_F32, PASS_FORWARD, "SSE41"},
	};

	(void) state;
	try_all("depthwise with a residual below AVX2", probes, sizeof probes / sizeof probes[0]);
}

/* The bf16 weight gradient by AMX: scratch, and how long it takes to make one
 * of a large image. */
static void
amx_gradient(void **state)
{
	static const int sizes[] = {12, 20, 32, 40, 64};
	Probe		probes[5 * 2 * 4 + 1];
	int			count = 0;

	(void) state;
	if (!cpu_features()->amx_bf16)
		skip();
	for (int i = 0; i < 5; i++)
		for (int kernel = 1; kernel <= 3; kernel += 2)
			for (int channels = 16; channels <= 128; channels *= 2)
				probes[count++] = (Probe) {channels, channels, sizes[i], kernel, 1, kernel / 2, 1, false, DATA_BF16,
					PASS_BACKWARD_WEIGHTS, NULL};
	probes[count++] = (Probe) {32, 32, 1024, 3, 1, 1, 1, false, DATA_BF16, PASS_BACKWARD_WEIGHTS, NULL};
	try_all("weight gradient by AMX", probes, count);
}

/* uxlfoundation/oneDNN#5494: forward by AMX where the stride is above the
 * kernel crashes or gives wrong values. */
static void
amx_stride_above_kernel(void **state)
{
	static const int sizes[] = {8, 16, 33, 64, 128};
	Probe		probes[2 * 5 * 3 * 3];
	int			count = 0;

	(void) state;
	if (!cpu_features()->amx_bf16)
		skip();
	for (int pass = PASS_FORWARD; pass <= PASS_BACKWARD_DATA; pass++)
		for (int i = 0; i < 5; i++)
			for (int kernel = 1; kernel <= 3; kernel++)
				for (int more = 1; more <= 3; more++)
					probes[count++] = (Probe) {64, 64, sizes[i], kernel, kernel + more, 0, 1, false, DATA_BF16,
						(ConvolutionPass) pass, NULL};
	try_all("forward by AMX, stride above the kernel", probes, count);
}

/* Making a forward pass by AMX reads up to 124 bytes past the vector that says
 * which rows of a block count (jit_brgemm_amx_uker.cpp, skipped_bd_mask: after
 * the last block); since 3.0 it is not read there. */
static void
amx_block_rows(void **state)
{
	static const int sizes[] = {7, 13, 24, 33};
	static const int channels[] = {3, 4, 5, 8, 12, 48};
	Probe		probes[2 * 4 * 6 * 6];
	int			count = 0;

	(void) state;
	if (!cpu_features()->amx_bf16)
		skip();
	for (int pass = PASS_FORWARD; pass <= PASS_BACKWARD_DATA; pass++)
		for (int i = 0; i < 4; i++)
			for (int c = 0; c < 6; c++)
				for (int kernel = 1; kernel <= 3; kernel++)
					for (int stride = 1; stride <= 2; stride++)
						probes[count++] = (Probe) {channels[c], channels[5 - c], sizes[i], kernel,
							stride == 2 ? kernel : 1, stride == 2 ? 0 : kernel / 2, 1, false, DATA_BF16,
							(ConvolutionPass) pass, NULL};
	try_all("rows of a block by AMX", probes, count);
}

/* From 3.2 to 3.7, where an AMD processor describes no caches: a division by
 * zero while a pass between many channels is described. */
static void
hidden_caches(void **state)
{
	static const int channels[] = {64, 256, 512, 1024};
	static const int sizes[] = {1, 8};
	Probe		probes[2 * 2 * 4 * 4 * 2];
	int			count = 0;

	(void) state;
	for (int type = 0; type < 2; type++)
		for (int pass = PASS_FORWARD; pass <= PASS_BACKWARD_DATA; pass++)
			for (int i = 0; i < 4; i++)
				for (int o = 0; o < 4; o++)
					for (int s = 0; s < 2; s++)
						probes[count++] = (Probe) {channels[i], channels[o], sizes[s], 1, 1, 0, 1, false,
												   type == 0 ? DATA_F32 : DATA_BF16, (ConvolutionPass) pass, NULL};
	try_all("caches that are not described", probes, count);
}

#else

static void
strided_1x1(void **state)
{
	(void) state;
	skip();
}
#define depthwise_below_avx2 strided_1x1
#define amx_gradient strided_1x1
#define amx_stride_above_kernel strided_1x1
#define amx_block_rows strided_1x1
#define hidden_caches strided_1x1

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strided_1x1),
		cmocka_unit_test(depthwise_below_avx2),
		cmocka_unit_test(amx_gradient),
		cmocka_unit_test(amx_stride_above_kernel),
		cmocka_unit_test(amx_block_rows),
		cmocka_unit_test(hidden_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
