-- A second look: options => '{"refine": true}'.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(17);
\set epochs 6
\ir ../data/small_networks.sql

-- Thresholds at which something small, something large and nothing is found.
CREATE TABLE looks AS
SELECT a.id, t.threshold, d.area, d.box, d.mask, d.probability, r.mask AS mask2, r.probability AS probability2,
	r.predicted_dice AS dice2
FROM archive AS a, unnest(ARRAY[0.02, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.999999]) AS t(threshold),
	lesion_segment_detail(a.image, 'net', t.threshold, options => '{"largest_component": true}') AS d,
	lesion_segment_detail(a.image, 'net', t.threshold,
		options => '{"largest_component": true, "refine": true}') AS r;
-- As infer/refine.c has it: the margin is 0.35 of the longer side, and the window at most 0.4 of the image's area.
CREATE VIEW told AS SELECT *, greatest(box[3], box[4]) * 1.7 AS side FROM looks;

SELECT ok(count(*) > 5, 'something is found that fills the image') FROM told WHERE side > 64;
SELECT is(count(*), 0::bigint, '... and then the first map stands, bit for bit') FROM told
WHERE side > 64 AND (mask <> mask2 OR probability <> probability2);
SELECT ok(count(*) > 5, 'nothing is found') FROM looks WHERE threshold > 0.99;
SELECT is(count(*), 0::bigint, '... and then the first map stands, bit for bit') FROM looks
WHERE threshold > 0.99 AND (mask <> mask2 OR probability <> probability2);
SELECT ok(count(*) > 5, 'something small is found') FROM told WHERE side BETWEEN 15 AND 50;
SELECT ok(avg((probability <> probability2)::int) > 0.8, '... and a second look changes the probabilities') FROM told
WHERE side BETWEEN 15 AND 50;
SELECT ok(bool_and(dice2 BETWEEN 0 AND 1), 'what Dice the mask may expect is told') FROM looks;

-- It can be switched off, and what is no boolean is refused.
SELECT is(lesion_segment(image, 'net', options => '{"refine": false}'), lesion_segment(image, 'net'), 'off')
FROM archive WHERE id = 1;
SELECT throws_ok($$SELECT lesion_segment(image, 'net', options => '{"refine": "yes"}') FROM archive$$, '22023',
	'refine is not true or false', 'neither true nor false');
SELECT is((SELECT default_value FROM lesion_options() WHERE key = 'refine'), 'false', 'it is off by default');

-- Everything that segments has it, and everything that is stored tells it.
SELECT is((SELECT count(*) FROM looks AS l JOIN archive AS a USING (id) WHERE l.threshold = 0.9 AND
	lesion_segment(a.image, 'net', 0.9, options => '{"largest_component": true, "refine": true}')
	IS DISTINCT FROM l.mask2),
	0::bigint, 'lesion_segment gives the same mask');
SELECT is((SELECT count(*) FROM archive AS a, lesion_version AS v WHERE v.model = 'net' AND
	lesion_segment_pinned(a.image, encode(v.sha256, 'hex'), 0.9, v.image_size, options => '{"refine": true}')
	IS DISTINCT FROM (SELECT lesion_segment(a.image, 'net', 0.9, options => '{"refine": true}'))), 0::bigint,
	'so does lesion_segment_pinned');
SELECT is((SELECT count(*) FROM archive AS a WHERE
	lesion_segment(a.image, 'pair', 0.9, tta => true, options => '{"refine": true}')
	IS DISTINCT FROM lesion_segment(a.image, 'net', 0.9, tta => true, options => '{"refine": true}')), 0::bigint,
	'an ensemble of equal networks, with test-time augmentation, too');
SELECT is((lesion_evaluate('archive', 'net', 'all', threshold => 0.9, options => '{"refine": true}')).options,
	'{"refine": true}', 'an evaluation tells it');
CREATE TABLE masks (LIKE lesion_prediction);
CALL lesion_predict('archive', 'net', 'masks', threshold => 0.9, options => '{"refine": true}');
SELECT is((SELECT count(*) FROM masks WHERE options -> 'options' = '{"refine": true}'), 12::bigint,
	'so does a row of lesion_predict');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r WHERE r.agrees), 12::bigint,
	'... whose mask is made again');
UPDATE masks SET options = options - 'options';
SELECT ok((SELECT bool_or(NOT r.agrees) FROM masks AS m, lesion_reproduce(m) AS r), '... and not without it');

SELECT * FROM finish();
ROLLBACK;
