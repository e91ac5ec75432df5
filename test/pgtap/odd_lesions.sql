-- Every function about lesions on odd images and masks: one pixel, no lesion, nothing else, a lesion at the
-- border, as wide as an image may be, NULL, sizes that do not fit.
BEGIN;
\ir ../data/drawn_mask.sql
SET LOCAL client_min_messages = error;
SELECT plan(36);

CREATE TEMP TABLE odd AS
SELECT name, drawn_image(drawing, '203050', '80a0d0') AS image, drawn_mask(drawing) AS mask,
	length(replace(replace(drawing, '.', ''), ' ', ''))::float8 AS area
FROM (VALUES
	('all of one pixel', '#'),
	('border', trim(repeat('############............ ', 18))),
	('corner', trim(repeat('########................ ', 6) || repeat('........................ ', 12))),
	('empty', trim(repeat('........................ ', 18))),
	('full', trim(repeat('######################## ', 18))),
	('none of one pixel', '.'),
	('one pixel', repeat('........................ ', 9) || '............#........... '
		|| trim(repeat('........................ ', 8))),
	('tall', repeat('.. ', 30000) || repeat('## ', 5535) || trim(repeat('.. ', 30000))),
	('wide', repeat('.', 30000) || repeat('#', 5535) || repeat('.', 30000) || ' ' || repeat('.', 65535)))
	AS drawings (name, drawing);

-- What a call comes to: its text, or the SQLSTATE of its error.
CREATE FUNCTION outcome(call text, image bytea, mask bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || call || ')::text FROM (SELECT $1 AS image, $2 AS mask) AS one' INTO result USING image, mask;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

-- lesion_measure
SELECT is((SELECT array_agg(o.name ORDER BY o.name) FROM odd o, lesion_measure(mask, image) m
	WHERE m.area = o.area AND m.components = (o.area > 0)::int AND (m.centroid_x IS NULL) = (o.area = 0)),
	(SELECT array_agg(name ORDER BY name) FROM odd), 'lesion_measure measures all of them');
SELECT is(outcome('lesion_measure(mask, image) IS NULL', image, NULL), 'true', 'lesion_measure: no mask')
FROM odd WHERE name = 'border';
SELECT is(outcome('(lesion_measure(mask, image)).area', NULL, mask), area::text, 'lesion_measure: no image')
FROM odd WHERE name = 'border';

-- lesion_crop
SELECT is((SELECT array_agg(o.name || ' ' || i.width || 'x' || i.height ORDER BY o.name)
	FROM odd o, lesion_image_info(lesion_crop(image, mask, 0)) i WHERE o.area > 0),
	'{"all of one pixel 1x1","border 12x18","corner 8x6","full 24x18","one pixel 1x1","tall 2x5535","wide 5535x1"}'
	::text[],
	'lesion_crop cuts out the box');
SELECT is((SELECT array_agg(o.name || ' ' || i.width || 'x' || i.height ORDER BY o.name)
	FROM odd o, lesion_image_info(lesion_crop(image, mask, 10)) i WHERE o.area > 0),
	'{"all of one pixel 1x1","border 24x18","corner 24x18","full 24x18","one pixel 21x18",
		"tall 2x65535","wide 65535x2"}'::text[], 'with a margin as far as the image goes');
SELECT is((SELECT count(*) FROM odd WHERE area = 0 AND lesion_crop(image, mask) IS NULL), 2::bigint,
	'nothing of a mask without lesion');

-- lesion_skin_tone
SELECT is((SELECT array_agg(o.name ORDER BY o.name) FROM odd o, lesion_skin_tone(image, mask) t
	WHERE t.ita IS NOT NULL), '{border,corner,empty,"none of one pixel","one pixel",tall,wide}'::text[],
	'lesion_skin_tone judges what skin there is');
SELECT is((SELECT count(*) FROM odd o, lesion_skin_tone(image, mask) t
	WHERE o.name IN ('full', 'all of one pixel') AND t.pixels = 0 AND t.category IS NULL AND t.lightness IS NULL),
	2::bigint, 'and nothing where there is none');

-- lesion_follow and its picture
SELECT is((SELECT array_agg(name || ' ' || outcome('(lesion_follow(image, mask, image, mask)).sure', image, mask)
	ORDER BY name) FROM odd), '{"all of one pixel false","border true","corner true","empty false","full true",
		"none of one pixel false","one pixel true","tall 22P03","wide 22P03"}'::text[],
	'lesion_follow: what is too narrow is an error');
SELECT is((SELECT array_agg(name || ' ' || outcome('lesion_follow_picture(image, mask, image, mask) IS NOT NULL', image,
	mask) ORDER BY name) FROM odd), '{"all of one pixel true","border true","corner true","empty true","full true",
		"none of one pixel true","one pixel true","tall 22P03","wide 22P03"}'::text[],
	'so it is for lesion_follow_picture');

-- lesion_segment_classical
SELECT is((SELECT array_agg(o.name ORDER BY o.name)
	FROM odd o, lesion_image_info(o.image) i, lesion_image_info(lesion_segment_classical(o.image, method)) m
	WHERE (i.width, i.height, 'png') = (m.width, m.height, m.format)),
	(SELECT array_agg(name ORDER BY name) FROM odd), method || ' makes a mask of each of them')
FROM unnest('{otsu,adaptive,kmeans,region_growing,chan_vese}'::text[]) AS method;
SELECT is((SELECT array_agg(o.name ORDER BY o.name) FROM odd o
	WHERE (lesion_measure(lesion_segment_classical(o.image, method))).area > 0 AND name IN ('empty', 'full')), NULL,
	method || ' finds nothing where all is one colour')
FROM unnest('{otsu,adaptive,kmeans,region_growing,chan_vese}'::text[]) AS method;

-- Boundary scores
SELECT is((SELECT count(*) FROM odd, lesion_metrics(mask, mask) AS m
	WHERE (m.hausdorff95, m.assd, m.surface_dice) = (0, 0, 1)), 9::bigint, 'each mask is at no distance from itself');
SELECT is((SELECT (m.hausdorff95, m.surface_dice)::text FROM odd, lesion_metrics(mask, drawn_mask(
	repeat('.', 65535) || ' ' || repeat('.', 65534) || '#')) AS m WHERE name = 'wide'), '(35257.30001418146,0)',
	'far apart: 95 of 100 between 30000 and 35534');

-- lesion_visits
CREATE TABLE visits AS SELECT name, image, mask, 'x' AS lesion, date '2024-01-01' AS visited_on FROM odd
WHERE name NOT IN ('tall', 'wide') UNION ALL SELECT 'nothing', NULL, NULL, 'x', '2024-01-01';
SELECT is((SELECT array_agg(id || coalesce(' ' || sure, '') ORDER BY visit)
	FROM lesion_visits('visits', 'lesion', 'visited_on', id_column => 'name')),
	'{"all of one pixel","border false","corner false","empty false","full false","none of one pixel false",
	"one pixel false"}'::text[], 'lesion_visits follows them');

-- What is NULL, and what does not fit.
CREATE TEMP TABLE calls AS SELECT call, image, mask FROM odd,
	unnest('{"lesion_crop(image, mask)","(lesion_skin_tone(image, mask)).pixels",
	"(lesion_follow(image, mask, image, mask)).sure",
	"lesion_follow_picture(image, mask, image, mask)"}'::text[]) AS call
WHERE name = 'border';
SELECT is(outcome(call, NULL, mask), NULL, call || ': no image') FROM calls;
SELECT is(outcome(call, image, NULL), NULL, call || ': no mask') FROM calls;
SELECT is(outcome(call, image, drawn_mask('#..')), '22023', call || ': a mask of another shape') FROM calls;
SELECT is(outcome('lesion_measure(mask, image)', image, drawn_mask('#..')), '22P03', 'lesion_measure: another shape')
FROM odd WHERE name = 'border';

SELECT * FROM finish();
ROLLBACK;
