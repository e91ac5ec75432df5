/*
 * backend.h: which convolution kernels may be used, and in which precision:
 * by the user's choice, and by what this build and this CPU have.
 */
#ifndef LESIONSEG_NN_CONV_BACKEND_H
#define LESIONSEG_NN_CONV_BACKEND_H

#include <stdbool.h>

#include "core/status.h"
#include "nn/tensor.h"

typedef enum BackendKind
{
	BACKEND_AUTO,				/* onednn where it can be had, else builtin */
	BACKEND_ONEDNN,				/* our own kernels, oneDNN for the rest */
	BACKEND_BUILTIN,			/* our own kernels, OpenBLAS for the rest */
	BACKEND_OPENBLAS			/* OpenBLAS and plain loops alone: a reference for all others */
} BackendKind;

typedef enum Precision
{
	PRECISION_AUTO,				/* bf16 where the CPU computes in it and the backend can */
	PRECISION_F32,
	PRECISION_BF16
} Precision;

/* Whose kernels, as bits. */
typedef enum KernelOwner
{
	KERNEL_OWN = 1,				/* vector code of this project */
	KERNEL_ONEDNN = 2,
	KERNEL_REFERENCE = 4		/* OpenBLAS and plain loops: any shape, any CPU */
} KernelOwner;

typedef struct Backend
{
	const char *name;			/* "onednn", "builtin", "openblas" */
	unsigned	owners;			/* of kernels that it allows: bits of KernelOwner */
} Backend;

/* The backend of that kind, or an error that says why it is not there. */
Status		backend_find(BackendKind kind, const Backend **backend);

/* Can it convolve in bf16 on this CPU at more than emulated speed? */
bool		backend_has_bf16(const Backend *backend);

/* PRECISION_AUTO and unsupported requests resolved for backend: the storage
 * type to plan with. bf16 asked for where it cannot be had is an error. */
Status		backend_data_type(const Backend *backend, Precision precision, DataType *type);

#endif
