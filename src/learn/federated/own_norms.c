/*
 * own_norms.c: see own_norms.h.
 */
#include "learn/federated/own_norms.h"

#include <string.h>

bool
is_running_statistic(const GraphParam *param)
{
	return param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE;
}

void
own_norms_copy(const Network *from, Network *to, bool scales)
{
	for (int i = 0; i < to->graph->param_count; i++)
	{
		const GraphParam *param = &to->graph->params[i];

		if (is_running_statistic(param) || (scales && (param->kind == PARAM_SCALE || param->kind == PARAM_SHIFT)))
			memcpy(to->weights + param->offset, from->weights + param->offset, param->count * sizeof(float));
	}
}
