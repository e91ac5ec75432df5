/*
 * cpu.h: the processor's features, detected once.
 */
#ifndef LESIONSEG_CORE_CPU_H
#define LESIONSEG_CORE_CPU_H

#include <stdbool.h>

typedef struct CpuFeatures
{
	bool		avx2;			/* with FMA */
	bool		avx512;			/* F, BW, DQ and VL */
	bool		avx512_bf16;
	bool		amx_bf16;		/* only if the operating system lets this process use it */
	bool		hides_caches;	/* an AMD processor that describes no cache, as some virtual machines' do */
} CpuFeatures;

/* The features of this machine, as the operating system lets us use them.
 * ONEDNN_MAX_CPU_ISA (AVX2, AVX512_CORE, AVX512_CORE_BF16, ...) lowers them
 * for our own kernels too, so one setting limits the whole engine. */
#ifdef __x86_64__
const CpuFeatures *cpu_features(void);
#else

/*
 * Other processors have none of these features. The Makefile does not compile
 * the files that need them, and the compiler drops the calls to those files,
 * because all flags are constants here.
 */
static inline const CpuFeatures *
cpu_features(void)
{
	static const CpuFeatures none = {0};

	return &none;
}
#endif

#endif
