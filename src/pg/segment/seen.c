/*
 * seen.c: see seen.h.
 */
#include "postgres.h"

#include "pg/segment/seen.h"

SeenImages
seen_open(const ModelStore *store, const ModelVersion *version)
{
	SeenImages	images = {{0}};

	images.complete = image_digests_load(store, version, &images.digests);
	return images;
}

SeenImages
seen_nothing(void)
{
	SeenImages	images = {.complete = true};

	return images;
}

int64
seen_count(const SeenImages *images)
{
	return images->complete || images->seen > 0 ? images->seen : -1;
}

bool
seen_contains(const SeenImages *images, const ImageRow *row)
{
	uint8_t		sha256[SHA256_BYTES];

	if (images->digests.count == 0)
		return false;
	sha256_digest(row->image.bytes, row->image.size, sha256);
	return image_digests_contain(&images->digests, image_digest(sha256));
}

/* What makes the rows of a subset those that they are. */
static char *
part_description(const Split *split, bool validation)
{
	if (!validation)
		return split_description(split);
	return psprintf("%s, validation_fraction %g", split_description(split), split->validation_fraction);
}

void
seen_warn(const ModelVersion *version, const Split *split, const char *subset, int64 seen, int64 n)
{
	bool		validation = strcmp(subset, "validation") == 0;
	bool		differs = split_differs(split, &version->split) ||
		(validation && split->validation_fraction != version->split.validation_fraction);
	char	   *detail = psprintf("The rows were split by %s here, by %s in its training.",
								  part_description(split, validation), part_description(&version->split, validation));

	if (strcmp(subset, "test") != 0 && !validation)
		return;
	if (seen > 0)
		ereport(WARNING,
				(errmsg("version %d of model \"%s\" was trained on %lld of the %lld images scored as \"%s\"",
						version->number, version->model, (long long) seen, (long long) n, subset),
				 errdetail("%s", differs ? detail :
						   "They are copies of images that it was trained on, or its weights were trained by another "
						   "split."),
				 errhint("Scores on them look better than they are. Leave group_column, split_seed, test_fraction and "
						 "validation_fraction out to split as its training did; leave copies out with a view.")));
	else if (seen < 0 && differs)
		ereport(WARNING,
				(errmsg("version %d of model \"%s\" may have been trained on images scored as \"%s\"",
						version->number, version->model, subset),
				 errdetail("%s", detail),
				 errhint("Leave group_column, split_seed, test_fraction and validation_fraction out to split as its "
						 "training did.")));
}
