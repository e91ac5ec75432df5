-- A person's points: options => '{"inside": [x, y], "outside": [x, y, x, y]}'.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(20);
\set epochs 16
\ir ../data/small_networks.sql

-- The middle of the lesion, and a point half-way from there to its upper edge.
CREATE TABLE found AS
SELECT a.id, a.image, d.mask, d.area, round(m.centroid_x)::int AS x, round(m.centroid_y)::int AS y,
	(round(m.centroid_y)::int + d.box[2]) / 2 AS above
FROM archive AS a, lesion_segment_detail(a.image, 'net', options => '{"largest_component": true}') AS d,
	lesion_measure(d.mask) AS m;
SELECT is(count(*), 12::bigint, 'the network finds lesions') FROM found;
SELECT is(count(*), 0::bigint, 'the part that a point is inside of stays, no other') FROM found
WHERE mask IS DISTINCT FROM lesion_segment(image, 'net', options => jsonb_build_object('inside', ARRAY[x, y]));
SELECT ok(bool_and(abs(all_of_it.area - f.area - d.area) < 1e-9), 'the part that a point is outside of goes, no other')
FROM found AS f, lesion_segment_detail(image, 'net') AS all_of_it,
	lesion_segment_detail(image, 'net', options => jsonb_build_object('outside', ARRAY[x, y])) AS d;
CREATE TABLE cut AS
SELECT f.*, o.options, d.mask AS made, d.area AS made_area, d.predicted_dice
FROM found AS f, LATERAL (
	SELECT jsonb_build_object('inside', ARRAY[x, y], 'outside', ARRAY[x, above, x, 0]) AS options) AS o,
	lesion_segment_detail(f.image, 'net', options => o.options) AS d;
SELECT cmp_ok(count(*), '>=', 8::bigint, 'a part with both is cut') FROM cut
WHERE made_area BETWEEN 0.1 * area AND 0.95 * area;
SELECT ok(bool_and(predicted_dice > 0 AND predicted_dice <= 1), 'it is told what Dice it may expect') FROM cut;
SELECT ok(bool_and(d.area > 0), 'where the threshold is too high for the network, it is lower at a point inside')
FROM found, lesion_segment_detail(image, 'net', 0.999, options => jsonb_build_object('inside', ARRAY[x, y])) AS d;

-- Wherever options are given, and wherever they are stored.
SELECT is(count(*), 0::bigint, 'lesion_segment gives the same mask') FROM cut
WHERE lesion_segment(image, 'net', options => options) IS DISTINCT FROM made;
SELECT is(count(*), 0::bigint, 'so does lesion_segment_pinned') FROM cut AS c, lesion_version AS v
WHERE v.model = 'net' AND made IS DISTINCT FROM lesion_segment_pinned(image, encode(v.sha256, 'hex'), v.threshold,
	v.image_size, options => c.options);
SELECT is(count(*), 0::bigint, 'and an ensemble of equal networks, with test-time augmentation') FROM cut
WHERE lesion_segment(image, 'pair', 0.5, tta => true, options => options)
	IS DISTINCT FROM lesion_segment(image, 'net', 0.5, tta => true, options => options);
SELECT ok(bool_and(d.box[1] >= 8 AND d.box[1] + d.box[3] <= 88), 'a box and points go together')
FROM cut, lesion_segment_detail(image, 'net', options => options || '{"box": [8, 0, 80, 80]}') AS d;
SELECT is((lesion_evaluate('archive', 'net', 'all', options => '{"outside": [3, 4, 95, 79]}')).options,
	'{"outside": [3, 4, 95, 79]}', 'an evaluation tells them');
CREATE TABLE masks (LIKE lesion_prediction);
CALL lesion_predict('archive', 'net', 'masks', options => '{"outside": [3, 4]}');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r
	WHERE r.agrees AND m.options -> 'options' = '{"outside": [3, 4]}'), 12::bigint,
	'so does a row of lesion_predict, whose mask is made again');

-- Errors.
SELECT throws_ok(format($$SELECT lesion_segment(image, 'net', options => '%s') FROM archive WHERE id = 1$$, options),
	'22023', message, name)
FROM (VALUES
	('{"inside": [96, 0]}', 'inside [96, 0] is not within the image of 96 x 80 pixels', 'a point beyond the image'),
	('{"outside": [1, 2, 0, 80]}', 'outside [0, 80] is not within the image of 96 x 80 pixels', 'the second of two'),
	('{"inside": [5, 6, 7, 8], "outside": [7, 8]}', '[7, 8] is both inside and outside', 'a point that is both'),
	('{"inside": [1]}', 'inside is not a list of points', 'half a point'),
	('{"inside": []}', 'inside is not a list of points', 'an empty list'),
	('{"inside": [[1, 2]]}', 'inside is not a list of points', 'lists in a list'),
	('{"inside": [1, 2.5]}', 'inside has no y of 2.5', 'half a pixel'),
	('{"outside": null}', 'outside is not a list of points', 'NULL')) AS wrong (options, message, name);

SELECT * FROM finish();
ROLLBACK;
