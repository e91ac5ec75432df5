-- Two photographs of one lesion.
BEGIN;
\ir ../data/drawn_mask.sql
SELECT plan(15);

CREATE TEMP TABLE scene AS SELECT image, mask FROM lesion_synthetic(3, 320, 240);
CREATE TEMP TABLE later AS
SELECT lesion_degrade(image, 'uneven_light', 2) AS image, mask FROM scene;

SELECT ok(f.sure AND f.confidence > 0.9 AND abs(f.change_percent) < 0.5 AND abs(f.rotation) < 0.2
	AND abs(f.scale - 1) < 0.005 AND abs(f.shift_x) < 1 AND f.common > 0.95, 'under another light nothing has changed')
FROM scene, later, lesion_follow(scene.image, scene.mask, later.image, later.mask) AS f;
SELECT is(f.new_pixels - f.gone_pixels, (f.area_after - f.area_before)::bigint, 'new less gone is the change')
FROM scene, later, lesion_follow(scene.image, scene.mask, later.image, later.mask) AS f;
SELECT ok(f.sure AND abs(f.change_percent) < 1, 'hair is no change')
FROM scene, lesion_follow(image, mask, lesion_degrade(image, 'hair', 3), mask) AS f;
SELECT ok(f.sure AND abs(f.scale - 1) < 0.005 AND abs(f.change_percent) < 1, 'a lesion cut out is where it was')
FROM scene, lesion_crop(image, mask, 0.3) AS c, lesion_crop(mask, mask, 0.3) AS m,
	lesion_follow(image, mask, c, m) AS f;
SELECT ok(f.sure AND abs(f.shift_x) > 1 AND f.common < 0.99, 'the map says so')
FROM scene, lesion_crop(image, mask, 0.3) AS c, lesion_crop(mask, mask, 0.3) AS m,
	lesion_follow(image, mask, c, m) AS f;
SELECT ok(abs(f.change_mm2 - (f.area_after - f.area_before) * 0.05 * 0.04) < 1e-9, 'in mm2 where there is a spacing')
FROM scene, later, lesion_follow(scene.image, scene.mask, later.image, later.mask, '{0.05,0.04}') AS f;
SELECT ok(f.change_mm2 IS NULL, 'without a spacing not')
FROM scene, later, lesion_follow(scene.image, scene.mask, later.image, later.mask) AS f;
SELECT is((SELECT (f.sure, f.change_percent, f.new_pixels, f.area_after)::text
	FROM scene, lesion_synthetic(8, 320, 240) AS other,
		lesion_follow(scene.image, scene.mask, other.image, other.mask) AS f),
	'(f,,,)', 'of another lesion nothing is said');
SELECT is((SELECT (f.sure, f.confidence, f.change_percent)::text
	FROM scene, lesion_follow(image, mask, image, drawn_mask('.... .... ....')) AS f), '(f,0,)',
	'nor where one is empty');
SELECT ok((SELECT f IS NULL FROM scene, lesion_follow(image, mask, image, NULL) AS f), 'no mask, nothing');
SELECT ok((SELECT i.format = 'png' AND i.width > 640 AND i.height > 240 FROM scene, later,
	lesion_image_info(lesion_follow_picture(scene.image, scene.mask, later.image, later.mask)) AS i),
	'the picture shows both');
SELECT throws_ok($$SELECT lesion_follow(image, drawn_mask('#..'), image, mask) FROM scene$$, '22023',
	'image_before is 320 x 240 pixels, mask_before 3 x 1', 'a mask of another shape');
SELECT throws_ok($$SELECT lesion_follow('no image', mask, image, mask) FROM scene$$, '22P03', NULL, 'no image');
SELECT throws_ok($$SELECT lesion_follow(image, mask, image, mask, '{0}') FROM scene$$, '22023', NULL, 'a spacing of 0');
SELECT throws_ok($$SELECT lesion_follow_picture(image, 'no mask', image, mask) FROM scene$$, '22P03', NULL, 'no mask');

SELECT * FROM finish();
ROLLBACK;
