/*
 * fuzz_pacs_dicom_json.c: any bytes as the JSON that a PACS answers.
 */
#include "fuzz.h"

#include "pacs/web/dicom_json.h"

/* Every UID that is taken is one. An instance need not say of which study it is. */
static void
check(const PacsList *list, bool instances)
{
	for (size_t i = 0; i < list->count; i++)
	{
		const PacsItem *item = &list->items[i];

		if (!is_uid(item->study) && !(instances && item->study[0] == '\0'))
			abort();
		if (instances && (!is_uid(item->series) || !is_uid(item->instance)))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *json = malloc(size > 0 ? size : 1);
	StowState	state;
	int			reason;

	if (size > 0)
		memcpy(json, data, size);
	for (int instances = 0; instances < 2; instances++)
	{
		PacsList	list = {0};

		list_append_json(&list, json, size, instances);
		check(&list, instances);
		list_free(&list);
	}
	stow_read_json(json, size, "1.2.3", &state, &reason);
	stow_reason(reason);
	free(json);
	return 0;
}
