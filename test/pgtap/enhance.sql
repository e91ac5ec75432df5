-- Segmentation of enhanced images, and training on them.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(18);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 64, 64) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE TABLE dark AS SELECT id, lesion_degrade(image, 'darkness', 5) AS image, mask FROM archive;
ALTER TABLE dark ADD PRIMARY KEY (id);

SELECT lesion_train('archive', 'plain', epochs => 8, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 64, batch_size => 4, learning_rate => 5e-3, augment => 'false', test_fraction => 0);

-- At network size, which these images have, segmenting an enhanced image is enhancing and segmenting.
SELECT is(count(*), 24::bigint, 'auto is lesion_enhance before lesion_segment') FROM dark
WHERE lesion_segment(image, 'plain', enhance => 'auto')
	= lesion_segment(lesion_enhance(image), 'plain', enhance => 'off');
SELECT is(count(*), 24::bigint, 'always takes the same steps of every image') FROM dark
WHERE lesion_segment(image, 'plain', enhance => 'always') =
	lesion_segment(lesion_enhance(image, '{denoise,hair,exposure,white_balance}'), 'plain', enhance => 'off');
SELECT isnt(lesion_segment(image, 'plain', enhance => 'auto'), lesion_segment(image, 'plain'),
	'which changes dark images') FROM dark WHERE id = 1;
SELECT is((lesion_segment_detail(image, 'plain', enhance => 'auto')).mask,
	lesion_segment(image, 'plain', enhance => 'auto'), 'in detail too')
FROM dark WHERE id = 1;
SELECT is(lesion_segment(image, 'plain'), lesion_segment(image, 'plain', enhance => 'off'),
	'a model trained on images as they are sees them so') FROM dark WHERE id = 1;
SELECT is((lesion_evaluate('dark', 'plain', 'all', enhance => 'auto')).options, '{"enhance": "auto"}',
	'an evaluation says how it enhanced');
SELECT is((lesion_evaluate('dark', 'plain', 'all')).options, '{}', 'and is silent where it did not');
SELECT throws_ok($$SELECT lesion_evaluate('dark', 'plain', 'all', enhance => 'some')$$, '22023', 'enhance is "some"',
	'no other mode');

-- What training did, prediction does.
SELECT lesion_train('archive', 'mended', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 64, batch_size => 4, augment => 'false', test_fraction => 0, options => '{"enhance": "always"}');
SELECT is((SELECT enhance FROM lesion_version WHERE model = 'mended'), 'always',
	'the version knows how its images were enhanced');
SELECT is((SELECT enhance FROM lesion_version WHERE model = 'plain'), 'off', 'or that they were not');
SELECT is(count(*), 24::bigint, 'and its images are enhanced when nothing is said') FROM dark
WHERE lesion_segment(image, 'mended') = lesion_segment(image, 'mended', enhance => 'always');
SELECT is((lesion_evaluate('dark', 'mended', 'all')).options, '{"enhance": "always"}', 'so in evaluation');
SELECT is((SELECT options->>'enhance' FROM lesion_run WHERE model = 'mended'), 'always', 'the run says so');
SELECT lesion_model_import('copy', lesion_model_export('mended'));
SELECT is((SELECT enhance FROM lesion_version WHERE model = 'copy'), 'always', 'weight files carry it');
SELECT is(lesion_segment(image, 'copy'), lesion_segment(image, 'mended'), 'to the same masks') FROM dark WHERE id = 2;
SELECT lesion_train('archive', 'tuned', epochs => 1, init => 'mended', image_size => 64, batch_size => 4,
	test_fraction => 0);
SELECT lesion_model_import('tuned copy', lesion_model_export('tuned'));
SELECT is((SELECT array_agg(enhance) FROM lesion_version WHERE model IN ('tuned', 'tuned copy')), '{off,off}',
	'a training that begins with enhanced weights says what it did itself');
SELECT throws_ok($$SELECT lesion_train('archive', 'mended', options => '{"enhance": "some"}')$$, '22023',
	'enhance is "some"', 'no other mode in training');
SELECT throws_ok($$SELECT lesion_train('archive', 'mended', options => '{"enhance": 1}')$$, '22023',
	'enhance is not text', 'nor a number');

SELECT * FROM finish();
ROLLBACK;
