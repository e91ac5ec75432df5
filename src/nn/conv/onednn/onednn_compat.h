/*
 * onednn_compat.h: the parts of oneDNN's C API that differ between 2.x and
 * 3.x, under one set of names. All other functions are called directly.
 *
 * What changed in 3.x: memory descriptors were structs and are now handles that
 * must be destroyed; an operation's descriptor and its primitive descriptor
 * were made by two calls and are now made by one; arguments of post-operations
 * differ.
 */
#ifndef LESIONSEG_NN_CONV_ONEDNN_COMPAT_H
#define LESIONSEG_NN_CONV_ONEDNN_COMPAT_H

#include <dnnl.h>
#include <string.h>

#include "nn/conv/convolution.h"

/* Strides, dilations (0 = dense) and zero padding on each side, by dimension. */
typedef struct OneDnnGeometry
{
	dnnl_dims_t strides;
	dnnl_dims_t dilations;
	dnnl_dims_t padding;
} OneDnnGeometry;

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t OneDnnDesc;
#define ONEDNN_DESC(desc) (*(desc))

static inline dnnl_status_t
onednn_desc_strided(OneDnnDesc *desc, int rank, const dnnl_dims_t sizes, dnnl_data_type_t type,
					const dnnl_dims_t strides)
{
	return dnnl_memory_desc_create_with_strides(desc, rank, sizes, type, strides);
}

static inline dnnl_status_t
onednn_desc_any(OneDnnDesc *desc, int rank, const dnnl_dims_t sizes, dnnl_data_type_t type)
{
	return dnnl_memory_desc_create_with_tag(desc, rank, sizes, type, dnnl_format_tag_any);
}

static inline dnnl_status_t
onednn_desc_query(OneDnnDesc *desc, const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
	return dnnl_memory_desc_clone(desc, dnnl_primitive_desc_query_md(primitive, what, 0));
}

static inline void
onednn_desc_destroy(OneDnnDesc *desc)
{
	if (*desc != NULL)
		dnnl_memory_desc_destroy(*desc);
	*desc = NULL;
}

static inline dnnl_status_t
onednn_append_sum(dnnl_post_ops_t post_ops)
{
	return dnnl_post_ops_append_sum(post_ops, 1.0f, 0, dnnl_data_type_undef);
}

static inline dnnl_status_t
onednn_append_relu(dnnl_post_ops_t post_ops)
{
	return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_relu, 0.0f, 0.0f);
}

/* bias may be NULL; hint is the forward descriptor, for backward ones. */
static inline dnnl_status_t
onednn_convolution(dnnl_primitive_desc_t *primitive, ConvolutionPass pass, dnnl_engine_t engine,
				   const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint,
				   const OneDnnDesc *x, const OneDnnDesc *weights, const OneDnnDesc *bias,
				   const OneDnnDesc *y, const OneDnnGeometry *geometry)
{
	const_dnnl_memory_desc_t bias_desc = bias == NULL ? NULL : *bias;

	switch (pass)
	{
		case PASS_FORWARD:
			return dnnl_convolution_forward_primitive_desc_create(primitive, engine,
																  dnnl_forward_training, dnnl_convolution_direct,
																  *x, *weights, bias_desc, *y,
																  geometry->strides, geometry->dilations,
																  geometry->padding, geometry->padding, attributes);
		case PASS_BACKWARD_DATA:
			return dnnl_convolution_backward_data_primitive_desc_create(primitive, engine,
																		dnnl_convolution_direct, *x, *weights, *y,
																		geometry->strides, geometry->dilations,
																		geometry->padding, geometry->padding,
																		hint, attributes);
		case PASS_BACKWARD_WEIGHTS:
			break;
	}
	return dnnl_convolution_backward_weights_primitive_desc_create(primitive, engine,
																   dnnl_convolution_direct, *x, *weights,
																   bias_desc, *y,
																   geometry->strides, geometry->dilations,
																   geometry->padding, geometry->padding,
																   hint, attributes);
}

#else							/* 2.x */

typedef dnnl_memory_desc_t OneDnnDesc;
#define ONEDNN_DESC(desc) (desc)

static inline dnnl_status_t
onednn_desc_strided(OneDnnDesc *desc, int rank, const dnnl_dims_t sizes, dnnl_data_type_t type,
					const dnnl_dims_t strides)
{
	return dnnl_memory_desc_init_by_strides(desc, rank, sizes, type, strides);
}

static inline dnnl_status_t
onednn_desc_any(OneDnnDesc *desc, int rank, const dnnl_dims_t sizes, dnnl_data_type_t type)
{
	return dnnl_memory_desc_init_by_tag(desc, rank, sizes, type, dnnl_format_tag_any);
}

static inline dnnl_status_t
onednn_desc_query(OneDnnDesc *desc, const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
	*desc = *dnnl_primitive_desc_query_md(primitive, what, 0);
	return dnnl_success;
}

static inline void
onednn_desc_destroy(OneDnnDesc *desc)
{
	memset(desc, 0, sizeof *desc);
}

static inline dnnl_status_t
onednn_append_sum(dnnl_post_ops_t post_ops)
{
	return dnnl_post_ops_append_sum(post_ops, 1.0f);
}

static inline dnnl_status_t
onednn_append_relu(dnnl_post_ops_t post_ops)
{
	return dnnl_post_ops_append_eltwise(post_ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
}

/* bias may be NULL; hint is the forward descriptor, for backward ones. */
static inline dnnl_status_t
onednn_convolution(dnnl_primitive_desc_t *primitive, ConvolutionPass pass, dnnl_engine_t engine,
				   const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint,
				   const OneDnnDesc *x, const OneDnnDesc *weights, const OneDnnDesc *bias,
				   const OneDnnDesc *y, const OneDnnGeometry *geometry)
{
	dnnl_convolution_desc_t operation;
	dnnl_status_t status = dnnl_invalid_arguments;

	switch (pass)
	{
		case PASS_FORWARD:
			status = dnnl_dilated_convolution_forward_desc_init(&operation, dnnl_forward_training,
																dnnl_convolution_direct, x, weights, bias, y,
																geometry->strides, geometry->dilations,
																geometry->padding, geometry->padding);
			break;
		case PASS_BACKWARD_DATA:
			status = dnnl_dilated_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct,
																	  x, weights, y,
																	  geometry->strides, geometry->dilations,
																	  geometry->padding, geometry->padding);
			break;
		case PASS_BACKWARD_WEIGHTS:
			status = dnnl_dilated_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct,
																		 x, weights, bias, y,
																		 geometry->strides, geometry->dilations,
																		 geometry->padding, geometry->padding);
			break;
	}
	if (status != dnnl_success)
		return status;
	return dnnl_primitive_desc_create(primitive, &operation, attributes, engine, hint);
}

#endif

#endif
