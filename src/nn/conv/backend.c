/*
 * backend.c: see backend.h.
 */
#include "nn/conv/backend.h"

#include <cblas.h>

#include "core/cpu.h"

#ifdef HAVE_ONEDNN
#include "nn/conv/onednn/onednn_primitive.h"

static const Backend onednn_backend = {"onednn", KERNEL_OWN | KERNEL_ONEDNN | KERNEL_REFERENCE};
#endif
static const Backend builtin_backend = {"builtin", KERNEL_OWN | KERNEL_REFERENCE};
static const Backend openblas_backend = {"openblas", KERNEL_REFERENCE};

Status
backend_check_openblas(void)
{
	if (openblas_get_parallel() != OPENBLAS_OPENMP)
		return status_with_hint(
								status_error(LS_UNSUPPORTED, "the OpenBLAS library loaded is not its OpenMP variant"),
								"Install that variant (libopenblas0-openmp on Debian) and see that lesionseg.so "
								"finds it first.");
	return status_ok();
}

/* Find the onednn backend, or fail with the reason why it is missing. */
static Status
find_onednn(const Backend **backend)
{
#ifdef HAVE_ONEDNN
	if (!cpu_features()->avx2)
		return status_with_hint(
								status_error(LS_UNSUPPORTED, "the onednn backend needs a CPU with AVX2"),
								"Set lesionseg.backend to builtin or auto.");
	if (onednn_misreads_caches(cpu_features()))
		return status_with_hint(
								status_error(LS_UNSUPPORTED, "oneDNN %d.%d does not work on this machine, which "
											 "does not say how large the processor's caches are",
											 dnnl_version()->major, dnnl_version()->minor),
								"Set lesionseg.backend to builtin or auto, or let the virtual machine show its "
								"host's caches.");
	*backend = &onednn_backend;
	return status_ok();
#else
	*backend = NULL;
	return status_with_hint(
							status_error(LS_UNSUPPORTED, "this build of lesionseg has no oneDNN backend"),
							"Set lesionseg.backend to builtin or auto, or install libdnnl-dev and rebuild.");
#endif
}

Status
backend_find(BackendKind kind, const Backend **backend)
{
	*backend = NULL;
	TRY(backend_check_openblas());
	switch (kind)
	{
		case BACKEND_ONEDNN:
			return find_onednn(backend);
		case BACKEND_AUTO:
			if (find_onednn(backend).code == LS_OK)
				return status_ok();
			/* fall through */
		case BACKEND_BUILTIN:
			*backend = &builtin_backend;
			return status_ok();
		case BACKEND_OPENBLAS:
			*backend = &openblas_backend;
			return status_ok();
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown backend %d", (int) kind);
}

/* oneDNN has bf16 kernels for AVX-512 BF16 and later, we have some for AMX. */
bool
backend_has_bf16(const Backend *backend)
{
	return (backend->owners & KERNEL_ONEDNN && cpu_features()->avx512_bf16) ||
		(backend->owners & KERNEL_OWN && cpu_features()->amx_bf16);
}

/* Why a backend cannot compute in bf16 on this machine. */
static const char *
lack_of_bf16(const Backend *backend)
{
	if (backend->owners & KERNEL_ONEDNN)
		return "the CPU has neither AVX-512 BF16 nor AMX";
	if (backend->owners & KERNEL_OWN)
		return "the CPU lacks AMX";
	return "it is a reference in f32";
}

Status
backend_data_type(const Backend *backend, Precision precision, DataType *type)
{
	bool		possible = backend_has_bf16(backend);

	*type = DATA_F32;
	switch (precision)
	{
		case PRECISION_F32:
			return status_ok();
		case PRECISION_AUTO:
			*type = possible ? DATA_BF16 : DATA_F32;
			return status_ok();
		case PRECISION_BF16:
			if (!possible)
				return status_with_hint(
										status_error(LS_UNSUPPORTED,
													 "the %s backend cannot compute in bf16 on this machine: %s",
													 backend->name, lack_of_bf16(backend)),
										"Set lesionseg.precision to f32 or auto.");
			*type = DATA_BF16;
			return status_ok();
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown precision %d", (int) precision);
}
