-- Segmentation without training.
BEGIN;
\ir ../data/drawn_mask.sql
SELECT plan(13);

CREATE TEMP TABLE lesion AS
SELECT seed, image, mask FROM generate_series(1, 8) AS seed, lesion_synthetic(seed, 160, 120);
CREATE TEMP TABLE method AS SELECT unnest('{otsu,adaptive,kmeans,region_growing,chan_vese}'::text[]) AS name;

SELECT ok((SELECT avg(lesion_dice(lesion_segment_classical(image, name), mask)) FROM lesion) > 0.8,
	name || ' finds lesions')
FROM method ORDER BY name;
SELECT is(lesion_segment_classical(image), lesion_segment_classical(image, 'otsu'), 'otsu is the default')
FROM lesion WHERE seed = 1;
SELECT is((SELECT (i.format, i.width, i.height)::text
	FROM lesion, lesion_image_info(lesion_segment_classical(image)) AS i WHERE seed = 1), '(png,160,120)',
	'a mask of the size of the image');
SELECT is((SELECT count(DISTINCT lesion_segment_classical(image, 'otsu', options)) FROM lesion,
		unnest('{"{}","{\"channel\": \"red\"}","{\"blur\": 6}","{\"clean\": false}"}'::jsonb[]) AS options
	WHERE seed = 3),
	4::bigint, 'options matter');
SELECT is((lesion_measure(lesion_segment_classical(drawn_mask('#### #### ####'), name))).area, 0::float8,
	'nothing stands out from one colour')
FROM method WHERE name = 'otsu';
SELECT is(lesion_segment_classical(NULL), NULL, 'no image, no mask');
SELECT throws_ok($$SELECT lesion_segment_classical(image, 'watershed') FROM lesion$$, '22023',
	'method "watershed" does not exist', 'a method that does not exist');
SELECT throws_ok($$SELECT lesion_segment_classical(image, 'otsu', '{"blurr": 1}') FROM lesion$$, '22023', NULL,
	'an option that does not exist');
SELECT throws_ok($$SELECT lesion_segment_classical('no image')$$, '22P03', NULL, 'no image at all');

SELECT * FROM finish();
ROLLBACK;
