-- Weights that come with the extension. Where none were installed, what holds
-- without them is tested.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(19);

CREATE TEMP TABLE bundled AS SELECT model, sha256, image_size FROM lesion_models WHERE version = 0;
CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 64, 64) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT is((SELECT count(*) FROM pg_proc WHERE proname = 'lesion_register_bundled'), 0::bigint,
	'what registered them is gone');
CREATE FUNCTION register() RETURNS void AS '$libdir/lesionseg', 'lesion_register_bundled' LANGUAGE C;
SELECT throws_ok('SELECT register()', '42501', NULL, '... and works in no other function');
SELECT is((SELECT count(*) FROM lesion_version WHERE number <= 0 AND sha256 <> sha256(weights)), 0::bigint,
	'each has its SHA-256');
SELECT is((SELECT count(*) FROM lesion_version WHERE number = 0 AND dice_coefficients IS NULL), 0::bigint,
	'each has coefficients of the predicted Dice');
SELECT is((SELECT count(*) FROM lesion_version WHERE number <= 0 AND split_columns IS NOT NULL), 0::bigint,
	'none was split by a column that other tables need not have');
SELECT is((SELECT count(*) FROM lesion_promotion), 0::bigint, 'they are active without a promotion');
SELECT is((SELECT count(*) FROM bundled
	WHERE (lesion_image_info(lesion_segment((SELECT image FROM archive WHERE id = 1), model))).width <> 64), 0::bigint,
	'each segments at once');
SELECT is((SELECT count(*) FROM bundled,
	LATERAL lesion_segment_detail((SELECT image FROM archive WHERE id = 1), model) d
	WHERE d.version <> 0 OR d.sha256 <> bundled.sha256), 0::bigint, 'the detail tells which weights');
SELECT throws_ok(format('SELECT lesion_model_drop(%L)', model), '2BP01', NULL, 'none can be dropped') FROM lesion_models
WHERE bundled ORDER BY model LIMIT 1;

-- The ensemble of the four.
SELECT is((SELECT count(*) FROM bundled WHERE model = 'lesion'),
	(SELECT count(*) / 4 FROM bundled WHERE model <> 'lesion'), 'where all four came, there is their ensemble');
SELECT is((SELECT count(*) FROM lesion_version AS e, jsonb_array_elements(e.config -> 'members') AS m
	JOIN bundled ON bundled.model = m ->> 'model' AND bundled.sha256 = m ->> 'sha256'
	WHERE e.model = 'lesion'), (SELECT count(*) FROM bundled WHERE model <> 'lesion'), '... of their weights');
SELECT is((SELECT count(*) FROM archive, bundled WHERE model = 'lesion' AND id <= 3
	AND lesion_segment(image) <> lesion_segment(image, 'lesion')), 0::bigint, 'a call that names no model takes it');
SELECT throws_ok($$SELECT lesion_model_create('lesion', 'unet')$$, '42710', NULL, 'its name is taken');

-- Nor deleted, by who may delete models; what is not bundled goes.
CREATE ROLE lesion_clerk;
GRANT SELECT, DELETE ON lesion_model, lesion_version TO lesion_clerk;
SELECT lesion_model_create('mine', 'unet', '{"base": 4, "depth": 1}');
SET LOCAL ROLE lesion_clerk;
SELECT throws_ok($$DELETE FROM lesion_model WHERE bundled$$, '42501',
	'only the functions of lesionseg may write to lesion_model', 'nor deleted');
SELECT throws_ok($$DELETE FROM lesion_version WHERE number = 0$$, '42501',
	'only the owner of lesion_version may do this', '... a version by itself');
SELECT lesion_model_drop('mine');
RESET ROLE;
SELECT is((SELECT count(*) FROM lesion_model WHERE name = 'mine'), 0::bigint, 'what a user made can be deleted');

-- A user's version goes beside them.
SELECT is((lesion_train('archive', 'unet', epochs => 1, image_size => 32, config => '{"base": 4, "depth": 1}',
	promote => 'always')).version, 1, 'a version of one''s own is number 1');
SELECT is((SELECT version FROM lesion_models WHERE model = 'unet'), 1, 'and is active');
SELECT lesion_model_promote('unet', 0) FROM bundled WHERE model = 'unet';
SELECT is((SELECT count(*) FROM lesion_models JOIN bundled USING (model)
	WHERE lesion_models.version <> 0 OR lesion_models.sha256 <> bundled.sha256), 0::bigint,
	'the bundled one can be made active again');

SELECT * FROM finish();
ROLLBACK;
