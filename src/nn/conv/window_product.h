/*
 * window_product.h: a transposed convolution whose windows neither meet nor
 * leave gaps (kernel = stride, no padding), as one matrix product: a 1x1
 * convolution from C_out to all places of a window at once, whose results
 * only need to be put in their places.
 *
 * As everywhere behind the backend interface, the transposed convolution's
 * forward is backward-data of a convolution: it goes from y to x.
 */
#ifndef LESIONSEG_NN_WINDOW_PRODUCT_H
#define LESIONSEG_NN_WINDOW_PRODUCT_H

#include "nn/conv/convolution.h"

typedef struct WindowProduct WindowProduct;

/* Is its backward-data such a product? */
bool		window_product_suits(const ConvolutionShape *shape, const ConvolutionUse *use);

/* Make one, with all the memory that it needs; backend runs the 1x1 convolution. */
Status		window_product_create(const Call *call, const Backend *backend, const ConvolutionShape *shape,
								  const ConvolutionUse *use, WindowProduct **product);
void		window_product_destroy(WindowProduct *product);

/* Bytes held. */
size_t		window_product_memory(const WindowProduct *product);

/* What runs the 1x1 convolution, as Backend.implementation has it. */
const char *window_product_implementation(const WindowProduct *product);

/* Take weights (C_out, C_in, KH, KW) and a bias (C_in) or NULL. */
Status		window_product_set_weights(WindowProduct *product, const float *weights, const float *bias);

/* dx from dy; bias and ReLU are added as use says. */
Status		window_product_run(WindowProduct *product, const void *dy, void *dx);

#endif
