/*
 * core_cpu.c: the environment lowers what the processor offers.
 *
 * Features are found out once per process, so each case runs in a child of
 * its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/cpu.h"

enum
{
	HAS_AVX2 = 1,
	HAS_AVX512 = 2,
	HAS_BF16 = 4,
	HAS_AMX = 8
};

/* cpu_features() of a child whose ONEDNN_MAX_CPU_ISA is `value` (NULL = not
 * set; `other` sets the older name), as bits. */
static int
features_with(const char *value, const char *other)
{
	int			status;
	pid_t		child = fork();

	if (child == 0)
	{
		const CpuFeatures *cpu;

		unsetenv("ONEDNN_MAX_CPU_ISA");
		unsetenv("DNNL_MAX_CPU_ISA");
		if (value != NULL)
			setenv("ONEDNN_MAX_CPU_ISA", value, 1);
		if (other != NULL)
			setenv("DNNL_MAX_CPU_ISA", other, 1);
		cpu = cpu_features();
		_exit((cpu->avx2 ? HAS_AVX2 : 0) | (cpu->avx512 ? HAS_AVX512 : 0) |
			  (cpu->avx512_bf16 ? HAS_BF16 : 0) | (cpu->amx_bf16 ? HAS_AMX : 0) | (cpu_features() != cpu ? 64 : 0));
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_levels(void **state)
{
	static const struct
	{
		const char *name;
		int			allowed;
	}			levels[] = {
		{"SSE41", 0},
		{"AVX", 0},
		{"AVX2", HAS_AVX2},
		{"avx2", HAS_AVX2},
		{"AVX2_VNNI", HAS_AVX2},
		{"AVX2_VNNI_2", HAS_AVX2},
		{"AVX512_CORE", HAS_AVX2 | HAS_AVX512},
		{"AVX512_CORE_VNNI", HAS_AVX2 | HAS_AVX512},
		{"AVX512_CORE_BF16", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX512_CORE_FP16", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX10_1_512", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX10_2", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX10_2_512", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX10_2_ACE", HAS_AVX2 | HAS_AVX512 | HAS_BF16},
		{"AVX10_2_512_AMX_2", HAS_AVX2 | HAS_AVX512 | HAS_BF16 | HAS_AMX},
		{"AVX512_CORE_AMX", HAS_AVX2 | HAS_AVX512 | HAS_BF16 | HAS_AMX},
		{"ALL", HAS_AVX2 | HAS_AVX512 | HAS_BF16 | HAS_AMX},
	};
	int			all = features_with(NULL, NULL);

	(void) state;
	assert_int_equal(all & 64, 0);
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		assert_int_equal(features_with(levels[i].name, NULL), all & levels[i].allowed);

	/* The older name works too; the newer one counts. */
	assert_int_equal(features_with(NULL, "AVX512_CORE"), all & (HAS_AVX2 | HAS_AVX512));
	assert_int_equal(features_with("AVX2", "SSE41"), all & HAS_AVX2);
}

/* Each level stands on the one below. */
static void
test_levels_build_up(void **state)
{
	int			all = features_with(NULL, NULL);

	(void) state;
	assert_true(!(all & HAS_AMX) || (all & HAS_BF16));
	assert_true(!(all & HAS_BF16) || (all & HAS_AVX512));
	assert_true(!(all & HAS_AVX512) || (all & HAS_AVX2));
}

/* What is reported can be executed: each instruction set once, in a child. */
static void
test_reported_can_run(void **state)
{
	int			status;
	pid_t		child = fork();

	(void) state;
	if (child == 0)
	{
		const CpuFeatures *cpu = cpu_features();

#ifdef __x86_64__
		if (cpu->avx2)
			__asm__ volatile("vpaddd %%ymm0, %%ymm0, %%ymm0\n\tvfmadd231ps %%ymm0, %%ymm0, %%ymm0":::"xmm0");
		if (cpu->avx512)
			__asm__ volatile("vpaddd %%zmm0, %%zmm0, %%zmm0":::"xmm0");
		if (cpu->avx512_bf16)
			__asm__ volatile("vcvtneps2bf16 %%zmm0, %%ymm0":::"xmm0");
		if (cpu->amx_bf16)
		{
			static const uint8_t config[64] = {1,[16] = 64,[48] = 16};

			__asm__ volatile("ldtilecfg %0\n\ttilezero %%tmm0\n\ttilerelease"::"m"(config));
		}
#else
		(void) cpu;
#endif
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_levels_build_up),
		cmocka_unit_test(test_reported_can_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
