/*
 * learn_fixture.h: small networks and data sets of rendered lesions.
 */
#ifndef TEST_LEARN_FIXTURE_H
#define TEST_LEARN_FIXTURE_H

#include "arch/network.h"
#include "arch_config.h"
#include "image/codec/codec.h"
#include "image/synthetic.h"
#include "learn/dataset.h"

/* A U-Net with fresh weights. */
static inline Network *
fixture_unet(const Call *call, int base, int depth, int64_t seed)
{
	const Architecture *architecture = arch_find("unet");
	ArchConfig	config;
	Network    *network;

	assert_non_null(architecture);
	arch_config_default(architecture, &config);
	assert_int_equal(set_config(architecture, &config, "base", base).code, LS_OK);
	assert_int_equal(set_config(architecture, &config, "depth", depth).code, LS_OK);
	assert_int_equal(network_create(&call->host, architecture, &config, &network).code, LS_OK);
	assert_int_equal(network_initialise(network, call_standalone(), seed).code, LS_OK);
	return network;
}

/* Lesions of seeds first .. first + count - 1 at size x size, of which
 * max_memory bytes stay in memory. */
static inline Dataset *
fixture_lesions(const Call *call, int size, size_t max_memory, int64_t first, int count)
{
	Dataset    *dataset;

	assert_int_equal(dataset_create(&call->host, size, max_memory, &dataset).code, LS_OK);
	for (int64_t seed = first; seed < first + count; seed++)
	{
		Image		image;
		Image		mask;
		EncodedImage encoded_image;
		EncodedImage encoded_mask;

		assert_int_equal(synthetic_lesion(call, seed, size, size, 0, &image, &mask).code, LS_OK);
		assert_int_equal(png_encode(call, &image, &encoded_image).code, LS_OK);
		assert_int_equal(png_encode(call, &mask, &encoded_mask).code, LS_OK);
		assert_int_equal(dataset_add(dataset, call, encoded_image.bytes, encoded_image.size,
									 encoded_mask.bytes, encoded_mask.size, NULL).code, LS_OK);
		image_free(call, &image);
		image_free(call, &mask);
		call_free(call, encoded_image.bytes);
		call_free(call, encoded_mask.bytes);
	}
	return dataset;
}

#endif
