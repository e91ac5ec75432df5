/*
 * engine_function.c: the SQL function lesion_engine: what networks are computed
 * by in this session.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/cpu.h"
#include "pg/base/settings.h"
#include "pg/base/values/row_values.h"

PG_FUNCTION_INFO_V1(lesion_engine);

/* The last of the processor's instruction sets that our kernels use for that backend and precision. */
static const char *
instructions(const EngineNames *names)
{
	const CpuFeatures *cpu = cpu_features();
	bool		bf16 = strcmp(names->precision, "bf16") == 0;

	if (strcmp(names->backend, "openblas") == 0)
		return "none";
	if (bf16 && cpu->amx_bf16)
		return "amx_bf16";
	if (bf16 && cpu->avx512_bf16)
		return "avx512_bf16";
	if (cpu->avx512)
		return "avx512";
	return cpu->avx2 ? "avx2" : "none";
}

/* lesion_engine() -> (backend, precision, instructions, threads) */
Datum
lesion_engine(PG_FUNCTION_ARGS)
{
	EngineChoice choice = settings_engine();
	EngineNames names = settings_engine_names(&choice);
	RowBuilder	row = row_begin_result(fcinfo);

	row_set(&row, "backend", TEXTOID, CStringGetTextDatum(names.backend));
	row_set(&row, "precision", TEXTOID, CStringGetTextDatum(names.precision));
	row_set(&row, "instructions", TEXTOID, CStringGetTextDatum(instructions(&names)));
	row_set(&row, "threads", INT4OID, Int32GetDatum(settings_threads(false)));
	PG_RETURN_DATUM(row_datum(&row));
}
