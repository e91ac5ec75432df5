-- Mask R-CNN through SQL: it trains, segments, is cached and exported like the others, and lesion_instances.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(29);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 80, 64) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT lesion_model_create('untrained', 'maskrcnn');
SELECT throws_ok($$SELECT * FROM lesion_instances((SELECT image FROM archive WHERE id = 1), 'untrained')$$, '55000',
	'model "untrained" has no version yet', 'a model that has not been trained');

SELECT lesion_train('archive', 'net', epochs => 15, architecture => 'maskrcnn',
	config => '{"base": 8, "pyramid": 16, "box_units": 32, "mask_depth": 2}',
	image_size => 64, batch_size => 4, learning_rate => 5e-3, augment => 'false', test_fraction => 0);
SELECT lesion_train('archive', 'plain', epochs => 1, architecture => 'unet', config => '{"base": 1, "depth": 1}',
	image_size => 32, batch_size => 8, test_fraction => 0);

CREATE TEMP TABLE found AS
SELECT a.id, a.mask AS truth, i.* FROM archive a, lesion_instances(a.image, 'net') i;

SELECT is((SELECT count(DISTINCT id) FROM found), 24::bigint, 'every image has an instance');
SELECT is((SELECT count(*) FROM found WHERE NOT score BETWEEN 0 AND 1), 0::bigint, 'scores are 0 to 1');
SELECT is((SELECT count(*) FROM found f
	WHERE instance > 1 AND score > (SELECT score FROM found b WHERE b.id = f.id AND b.instance = f.instance - 1)),
	0::bigint, 'the best comes first');
SELECT is((SELECT count(*) FROM found WHERE instance > 1 AND score < 0.7), 0::bigint,
	'but for the best, none scores below the config''s score');
SELECT is((SELECT count(*) FROM found WHERE box[1] < 0 OR box[2] < 0 OR box[3] < 1 OR box[4] < 1 OR box[1] + box[3] > 80
	OR box[2] + box[4] > 64), 0::bigint, 'boxes lie in the image');
SELECT is((SELECT count(*) FROM found, lesion_image_info(mask) i
	WHERE (i.format, i.width, i.height, i.channels, i.bits) <> ('png', 80, 64, 1, 8)),
	0::bigint, 'masks are 8-bit grey PNGs of the image''s size');
SELECT ok(dice > 0.7, 'what it has learnt shows: Dice above 0.7 of the best instance')
FROM (SELECT (lesion_score(mask, truth)).dice FROM found WHERE instance = 1) s;
SELECT ok(dice > 0.7, 'and of the mask of all instances')
FROM (SELECT (lesion_score(lesion_segment(image, 'net'), mask)).dice FROM archive) s;

-- The union of instances is the mask, but for the way to the image's size.
SELECT ok(min(lesion_dice(f.mask, lesion_segment(a.image, 'net'))) > 0.9, 'an instance that is alone is the mask')
FROM found f JOIN archive a USING (id) WHERE (SELECT count(*) FROM found g WHERE g.id = f.id) = 1;

-- ... at the version's threshold, whatever that is.
SELECT lesion_model_import('strict', lesion_model_export('net'), threshold => 0.9);
CREATE TEMP TABLE strict AS
SELECT a.id, a.image, i.mask, (lesion_metrics(i.mask, f.mask)).*
FROM archive a JOIN found f USING (id), lesion_instances(a.image, 'strict') i WHERE i.instance = f.instance;
SELECT ok(bool_and(false_positive = 0) AND sum(false_negative) > 0, 'a higher threshold gives smaller masks')
FROM strict;
SELECT ok(avg(lesion_dice(mask, lesion_segment(image, 'strict'))) > 0.85, '... those of lesion_segment')
FROM strict s WHERE (SELECT count(*) FROM found g WHERE g.id = s.id) = 1;

-- Test-time augmentation turns with the image.
SELECT ok(lesion_segment(image, 'net', tta => true) IS NOT NULL, 'its eight views can be averaged') FROM archive
WHERE id = 1;

-- The same again.
SELECT is((SELECT count(*) FROM archive a CROSS JOIN lesion_instances(a.image, 'net') i
	JOIN found f ON f.id = a.id AND f.instance = i.instance
	WHERE (i.score, i.box, i.mask) = (f.score, f.box, f.mask)), (SELECT count(*) FROM found),
	'a second call gives the same');
SET LOCAL lesionseg.threads = 2;
SELECT lesion_train('archive', 'again', epochs => 2, architecture => 'maskrcnn',
	config => '{"base": 8, "pyramid": 16, "box_units": 32, "mask_depth": 2}',
	image_size => 64, batch_size => 4, seed => 3, test_fraction => 0);
SELECT lesion_train('archive', 'again', epochs => 2, image_size => 64, batch_size => 4, seed => 3, test_fraction => 0,
	promote => 'never');
SELECT is((SELECT count(DISTINCT sha256) FROM lesion_version WHERE model = 'again'), 1::bigint,
	'the same seed gives the same weights');

-- Export and import.
SELECT is((SELECT lesion_model_import('copy', lesion_model_export('net'))), 1, 'weights travel');
SELECT is((SELECT count(*) FROM archive a CROSS JOIN lesion_instances(a.image, 'copy') i
	JOIN found f ON f.id = a.id AND f.instance = i.instance
	WHERE i.mask = f.mask), (SELECT count(*) FROM found), 'and find the same');

-- A version that saw its images enhanced sees them so again.
SELECT lesion_train('archive', 'enhanced', epochs => 1, architecture => 'maskrcnn',
	config => '{"base": 4, "pyramid": 4, "box_units": 4, "mask_depth": 0, "score": 1}',
	image_size => 32, batch_size => 8, test_fraction => 0, options => '{"enhance": "always"}');
SELECT is((SELECT count(*) FROM archive a, lesion_instances(a.image, 'enhanced')), 24::bigint,
	'with a score that none reaches, one instance an image');
SELECT ok(min(lesion_dice(i.mask, lesion_segment(a.image, 'enhanced'))) > 0.8,
	'the one of lesion_segment, which enhances too')
FROM archive a, lesion_instances(a.image, 'enhanced') i WHERE a.id < 9;

-- Fine-tuning with the encoder as it is.
SELECT lives_ok($$SELECT lesion_train('archive', 'tuned', epochs => 1, init => 'enhanced', image_size => 32,
	batch_size => 8, test_fraction => 0, options => '{"freeze_encoder": true}')$$, 'a frozen encoder');

-- Other calls.
SELECT is_empty($$SELECT * FROM lesion_instances(NULL, 'net')$$, 'NULL gives no row');
SELECT throws_ok($$SELECT * FROM lesion_instances('\x00', 'net')$$, '22P03', NULL, 'no image');
SELECT throws_ok($$SELECT i.* FROM archive, lesion_instances(image, 'plain') i$$, '0A000',
	'model "plain" of architecture "unet" finds no instances', 'a model that finds none');
SELECT throws_ok($$SELECT i.* FROM archive, lesion_instances(image, 'nobody') i$$, '42704', NULL,
	'a model that does not exist');

-- Configs.
SELECT throws_ok($$SELECT lesion_train('archive', 'bad', architecture => 'maskrcnn', config => '{"anchors": 3}')$$,
	'22023', 'no key "anchors" in config of maskrcnn', 'an unknown key');
SELECT throws_ok($$SELECT lesion_train('archive', 'bad', architecture => 'maskrcnn', config => '{"rois": 2}')$$,
	'22023', NULL, 'too few regions');
SELECT throws_ok($$SELECT lesion_train('archive', 'bad', architecture => 'maskrcnn', config => '{"score": 1.5}')$$,
	'22023', NULL, 'a score above 1');
SELECT throws_ok($$SELECT lesion_train('archive', 'bad', architecture => 'maskrcnn', image_size => 48)$$, '22023',
	'an image size of 48 x 48 does not fit this maskrcnn, which needs multiples of 32', 'a size that does not fit');

SELECT is((SELECT provolatile::text || proparallel::text || proisstrict::text FROM pg_proc
	WHERE proname = 'lesion_instances'), 'sstrue', 'labels');
SELECT * FROM finish();
ROLLBACK;
