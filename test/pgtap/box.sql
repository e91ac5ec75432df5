-- A person's box: options => '{"box": [x, y, width, height]}'.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(19);
\set epochs 6
\ir ../data/small_networks.sql

-- A person's box, 4 pixels from what the network finds.
CREATE TABLE boxed AS
SELECT a.id, a.image, ARRAY[greatest(0, d.box[1] - 4), greatest(0, d.box[2] - 4),
	least(96, d.box[1] + d.box[3] + 4) - greatest(0, d.box[1] - 4),
	least(80, d.box[2] + d.box[4] + 4) - greatest(0, d.box[2] - 4)] AS box
FROM archive AS a, lesion_segment_detail(a.image, 'net') AS d;
CREATE TABLE hinted AS
SELECT b.*, d.mask AS made, d.box AS made_box, d.area, d.predicted_dice
FROM boxed AS b, lesion_segment_detail(b.image, 'net', options => jsonb_build_object('box', b.box)) AS d;
SELECT is(count(*), 0::bigint, 'nothing outside of the box is lesion') FROM hinted
WHERE made_box IS NULL OR made_box[1] < box[1] OR made_box[2] < box[2] OR made_box[1] + made_box[3] > box[1] + box[3]
	OR made_box[2] + made_box[4] > box[2] + box[4];
SELECT ok(bool_and(area * 96 * 80 / (box[3] * box[4]) BETWEEN 0.6 AND 0.85), 'the lesion is 65 to 80 % of it')
FROM hinted;
SELECT ok(bool_and(predicted_dice > 0 AND predicted_dice <= 1), 'it is told what Dice it may expect') FROM hinted;
SELECT ok(bool_and((lesion_segment_detail(image, 'net', 0.999999, options => jsonb_build_object('box', box))).box
	IS NOT NULL), 'at any threshold there is a lesion in a box') FROM boxed;
SELECT isnt(lesion_segment(image, 'net', options => '{"box": [0, 0, 96, 80]}'), lesion_segment(image, 'net'),
	'a box around the whole image is a box, too') FROM boxed WHERE id = 1;
SELECT is(lesion_segment(image, 'net', options => jsonb_build_object('box', box, 'refine', true)), made,
	'refine adds nothing to a box') FROM hinted WHERE id = 1;

-- Wherever options are given, and wherever they are stored.
SELECT is(count(*), 0::bigint, 'lesion_segment gives the same mask') FROM hinted
WHERE lesion_segment(image, 'net', options => jsonb_build_object('box', box)) IS DISTINCT FROM made;
SELECT is(count(*), 0::bigint, 'so does lesion_segment_pinned') FROM hinted AS h, lesion_version AS v
WHERE v.model = 'net' AND made IS DISTINCT FROM lesion_segment_pinned(image, encode(v.sha256, 'hex'), v.threshold,
	v.image_size, options => jsonb_build_object('box', box));
SELECT is(count(*), 0::bigint, 'and an ensemble of equal networks, with test-time augmentation') FROM boxed
WHERE lesion_segment(image, 'pair', 0.5, tta => true, options => jsonb_build_object('box', box))
	IS DISTINCT FROM lesion_segment(image, 'net', 0.5, tta => true, options => jsonb_build_object('box', box));
SELECT is((lesion_evaluate('archive', 'net', 'all', options => '{"box": [3, 4, 80, 70]}')).options,
	'{"box": [3, 4, 80, 70]}', 'an evaluation tells it');
CREATE TABLE masks (LIKE lesion_prediction);
CALL lesion_predict('archive', 'net', 'masks', options => '{"box": [3, 4, 80, 70]}');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r
	WHERE r.agrees AND m.options -> 'options' = '{"box": [3, 4, 80, 70]}'), 12::bigint,
	'so does a row of lesion_predict, whose mask is made again');

-- Errors.
SELECT throws_ok(format($$SELECT lesion_segment(image, 'net', options => '{"box": %s}') FROM archive WHERE id = 1$$,
	box), '22023', message, name)
FROM (VALUES
	('[90, 0, 7, 5]', 'box [90, 0, 7, 5] is not within the image of 96 x 80 pixels', 'a box beyond the image'),
	('[1, 2, 3]', 'box is not a list of four numbers', 'three numbers'),
	('[1, 2, 3, 4, 5]', 'box is not a list of four numbers', 'five numbers'),
	('[1, 2, null, 4]', 'box is not a list of four numbers', 'a NULL in it'),
	('null', 'box is not a list of four numbers', 'NULL'),
	('[1, 2, 0, 4]', 'box has no width of 0', 'an empty box'),
	('[1.5, 2, 3, 4]', 'box has no x of 1.5', 'half a pixel'),
	('[-1, 2, 3, 4]', 'box has no x of -1', 'a box that begins before the image')) AS wrong (box, message, name);

SELECT * FROM finish();
ROLLBACK;
