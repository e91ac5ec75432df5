/*
 * backend.h: which convolution kernels may be used, and in which precision. It
 * depends on the user's choice, this build and this CPU.
 */
#ifndef LESIONSEG_NN_CONV_BACKEND_H
#define LESIONSEG_NN_CONV_BACKEND_H

#include <stdbool.h>

#include "core/status.h"
#include "nn/tensor.h"

typedef enum BackendKind
{
	BACKEND_AUTO,				/* onednn if available, else builtin */
	BACKEND_ONEDNN,				/* our own kernels, oneDNN for the rest */
	BACKEND_BUILTIN,			/* our own kernels, and OpenBLAS for the rest */
	BACKEND_OPENBLAS			/* OpenBLAS and plain loops alone: a reference for all others */
} BackendKind;

typedef enum Precision
{
	PRECISION_AUTO,				/* bf16 if CPU and backend support it */
	PRECISION_F32,
	PRECISION_BF16
} Precision;

/* The makers of kernels, as bits. */
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

/*
 * Refuse an OpenBLAS that is not built on OpenMP. The threads of the pthread
 * variant would receive the server's signals; the sequential variant is not
 * made for calls from several threads.
 */
Status		backend_check_openblas(void);

/* Find the backend of that kind; the error says why it is not available. */
Status		backend_find(BackendKind kind, const Backend **backend);

/* Can it convolve in bf16 on this CPU without emulation? */
bool		backend_has_bf16(const Backend *backend);

/* Resolve a precision for backend to the storage type to plan with. It is an
 * error to ask for bf16 if it is not available. */
Status		backend_data_type(const Backend *backend, Precision precision, DataType *type);

#endif
