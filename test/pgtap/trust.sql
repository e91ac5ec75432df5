-- Trust in a single mask: what predicted_dice and needs_review are worth on
-- images that the model has not seen, a seventh of them too bad for it.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(15);

CREATE TABLE archive AS SELECT seed AS id, s.*
	FROM generate_series(1, 300) AS seed, lesion_synthetic(seed, 40, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', 12, architecture => 'unet', config => '{"base": 4, "depth": 2}', image_size => 32,
	test_fraction => 0, learning_rate => 0.01, augment => '{"degrade": 0}', options => '{"validation_fraction": 0.4}');

CREATE TABLE unseen AS
SELECT seed AS id, seed % 7 = 0 AS bad, s.mask,
	CASE WHEN seed % 7 = 0 THEN lesion_degrade(s.image, ('{blur,low_resolution,hair}'::text[])[1 + seed / 7 % 3], 5)
	ELSE s.image END AS image
FROM generate_series(1001, 1240) AS seed, lesion_synthetic(seed, 40, 40) AS s;
CREATE TABLE result AS
SELECT u.id, u.bad, d.predicted_dice, d.needs_review, lesion_dice(d.mask, u.mask) AS dice,
	percent_rank() OVER (ORDER BY lesion_dice(d.mask, u.mask)) < 0.1 AS worst,
	percent_rank() OVER (ORDER BY d.predicted_dice) < 0.25 AS lowest
FROM unseen AS u, LATERAL lesion_segment_detail(u.image, 'net') AS d;

SELECT cmp_ok(avg(dice), '>', 0.75::float8, 'the model has learnt what a lesion is') FROM result WHERE NOT bad;
SELECT cmp_ok(corr(predicted_dice, dice), '>=', 0.6::float8, 'predicted Dice goes with true Dice') FROM result;
SELECT cmp_ok(avg(lowest::int), '>=', 0.75,
	'the worst tenth is, but for a few, in the quarter with the lowest predicted Dice') FROM result WHERE worst;
SELECT cmp_ok(avg(needs_review::int), '>=', 0.75, 'the worst tenth needs review, but for a few') FROM result
WHERE worst;
SELECT cmp_ok(avg(needs_review::int), '<=', 0.33,
	'... and few more than the 22 % it was set to of images like those it was trained on') FROM result WHERE NOT bad;
SELECT cmp_ok(avg(dice) FILTER (WHERE needs_review), '<', avg(dice) FILTER (WHERE NOT needs_review) - 0.1,
	'masks that need review are worse') FROM result;

-- The same lesions in larger photographs are trusted as much, though an enlarged map has wide edges.
SELECT cmp_ok(abs(avg(small.predicted_dice) - avg(large.predicted_dice)), '<', 0.007::float8,
	'the size of the image counts for nothing')
FROM generate_series(1001, 1100) AS seed, lesion_segment_detail((lesion_synthetic(seed, 32, 32)).image, 'net') AS small,
	lesion_segment_detail((lesion_synthetic(seed, 128, 128)).image, 'net') AS large;

-- The coefficients of the predicted Dice belong to the version, and go where it goes.
SELECT is((SELECT count(*) FROM lesion_version, unnest(dice_coefficients) AS c WHERE model = 'net' AND c <> 0),
	6::bigint, 'a training with 100 validation rows and more has fitted them');
SELECT lesion_model_import('copy', lesion_model_export('net'));
SELECT is(b.dice_coefficients, a.dice_coefficients, 'a weight file carries them')
FROM lesion_version AS a, lesion_version AS b WHERE a.model = 'net' AND b.model = 'copy';
SELECT lesion_model_import('plain', lesion_model_export('net'), traits => lesion_model_traits('net') ||
	'{"dice_constant": 0, "dice_expected": 0, "dice_core": 0, "dice_doubt": 0, "dice_area": 0, "dice_scattered": 0}');
SELECT is((SELECT dice_coefficients FROM lesion_version WHERE model = 'plain'), NULL, 'traits of 0 are none');
CREATE TEMP TABLE trusted AS
SELECT id, lesion_dice(net.mask, u.mask) AS dice, net.predicted_dice AS fitted, copy.predicted_dice AS copied,
	plain.predicted_dice AS expected
FROM unseen AS u, lesion_segment_detail(image, 'net') AS net, lesion_segment_detail(image, 'copy') AS copy,
	lesion_segment_detail(image, 'plain') AS plain WHERE id <= 1120;
SELECT is((SELECT count(*) FROM trusted WHERE copied <> fitted), 0::bigint,
	'the same coefficients, the same prediction');
SELECT cmp_ok((SELECT count(*) FROM trusted WHERE expected <> fitted), '>', 100::bigint,
	'... without them it is another');
SELECT cmp_ok(avg(abs(fitted - dice)), '<', avg(abs(expected - dice)), '... and further from the truth') FROM trusted;
SELECT lesion_model_import('constant', lesion_model_export('net'), traits => '{"dice_constant": 0.625,
	"dice_expected": 0, "dice_core": 0, "dice_doubt": 0, "dice_area": 0, "dice_scattered": 0, "review_below": 0.7}');
SELECT is((SELECT count(*) FROM unseen, lesion_segment_detail(image, 'constant') AS d WHERE d.area > 0 AND id <= 1020
	AND (d.predicted_dice <> 0.625 OR NOT d.needs_review)), 0::bigint,
	'the prediction is what they say, and so is the review');
SELECT throws_ok($$INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version,
	dice_coefficients) SELECT model, 9, config, weights, sha256, image_size, extension_version, '{1,2,3,4,5,NaN}'
	FROM lesion_version WHERE model = 'net'$$, '23514', NULL, 'what is no number is refused');

SELECT * FROM finish();
ROLLBACK;
