/*
 * backend_choice.h: which backend runs what: by the user's choice, by what
 * this build and this CPU have, and by the shape of a convolution.
 */
#ifndef LESIONSEG_NN_BACKEND_CHOICE_H
#define LESIONSEG_NN_BACKEND_CHOICE_H

#include "nn/conv/convolution.h"

typedef enum BackendKind
{
	BACKEND_AUTO,				/* onednn where it can be had, else openblas */
	BACKEND_ONEDNN,
	BACKEND_OPENBLAS
} BackendKind;

typedef enum Precision
{
	PRECISION_AUTO,				/* bf16 where the CPU computes in it and the backend can */
	PRECISION_F32,
	PRECISION_BF16
} Precision;

/* The backend of that kind, or an error that says why it is not there. */
Status		backend_find(BackendKind kind, const Backend **backend);

/* PRECISION_AUTO and unsupported requests resolved for backend: the storage
 * type to plan with. bf16 asked for where it cannot be had is an error. */
Status		backend_data_type(const Backend *backend, Precision precision, DataType *type);

/* Who runs a convolution of this shape for this use in a plan of `backend`:
 * backend itself but for those that loops of our own are faster at. */
const Backend *backend_for_shape(const Backend *backend, const ConvolutionShape *shape, const ConvolutionUse *use);

#endif
