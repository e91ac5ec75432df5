-- Masks as people store them: of another size, turned, or no masks at all.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(24);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask, large.mask AS large_mask, turned.mask AS turned_mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 48, 40) AS s, lesion_synthetic(seed, 120, 100) AS large,
	lesion_synthetic(seed, 40, 48) AS turned;
ALTER TABLE archive ADD PRIMARY KEY (id);

-- Another size.
SELECT lives_ok($$SELECT lesion_train('archive', 'net', mask_column => 'large_mask', epochs => 6,
	architecture => 'unet', config => '{"base": 4, "depth": 2}', image_size => 32, batch_size => 4,
	learning_rate => 5e-3, augment => 'false')$$, 'masks larger than their images train');
SELECT is(n || ' ' || broken, '24 0', 'and are scored')
FROM lesion_evaluate('archive', 'net', 'all', mask_column => 'large_mask');
SELECT ok(abs(large.dice - same.dice) < 0.05, 'much like those of the same size')
FROM lesion_evaluate('archive', 'net', 'all', mask_column => 'large_mask') AS large,
	lesion_evaluate('archive', 'net', 'all') AS same;
SELECT is((i).width || ' x ' || (i).height, '48 x 40', 'and are drawn at the size of the image')
FROM (SELECT lesion_image_info(lesion_overlay(image, large_mask, mask)) AS i FROM archive LIMIT 1) AS drawn;

-- Another shape.
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', 'all', mask_column => 'turned_mask')$$, '22000', NULL,
	'turned masks are not scored');
SELECT throws_ok($$SELECT lesion_train('archive', 'turned', mask_column => 'turned_mask', architecture => 'unet')$$,
	'22000', NULL, 'nor trained on');
SELECT throws_like($$SELECT lesion_dice(turned_mask, mask) FROM archive$$,
	'%the predicted mask is 40 x 48 pixels, the truth 48 x 40%', 'nor compared, and the message has both sizes');

-- No masks.
SELECT throws_ok($$SELECT lesion_train('archive', 'photographs', mask_column => 'image', architecture => 'unet')$$,
	'22000', NULL, 'photographs are no masks');
SELECT throws_like($$SELECT lesion_dice(image, mask) FROM archive$$, 'predicted: % a photograph, not a mask',
	'and the message says what they are');

-- Photographs that EXIF turns, with masks drawn on what is stored: a PNG with an eXIf chunk, orientation 6.
CREATE FUNCTION turned(png bytea, at int) RETURNS bytea LANGUAGE sql AS $$
	SELECT substring(png FOR at) ||
		'\x0000001a655849664d4d002a00000008000101120003000000010006000000000000d6674b69' || substring(png FROM at + 1)
$$;
CREATE TABLE phone AS SELECT id, turned(image, 33) AS image, mask FROM archive;
ALTER TABLE phone ADD PRIMARY KEY (id);

SELECT is((i).width || ' x ' || (i).height, '40 x 48', 'a PNG is turned as its eXIf chunk says')
FROM (SELECT lesion_image_info(image) AS i FROM phone LIMIT 1) AS info;
CREATE TABLE large AS SELECT turned(image, length(image) - 12) AS image FROM lesion_synthetic(1, 320, 240, 5);
ALTER TABLE large ALTER image SET STORAGE EXTERNAL;
UPDATE large SET image = image || '';
SELECT is((i).width || ' x ' || (i).height, '240 x 320', 'also where it stands behind many pixels')
FROM (SELECT lesion_image_info(image) AS i FROM large WHERE length(image) > 20000) AS info;
SELECT is((i).width || ' x ' || (i).height, '40 x 48', 'masks are turned with their image')
FROM (SELECT lesion_image_info(lesion_segment(image, 'net')) AS i FROM phone LIMIT 1) AS info;
SELECT is(lesion_segment(p.image, 'net', options => '{"orientation": "as_stored"}'), lesion_segment(a.image, 'net'),
	'but for those of images read as stored')
FROM phone AS p JOIN archive AS a USING (id) WHERE id = 1;
SELECT is((lesion_segment_detail(p.image, 'net', options => '{"orientation": "as_stored"}')).mask,
	lesion_segment(a.image, 'net'), 'in detail, too')
FROM phone AS p JOIN archive AS a USING (id) WHERE id = 1;

SELECT throws_ok($$SELECT lesion_evaluate('phone', 'net', 'all')$$, '22000', NULL,
	'masks drawn on stored pixels do not fit turned images');
DO $$
DECLARE
	said text;
BEGIN
	PERFORM lesion_evaluate('phone', 'net', 'all');
EXCEPTION WHEN data_exception THEN
	GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
	PERFORM set_config('masks.said', said, true);
END
$$;
SELECT alike(current_setting('masks.said'),
	'The last of them is row %its mask 48 x 40. % before its EXIF orientation (6)%', 'and the error says why');
SELECT is(p.n || ' ' || p.dice, a.n || ' ' || a.dice, 'they are scored with their images as stored')
FROM lesion_evaluate('phone', 'net', 'all', options => '{"orientation": "as_stored"}') AS p,
	lesion_evaluate('archive', 'net', 'all') AS a;
SELECT is(options, '{"orientation": "as_stored"}', 'and the score says so') FROM lesion_evaluation
WHERE images = 'public.phone';
SELECT throws_ok($$SELECT lesion_train('phone', 'phone', epochs => 1, architecture => 'unet', image_size => 32)$$,
	'22000', NULL, 'nor can be trained on');
SELECT lives_ok($$SELECT lesion_train('phone', 'phone', epochs => 1, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, options => '{"orientation": "as_stored"}')$$, 'but so');
SELECT is(options ->> 'orientation', 'as_stored', 'and the run says so') FROM lesion_run
WHERE model = 'phone' AND state = 'finished';
SELECT is(broken || ' ' || (n > 0), '0 true', 'its test part was scored so') FROM lesion_evaluation
WHERE model = 'phone';

SELECT throws_ok($$SELECT lesion_segment(image, 'net', options => '{"orientation": "sideways"}') FROM phone$$, '22023',
	NULL, 'an orientation that does not exist');
SELECT throws_ok($$SELECT lesion_segment(image, 'net', options => '{"orientation": 6}') FROM phone$$, '22023',
	NULL, 'nor is a number');

SELECT * FROM finish();
ROLLBACK;
