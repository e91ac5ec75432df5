/*
 * graph_reference.h: a graph run node by node in float64 by plain loops,
 * every value in memory of its own. What the plans are compared with.
 *
 * Layouts are those of the library: values (N, H, W, C), weights in
 * PyTorch's order. Formulas come from the operators' definitions, not from
 * the library's code.
 */
#ifndef LESIONSEG_TEST_GRAPH_REFERENCE_H
#define LESIONSEG_TEST_GRAPH_REFERENCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/tensor.h"

typedef struct Reference
{
	const Graph *graph;
	bool		training;		/* batch statistics */
	TensorShape *shapes;		/* by node */
	double	  **values;			/* by node */
} Reference;

/* Size of an axis after a window operator. */
static inline int
reference_size(const GraphNode *node, int size)
{
	if (node->kind == OP_CONV_TRANSPOSE2D)
		return (size - 1) * node->stride - 2 * node->padding + node->kernel + node->output_padding;
	return (size + 2 * node->padding - node->kernel) / node->stride + 1;
}

/* Make room for all values of batches of that size. */
static inline Reference
reference_new(const Graph *graph, int batch, int height, int width, bool training)
{
	Reference	r = {.graph = graph,.training = training};

	r.shapes = calloc(graph->node_count, sizeof(TensorShape));
	r.values = calloc(graph->node_count, sizeof(double *));
	for (int id = 0; id < graph->node_count; id++)
	{
		const GraphNode *node = &graph->nodes[id];
		TensorShape *shape = &r.shapes[id];

		*shape = (TensorShape) {batch, height, width, node->channels};
		if (node->inputs[0] >= 0)
		{
			bool		window = node->kind == OP_CONV2D || node->kind == OP_CONV_TRANSPOSE2D ||
				node->kind == OP_MAX_POOL2D;

			shape->h = r.shapes[node->inputs[0]].h;
			shape->w = r.shapes[node->inputs[0]].w;
			if (window)
			{
				shape->h = reference_size(node, shape->h);
				shape->w = reference_size(node, shape->w);
			}
			if (node->kind == OP_RESIZE)
			{
				shape->h *= node->stride;
				shape->w *= node->stride;
			}
		}
		r.values[id] = calloc(shape_pixels(*shape) * shape->c, sizeof(double));
	}
	return r;
}

static inline void
reference_free(Reference *r)
{
	for (int id = 0; id < r->graph->node_count; id++)
		free(r->values[id]);
	free(r->values);
	free(r->shapes);
}

/* The element of shape's array, or -1 beside the image. */
static inline long
reference_index(TensorShape shape, int n, int y, int x, int c)
{
	if (y < 0 || y >= shape.h || x < 0 || x >= shape.w)
		return -1;
	return (((long) n * shape.h + y) * shape.w + x) * shape.c + c;
}

/* Parameter i of node, NULL where it has none. */
static inline const double *
reference_param(const Graph *graph, const GraphNode *node, int i, const double *weights)
{
	return node->params[i] < 0 ? NULL : weights + graph->params[node->params[i]].offset;
}

/*
 * Both convolutions pair a pixel of the smaller map with the pixels of the
 * larger one that its window covers; a transposed convolution adds from the
 * smaller into the larger.
 */
static inline void
reference_convolution(const GraphNode *node, const double *weights, const double *bias,
					  const double *in, TensorShape in_shape, double *out, TensorShape out_shape)
{
	bool		transposed = node->kind == OP_CONV_TRANSPOSE2D;
	TensorShape small = transposed ? in_shape : out_shape;
	TensorShape large = transposed ? out_shape : in_shape;
	int			k = node->kernel;
	int			depth = in_shape.c / node->groups;

	for (long i = 0; i < shape_pixels(out_shape) * out_shape.c; i++)
		out[i] = bias != NULL ? bias[i % out_shape.c] : 0;
	for (long pixel = 0; pixel < shape_pixels(small); pixel++)
		for (int tap = 0; tap < k * k; tap++)
		{
			int			y = (int) (pixel / small.w % small.h) * node->stride + tap / k - node->padding;
			int			x = (int) (pixel % small.w) * node->stride + tap % k - node->padding;
			long		there = reference_index(large, (int) (pixel / small.w / small.h), y, x, 0);
			const double *from = in + (transposed ? pixel * small.c : there);
			double	   *to = out + (transposed ? there : pixel * small.c);

			if (there < 0)
				continue;
			for (int o = 0; o < out_shape.c; o++)
				for (int c = 0; c < depth; c++)
					to[o] += from[node->groups == 1 ? c : o] *
						weights[(transposed ? c * out_shape.c + o : o * depth + c) * k * k + tap];
		}
}

/* `updated`, where not NULL, receives the new running statistics. */
static inline void
reference_batch_norm(const Reference *r, const GraphNode *node, const double *weights, double *updated,
					 const double *in, TensorShape shape, double *out)
{
	const double *gamma = reference_param(r->graph, node, 0, weights);
	const double *beta = reference_param(r->graph, node, 1, weights);
	const double *running_mean = reference_param(r->graph, node, 2, weights);
	const double *running_variance = reference_param(r->graph, node, 3, weights);
	long		pixels = shape_pixels(shape);

	for (int c = 0; c < shape.c; c++)
	{
		double		mean = 0;
		double		variance = 0;

		for (long i = 0; i < pixels; i++)
			mean += in[i * shape.c + c] / pixels;
		for (long i = 0; i < pixels; i++)
			variance += (in[i * shape.c + c] - mean) * (in[i * shape.c + c] - mean) / pixels;
		if (updated != NULL)
		{
			updated[r->graph->params[node->params[2]].offset + c] = 0.9 * running_mean[c] + 0.1 * mean;
			updated[r->graph->params[node->params[3]].offset + c] =
				0.9 * running_variance[c] + 0.1 * variance * pixels / (pixels - 1);
		}
		if (!r->training)
		{
			mean = running_mean[c];
			variance = running_variance[c];
		}
		for (long i = 0; i < pixels; i++)
			out[i * shape.c + c] = (in[i * shape.c + c] - mean) / sqrt(variance + 1e-5) * gamma[c] + beta[c];
	}
}

/* The share of position `in` of an axis in position `out` of the larger one. */
static inline double
reference_share(int out, int in, int size, int scale)
{
	double		centre = fmin(fmax((out + 0.5) / scale - 0.5, 0), size - 1);

	return fmax(0, 1 - fabs(centre - in));
}

static inline void
reference_resize(int scale, const double *x, TensorShape in, double *y, TensorShape out)
{
	for (long i = 0; i < shape_pixels(out); i++)
		for (int c = 0; c < out.c; c++)
		{
			double		sum = 0;

			for (int iy = 0; iy < in.h; iy++)
				for (int ix = 0; ix < in.w; ix++)
					sum += reference_share((int) (i / out.w % out.h), iy, in.h, scale) *
						reference_share((int) (i % out.w), ix, in.w, scale) *
						x[((i / ((long) out.h * out.w) * in.h + iy) * in.w + ix) * in.c + c];
			y[i * out.c + c] = sum;
		}
}

static inline void
reference_max_pool2d(const GraphNode *node, const double *in, TensorShape in_shape,
					 double *out, TensorShape out_shape)
{
	for (int n = 0; n < out_shape.n; n++)
		for (int y = 0; y < out_shape.h; y++)
			for (int x = 0; x < out_shape.w; x++)
				for (int c = 0; c < out_shape.c; c++)
				{
					double	   *best = &out[reference_index(out_shape, n, y, x, c)];

					*best = -INFINITY;
					for (int ky = 0; ky < node->kernel; ky++)
						for (int kx = 0; kx < node->kernel; kx++)
						{
							long		i = reference_index(in_shape, n, y * node->stride + ky - node->padding,
															x * node->stride + kx - node->padding, c);

							if (i >= 0 && in[i] > *best)
								*best = in[i];
						}
				}
}

/* Compute every value from values[0]. `updated` as in reference_batch_norm. */
static inline void
reference_run(Reference *r, const double *weights, double *updated)
{
	for (int id = 0; id < r->graph->node_count; id++)
	{
		const GraphNode *node = &r->graph->nodes[id];
		TensorShape shape = r->shapes[id];
		long		count = shape_pixels(shape) * shape.c;
		double	   *y = r->values[id];
		const double *a = node->inputs[0] >= 0 ? r->values[node->inputs[0]] : NULL;
		const double *b = node->inputs[1] >= 0 ? r->values[node->inputs[1]] : NULL;

		switch (node->kind)
		{
			case OP_INPUT:
				break;
			case OP_CONV2D:
			case OP_CONV_TRANSPOSE2D:
				reference_convolution(node, reference_param(r->graph, node, 0, weights),
									  reference_param(r->graph, node, 1, weights),
									  a, r->shapes[node->inputs[0]], y, shape);
				break;
			case OP_BATCH_NORM:
				reference_batch_norm(r, node, weights, updated, a, shape, y);
				break;
			case OP_RELU:
				for (long i = 0; i < count; i++)
					y[i] = a[i] > 0 ? a[i] : 0;
				break;
			case OP_GELU:
				for (long i = 0; i < count; i++)
					y[i] = a[i] * 0.5 * erfc(-a[i] / sqrt(2));
				break;
			case OP_RESIZE:
				reference_resize(node->stride, a, r->shapes[node->inputs[0]], y, shape);
				break;
			case OP_MAX_POOL2D:
				reference_max_pool2d(node, a, r->shapes[node->inputs[0]], y, shape);
				break;
			case OP_ADD:
				for (long i = 0; i < count; i++)
					y[i] = a[i] + b[i];
				break;
			case OP_CONCAT:
				for (long i = 0; i < count; i++)
				{
					int			first = r->shapes[node->inputs[0]].c;
					long		pixel = i / shape.c;
					int			c = (int) (i % shape.c);

					y[i] = c < first ? a[pixel * first + c] : b[pixel * (shape.c - first) + c - first];
				}
				break;
			default:			/* not known here: whatever is compared fails */
				for (long i = 0; i < count; i++)
					y[i] = NAN;
		}
	}
}

#endif
