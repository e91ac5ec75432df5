/*
 * backend_choice.c: see backend_choice.h.
 */
#include "nn/conv/backend.h"

#include <cblas.h>

#include "core/cpu.h"
#include "nn/conv/kernel.h"
#include "nn/conv/depthwise/depthwise.h"
#include "nn/conv/onednn/onednn_faults.h"
#include "nn/conv/single_output.h"
#include "nn/conv/winograd/winograd.h"

/* openblas_get_parallel() of a library built on OpenMP. */
#define OPENBLAS_PARALLEL_OPENMP 2

/* Refuse an OpenBLAS that starts threads of its own: signal handlers of the
 * surrounding server would run on them. */
static Status
check_openblas(void)
{
	if (openblas_get_parallel() != OPENBLAS_PARALLEL_OPENMP)
		return status_with_hint(
								status_error(LS_INTERNAL, "the OpenBLAS library loaded is not its OpenMP variant"),
								"Install libopenblas0-openmp and rebuild, so that lesionseg links against it.");
	return status_ok();
}

/* The oneDNN backend, or why it is not there. */
static Status
find_onednn(const Backend **backend)
{
#ifdef HAVE_ONEDNN
	if (!onednn_usable())
		return status_with_hint(
								status_error(LS_UNSUPPORTED, "the onednn backend needs a CPU with AVX2"),
								"Set lesionseg.backend to openblas or auto.");
	*backend = &onednn_backend;
	return status_ok();
#else
	*backend = NULL;
	return status_with_hint(
							status_error(LS_UNSUPPORTED, "this build of lesionseg has no oneDNN backend"),
							"Use the openblas backend, or install libdnnl-dev and rebuild.");
#endif
}

Status
backend_find(BackendKind kind, const Backend **backend)
{
	*backend = NULL;
	TRY(check_openblas());
	switch (kind)
	{
		case BACKEND_ONEDNN:
			return find_onednn(backend);
		case BACKEND_AUTO:
			if (find_onednn(backend).code == LS_OK)
				return status_ok();
			/* fall through */
		case BACKEND_OPENBLAS:
			*backend = &openblas_backend;
			return status_ok();
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown backend %d", (int) kind);
}

Status
backend_data_type(const Backend *backend, Precision precision, DataType *type)
{
	*type = DATA_F32;
	switch (precision)
	{
		case PRECISION_F32:
			return status_ok();
		case PRECISION_AUTO:
			if (backend->supports(DATA_BF16))
				*type = DATA_BF16;
			return status_ok();
		case PRECISION_BF16:
			if (!backend->supports(DATA_BF16))
				return status_with_hint(
										status_error(LS_UNSUPPORTED,
													 "the %s backend cannot compute in bf16 on this machine%s",
													 backend->name,
													 cpu_features()->avx512_bf16 ? "" : ": the CPU lacks AVX-512 BF16"),
										"Set lesionseg.precision to f32 or auto.");
			*type = DATA_BF16;
			return status_ok();
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown precision %d", (int) precision);
}

const Backend *
backend_for_shape(const Backend *backend, const ConvolutionShape *shape, const ConvolutionUse *use)
{
	if (depthwise_suits(shape))
		return &depthwise_backend;
	if (single_output_suits(shape))
		return &single_output_backend;
	if (winograd_suits(shape, use))
		return &winograd_backend;
	return backend;
}
