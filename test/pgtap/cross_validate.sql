-- Cross-validation: each row is once in the test part of a network that has not seen it, settings are compared on
-- the same folds, and the folds of the best are an ensemble. In this transaction nothing is committed.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(71);

-- Fifty patients with two photographs each.
CREATE TABLE pat AS
SELECT (2 * p + k)::int AS id, 'patient-' || p AS patient, lesion_degrade(s.image, 'noise', 1, k) AS image, s.mask
FROM generate_series(1, 50) AS p, generate_series(1, 2) AS k, lesion_synthetic(p, 32, 32) AS s;
ALTER TABLE pat ADD PRIMARY KEY (id);

CALL lesion_cross_validate('pat', 'unet', 4, 'cv', epochs => 2, group_column => 'patient', image_sizes => '{16}',
	learning_rates => '{1e-6,5e-3}', configs => '[{"base": 2, "depth": 1}, {"base": 4, "depth": 2}]', seed => 3);

-- The plan, and what came of it.
SELECT results_eq($$SELECT setting, learning_rate, image_size, config ->> 'base', count(*), min(fold), max(fold)
	FROM lesion_folds WHERE model = 'cv' GROUP BY 1, 2, 3, 4 ORDER BY 1$$,
	$$VALUES (1, 1e-6::float8, 16, '2', 4::bigint, 1, 4), (2, 1e-6, 16, '4', 4, 1, 4), (3, 5e-3, 16, '2', 4, 1, 4),
	(4, 5e-3, 16, '4', 4, 1, 4)$$, 'every setting has every fold');
SELECT is((SELECT string_agg(DISTINCT state, ',') FROM lesion_folds), 'finished', 'all of them are trained');
SELECT is((SELECT string_agg(fold_model, ' ' ORDER BY fold) FROM lesion_folds WHERE setting = 3),
	'cv_3_1 cv_3_2 cv_3_3 cv_3_4', '... under names of their own');
SELECT is((SELECT array_agg(model ORDER BY run) FROM lesion_runs WHERE model LIKE 'cv%'),
	ARRAY['cv_1_1', 'cv_2_1', 'cv_3_1', 'cv_4_1', 'cv_1_2', 'cv_2_2', 'cv_3_2', 'cv_4_2', 'cv_1_3', 'cv_2_3', 'cv_3_3',
	'cv_4_3', 'cv_1_4', 'cv_2_4', 'cv_3_4', 'cv_4_4'], '... one fold of each setting before the next fold');
SELECT is((SELECT options ->> 'learning_rate' || ' ' || (options -> 'config' ->> 'base') FROM lesion_run
	WHERE model = 'cv_3_2'), '0.005 2', '... with the learning rate and the config of its setting');

-- The folds are parts of the table, by patient.
CREATE TEMP TABLE scored AS
SELECT f.setting, f.fold, s.id, a.patient, s.dice, s.jaccard, f.evaluation FROM lesion_folds f
JOIN lesion_image_score s USING (evaluation) JOIN pat a ON a.id::text = s.id;
SELECT is((SELECT count(*) FROM scored WHERE setting = 1), 100::bigint, 'every image is scored');
SELECT is((SELECT count(DISTINCT id) FROM scored WHERE setting = 1), 100::bigint, '... once');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT fold) AS n FROM scored GROUP BY patient) p), 1::bigint,
	'all images of a patient are in one fold');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT fold) AS n FROM scored GROUP BY id) p), 1::bigint,
	'... the same one for every setting');
SELECT ok((SELECT min(n) > 10 FROM (SELECT count(*) AS n FROM scored WHERE setting = 1 GROUP BY fold) f),
	'no fold is small');
SELECT is((SELECT count(*) FROM scored s JOIN lesion_folds f USING (setting, fold)
	JOIN lesion_version v ON v.model = f.fold_model JOIN pat a ON a.id::text = s.id,
	generate_series(0, octet_length(v.image_digests) / 8 - 1) AS i
	WHERE substr(sha256(a.image), 1, 8) = substr(v.image_digests, 8 * i + 1, 8)), 0::bigint,
	'no network was trained on an image that it is scored on');
SELECT is((SELECT seen FROM lesion_evaluation JOIN lesion_folds f USING (evaluation) WHERE setting = 1 AND f.fold = 2),
	0::bigint, '... as its evaluation says');
SELECT ok((SELECT count(*) > 20 FROM scored WHERE setting = 1 AND lesion_split(patient, 0, 0.25) = 'test'
	AND fold > 1), 'folds are not the parts of lesion_split: those of what it leaves for training are whole');

-- Scores.
SELECT results_eq($$SELECT setting, n, round(dice::numeric, 12), round(threshold_jaccard::numeric, 12)
	FROM lesion_cross_validations WHERE model = 'cv' ORDER BY 1$$,
	$$SELECT setting, count(*), round(avg(dice)::numeric, 12),
	round(avg(CASE WHEN jaccard >= 0.65 THEN jaccard ELSE 0 END)::numeric, 12) FROM scored GROUP BY 1 ORDER BY 1$$,
	'out-of-fold scores are means over all images');
SELECT ok(bool_and(dice_low <= dice AND dice <= dice_high AND threshold_jaccard_low <= threshold_jaccard
	AND threshold_jaccard <= threshold_jaccard_high AND (dice_low < dice_high OR NOT best)),
	'intervals hold their mean') FROM lesion_cross_validations;
SELECT results_eq($$SELECT setting, round(fold_dice::numeric, 12), worst_fold_dice FROM lesion_cross_validations
	ORDER BY 1$$,
	$$SELECT setting, round(avg(dice)::numeric, 12), min(dice) FROM lesion_folds GROUP BY 1 ORDER BY 1$$,
	'and folds are compared');
SELECT is((SELECT array_agg(best ORDER BY dice DESC) FROM lesion_cross_validations), '{t,f,f,f}',
	'the best setting is known');
SELECT ok((SELECT setting > 2 FROM lesion_cross_validations WHERE best), '... and is one that learned something');

-- The ensemble.
SELECT is((SELECT count(*) FROM lesion_version v, jsonb_array_elements(v.config -> 'members') AS m (member)
	JOIN lesion_folds f ON f.fold_model = member ->> 'model' AND f.version = (member ->> 'version')::int
	JOIN lesion_cross_validations c ON c.model = f.model AND c.setting = f.setting AND c.best
	WHERE v.model = 'cv' AND v.number = 2), 4::bigint, 'the folds of the best setting are the ensemble');
SELECT is((SELECT version FROM lesion_models WHERE model = 'cv'), 2, '... fitted');
SELECT is((SELECT (metadata ->> 'images')::int FROM lesion_version WHERE model = 'cv' AND number = 2),
	(SELECT validation_images FROM lesion_runs r JOIN lesion_cross_validations c ON r.model = format('cv_%s_1',
	c.setting) WHERE c.best), '... on validation rows');
SELECT is((lesion_image_info(lesion_segment(image, 'cv'))).width, 32, '... and segments') FROM pat WHERE id = 3;

-- A fold is a split like any other: what scores the network later takes it without being told.
SELECT is((SELECT count(*) FROM lesion_version WHERE model LIKE 'cv\_%' AND fold = right(model, 1)::int
	AND test_fraction = 0.25 AND split_columns = '{patient}'), 16::bigint, 'a version keeps its fold');
CREATE TEMP TABLE again AS SELECT * FROM lesion_evaluate('pat', 'cv_3_2');
SELECT is(again.dice, f.dice, 'lesion_evaluate takes it') FROM again, lesion_folds f WHERE f.fold_model = 'cv_3_2';
SELECT is(fold, 2, '... and keeps it') FROM again;
SELECT isnt(n, (SELECT n FROM again), '... unless a fraction is given')
FROM lesion_evaluate('pat', 'cv_3_2', test_fraction => 0.25);
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'cv_3_2'), 2::bigint,
	'the two have rows of their own');
SELECT is((SELECT f.n FROM lesion_folds f WHERE f.fold_model = 'cv_3_2'), (SELECT n FROM again),
	'the cross-validation keeps the scores of its run');
SELECT is(lesion_model_import('back', lesion_model_export('cv_3_2')), 1, 'a weight file tells its fold');
SELECT is(fold, 2, '... which comes back') FROM lesion_version WHERE model = 'back';
SELECT is((SELECT dice FROM lesion_evaluate('pat', 'back')), (SELECT dice FROM again), '... with the same rows');
SELECT lesion_train('pat', 'alone', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}', image_size => 16,
	group_column => 'patient', test_fraction => 0.25, options => '{"fold": 2}');
SELECT is((SELECT test_images FROM lesion_run WHERE model = 'alone'), (SELECT n::int FROM again),
	'lesion_train trains a fold too');

-- Refusals.
SELECT throws_ok($$SELECT lesion_train('pat', 'bad', 1, architecture => 'unet', image_size => 16,
	test_fraction => 0.25, options => '{"fold": 5}')$$, '22023', 'fold 5 does not exist with a test_fraction of 0.25');
SELECT throws_ok($$SELECT lesion_train('pat', 'bad', 1, architecture => 'unet', image_size => 16,
	test_fraction => 0.3, options => '{"fold": 1}')$$, '22023', 'fold 1 does not exist with a test_fraction of 0.3');
CREATE TEMP TABLE passing (LIKE pat INCLUDING ALL);
SELECT throws_ok($$CALL lesion_cross_validate('passing', 'unet')$$, '42809',
	'"passing" is temporary or has a temporary part', 'a plan that would find other images under the name');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', 1)$$, '22023', 'folds is 1, it must be from 2 to 16');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', image_sizes => '{}')$$, '22023',
	'learning_rates, image_sizes and configs leave nothing to train');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', configs => '[{"base": 2}, {"bass": 2}]')$$, '22023', NULL,
	'a config that is wrong shows before anything is trained');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', image_sizes => '{16,NULL}')$$, '22004',
	'element 2 of image_sizes is NULL');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', image_sizes => '{16,10}',
	configs => '[{"base": 2, "depth": 1}, {"base": 2, "depth": 2}]')$$, '22023',
	'an image size of 10 x 10 does not fit this unet, which needs multiples of 4',
	'a size that one of the networks cannot see');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', image_sizes => '{16}', configs => '{"base": 2}')$$,
	'22023', NULL, 'configs that are no array');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', image_sizes => '{16,0}')$$, '22023', NULL,
	'... a size');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', learning_rates => '{1e-3,-1}')$$, '22023', NULL,
	'... a learning rate');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', options => '{"momentum": 1}')$$, '22023', NULL,
	'... an option');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', group_column => 'person')$$, '42703', NULL,
	'... a column');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'vnet')$$, '42704', NULL, '... an architecture');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', epochs => NULL)$$, '22004', NULL, '... or a NULL');
SELECT is((SELECT count(*) FROM lesion_fold WHERE model <> 'cv'), 0::bigint, '... and nothing is planned');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', 4, 'cv', epochs => 3)$$, '42710',
	'a cross-validation "cv" was begun with other arguments');
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', 4, 'alone')$$, '42710', 'model "alone" exists already');

-- Called again, and dropped.
SELECT count(*) AS runs FROM lesion_run \gset
CALL lesion_cross_validate('pat', 'unet', 4, 'cv', epochs => 2, group_column => 'patient', image_sizes => '{16}',
	learning_rates => '{1e-6,5e-3}', configs => '[{"base": 2, "depth": 1}, {"base": 4, "depth": 2}]', seed => 3);
SELECT is((SELECT count(*) FROM lesion_run), :runs::bigint, 'one that is finished trains nothing');
SELECT lesion_model_drop('cv');
SELECT is((SELECT count(*) FROM lesion_fold), 0::bigint, 'with the ensemble goes the plan');

-- Rights.
CREATE ROLE lesion_test_trainer;
GRANT SELECT ON pat TO lesion_test_trainer;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion, lesion_run, lesion_epoch, lesion_evaluation,
	lesion_image_score TO lesion_test_trainer;
GRANT UPDATE ON lesion_run TO lesion_test_trainer;
GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO lesion_test_trainer;
SET LOCAL ROLE lesion_test_trainer;
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', 2, 'mine', epochs => 1, image_sizes => '{16}',
	configs => '[{"base": 2, "depth": 1}]')$$, '42501', 'permission denied for table lesion_fold');
RESET ROLE;
GRANT INSERT, UPDATE ON lesion_fold TO lesion_test_trainer;
-- A right that only the trainings need is missed before there is a plan, or anything that commits.
CREATE TEMP TABLE needed (right_of text, on_table text);
INSERT INTO needed VALUES ('INSERT', 'lesion_version'), ('INSERT', 'lesion_promotion'), ('INSERT', 'lesion_run'),
	('UPDATE', 'lesion_run'), ('INSERT', 'lesion_epoch'), ('INSERT', 'lesion_evaluation'),
	('INSERT', 'lesion_image_score'), ('DELETE', 'lesion_checkpoint');
CREATE FUNCTION pg_temp.without(right_of text, on_table text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	place text;
BEGIN
	EXECUTE format('REVOKE %s ON %I FROM lesion_test_trainer', right_of, on_table);
	SET LOCAL ROLE lesion_test_trainer;
	CALL lesion_cross_validate('pat', 'unet', 2, 'mine', epochs => 1, image_sizes => '{16}',
		configs => '[{"base": 2, "depth": 1}]');
	RETURN 'fine';
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS place = PG_EXCEPTION_CONTEXT;
	RETURN SQLERRM || CASE WHEN place ~ 'lesion_retrain|training a fold' THEN ', in a training' ELSE '' END;
END
$$;
SELECT is(pg_temp.without(right_of, on_table), 'permission denied for table ' || on_table,
	format('%s on %s is needed before the first training', right_of, on_table)) FROM needed;
SET LOCAL ROLE lesion_test_trainer;
SELECT lives_ok($$CALL lesion_cross_validate('pat', 'unet', 2, 'mine', epochs => 1, image_sizes => '{16}',
	configs => '[{"base": 2, "depth": 1}]')$$, 'a trainer may, with the right to write the plan');
RESET ROLE;

-- A fold without test rows has no score, whoever scores its network on other rows.
CREATE TABLE few AS SELECT * FROM pat WHERE patient IN (SELECT DISTINCT patient FROM pat ORDER BY patient LIMIT 3);
ALTER TABLE few ADD PRIMARY KEY (id);
CALL lesion_cross_validate('few', 'unet', 5, 'sparse', epochs => 1, group_column => 'patient', image_sizes => '{16}',
	configs => '[{"base": 2, "depth": 1}]');
CREATE TEMP TABLE scoreless AS SELECT fold_model FROM lesion_folds WHERE model = 'sparse' AND n IS NULL;
SELECT cmp_ok(count(*), '>', 0::bigint, 'some folds have no test rows') FROM scoreless;
SELECT lesion_evaluate('pat', fold_model, test_fraction => 0.9) FROM scoreless;
SELECT is((SELECT count(*) FROM lesion_folds JOIN scoreless USING (fold_model) WHERE n IS NOT NULL), 0::bigint,
	'... and get none by rows of another table');

-- What a limit of the session leaves out is said of its folds, and of the setting.
SELECT is((SELECT string_agg(differs, '') FROM lesion_folds), NULL, 'a fold is scored as its network was trained');
CREATE TABLE uneven AS SELECT id, patient, image, mask FROM pat WHERE id < 20
UNION ALL SELECT 1000, 'patient-large', s.image, s.mask FROM lesion_synthetic(1, 64, 64) AS s;
ALTER TABLE uneven ADD PRIMARY KEY (id);
SET LOCAL lesionseg.max_pixels = 2048;
CALL lesion_cross_validate('uneven', 'unet', 2, 'limited', epochs => 1, group_column => 'patient',
	image_sizes => '{16}', configs => '[{"base": 2, "depth": 1}]');
RESET lesionseg.max_pixels;
SELECT is((SELECT array_agg(differs) FROM lesion_folds WHERE model = 'limited' AND differs IS NOT NULL),
	'{"1 left out as too large"}', 'one fold has an image that is too large');
SELECT is((SELECT differs FROM lesion_cross_validations WHERE model = 'limited'),
	(SELECT format('fold %s: %s', fold, differs) FROM lesion_folds WHERE model = 'limited' AND differs IS NOT NULL),
	'... and so has the setting');
DELETE FROM lesion_fold WHERE model = 'limited' AND fold = 2;
SELECT is((SELECT ROW(folds, folds_done, best) FROM lesion_cross_validations WHERE model = 'limited'),
	ROW(2::bigint, 1::bigint, false), 'a setting that lost the row of a fold is not whole');

-- More settings than anybody trains are refused at once, before they are looked at.
SELECT throws_ok($$CALL lesion_cross_validate('pat', 'unet', 2, 'far_too_many',
	learning_rates => array_fill(0.001::float8, ARRAY[1000000]), image_sizes => array_fill(32, ARRAY[1000000]))$$,
	'54000', 'learning_rates, image_sizes and configs make 1000000000000 settings, the limit is 100',
	'too many settings');
SELECT throws_ok(format($$CALL lesion_cross_validate('pat', 'unet', 2, 'far_too_many', image_sizes => '{32}',
	configs => %L)$$, format('[{"base": 4.%s}, {"base": 4}]', repeat('0', 16300))), '54000',
	'the arguments of a cross-validation have 16648 characters, the limit is 16384',
	'numbers whose zeros cost nothing until each row of the plan is shown');
SELECT is((SELECT count(*) FROM lesion_model WHERE name = 'far_too_many'), 0::bigint, '... make no model');

SELECT * FROM finish();
ROLLBACK;
