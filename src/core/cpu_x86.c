/*
 * cpu_x86.c: see cpu.h.
 */
#define _GNU_SOURCE
#include "core/cpu.h"

#include <cpuid.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

/* Order of the instruction sets that ONEDNN_MAX_CPU_ISA names. */
typedef enum IsaLevel
{
	ISA_BASELINE,
	ISA_AVX2,
	ISA_AVX512,
	ISA_AVX512_BF16,
	ISA_AMX
} IsaLevel;

/* The level that the environment allows. */
static IsaLevel
allowed_level(void)
{
	static const struct
	{
		const char *name;
		IsaLevel	level;
	}			names[] = {
		{"SSE41", ISA_BASELINE},
		{"AVX", ISA_BASELINE},
		{"AVX2", ISA_AVX2},
		{"AVX2_VNNI", ISA_AVX2},
		{"AVX2_VNNI_2", ISA_AVX2},
		{"AVX512_CORE", ISA_AVX512},
		{"AVX512_CORE_VNNI", ISA_AVX512},
		{"AVX512_CORE_BF16", ISA_AVX512_BF16},
		{"AVX512_CORE_FP16", ISA_AVX512_BF16},
		{"AVX10_1_512", ISA_AVX512_BF16},
		{"AVX10_2", ISA_AVX512_BF16},
		{"AVX10_2_512", ISA_AVX512_BF16},
		{"AVX10_2_ACE", ISA_AVX512_BF16},
	};
	const char *value = getenv("ONEDNN_MAX_CPU_ISA");

	if (value == NULL)
		value = getenv("DNNL_MAX_CPU_ISA");
	if (value != NULL)
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			if (strcasecmp(value, names[i].name) == 0)
				return names[i].level;
	return ISA_AMX;
}

/* Ask Linux for the AMX tile registers; false when it will not give them. */
static bool
request_amx(void)
{
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* Is this an AMD processor whose list of caches is empty? (AMD64 Architecture Programmer's Manual, volume 3, CPUID
 * function 8000_001D: type 0 ends the list.) */
static bool
hides_caches(void)
{
	unsigned	eax;
	unsigned	ebx;
	unsigned	ecx;
	unsigned	edx;

	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx) || ebx != signature_AMD_ebx)
		return false;
	return !__get_cpuid_count(0x8000001D, 0, &eax, &ebx, &ecx, &edx) || (eax & 0x1F) == 0;
}

const CpuFeatures *
cpu_features(void)
{
	static CpuFeatures features;
	static bool known = false;

	if (!known)
	{
		IsaLevel	level = allowed_level();
		unsigned	eax;
		unsigned	ebx;
		unsigned	ecx;
		unsigned	edx;

		__builtin_cpu_init();
		features.avx2 = level >= ISA_AVX2 &&
			__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
		features.avx512 = level >= ISA_AVX512 && features.avx2 &&
			__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
		if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
			features.avx512_bf16 = level >= ISA_AVX512_BF16 && features.avx512 && (eax & (1u << 5));
		if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
			features.amx_bf16 = level >= ISA_AMX && features.avx512_bf16 &&
				(edx & (1u << 22)) && (edx & (1u << 24)) && request_amx();
		features.hides_caches = hides_caches();
		known = true;
	}
	return &features;
}
