-- Stored predictions: what a row says, who may, and making one again.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(41);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}', image_size => 16);
INSERT INTO archive VALUES (100, 'no image', NULL), (101, NULL, NULL);
CREATE TABLE masks OF lesion_prediction;

CALL lesion_predict('archive', 'net', 'masks');
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'a row for each image');
SELECT is((SELECT count(*) FROM masks m JOIN (SELECT * FROM archive WHERE id < 50 OFFSET 0) a ON m.id = a.id::text
	WHERE m.mask = lesion_segment(a.image, 'net')),
	12::bigint, 'the masks are those of lesion_segment');
SELECT is((SELECT count(*) FROM masks m JOIN (SELECT * FROM archive WHERE id < 50 OFFSET 0) a ON m.id = a.id::text,
	LATERAL lesion_segment_detail(a.image, 'net') AS d WHERE m.area = d.area AND m.confidence = d.confidence AND m.uncertain = d.uncertain), 12::bigint, '... with what is known about them');
SELECT results_eq($$SELECT id, mask, area, model, version FROM masks WHERE error IS NOT NULL$$,
	$$VALUES ('100', NULL::bytea, NULL::float8, 'net', 1)$$, 'an image that is none has a row without a mask');
SELECT matches((SELECT error FROM masks WHERE id = '100'), 'image', '... that says why');
SELECT is((SELECT count(*) FROM masks m JOIN archive a ON m.id = a.id::text WHERE m.image_sha256 = sha256(a.image)), 13::bigint, 'the SHA-256 of each image');
SELECT is((SELECT count(DISTINCT weights_sha256) FROM masks, lesion_version v WHERE v.sha256 = weights_sha256), 1::bigint, 'that of the weights');
SELECT ok((SELECT bool_and(images LIKE '%archive' AND extension_version = '0.2' AND backend IN ('onednn', 'openblas') AND "precision" IN ('f32', 'bf16')
	AND predicted_by = current_user AND predicted_at > now()) FROM masks), 'where, what with, who, when');
SELECT is((SELECT DISTINCT options - 'threads' FROM masks), '{"image_column": "image", "tta": false}'::jsonb, 'the options');

-- Only what is missing.
CALL lesion_predict('archive', 'net', 'masks');
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'a second call does nothing, with the broken image too');
DELETE FROM masks WHERE id IN ('1', '100');
CALL lesion_predict('archive', 'net', 'masks', batch_size => 1);
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'rows that were deleted are made again');
SELECT lesion_model_import('net', lesion_model_export('net'), threshold => 0.3);
CALL lesion_predict('archive', 'net', 'masks', threshold => 0.25, tta => true, options => '{"largest_component": true}');
SELECT is((SELECT count(*) FROM masks WHERE version = 2), 13::bigint, 'a new version: all images');
SELECT is((SELECT DISTINCT options - 'threads' FROM masks WHERE version = 2),
	'{"image_column": "image", "tta": true, "threshold": 0.25, "options": {"largest_component": true}}'::jsonb, '... with their options');
SELECT ok((SELECT bool_and(disagreement IS NOT NULL) FROM masks WHERE version = 2 AND error IS NULL), '... and disagreement');

-- Again.
SELECT is((SELECT count(*) FROM masks m, lesion_reproduce(m) AS r WHERE r.agrees), 24::bigint, 'every mask is made again, byte for byte');
SELECT results_eq($$SELECT r.* FROM masks m, lesion_reproduce(m) AS r WHERE error IS NOT NULL AND version = 1$$,
	$$VALUES (NULL::boolean, 'it has no mask')$$, 'but for one that has none');
UPDATE masks SET mask = (lesion_synthetic(9, 32, 32)).mask WHERE id = '3' AND version = 1;
SELECT results_eq($$SELECT r.* FROM masks m, lesion_reproduce(m) AS r WHERE id = '3' AND version = 1$$,
	$$VALUES (false, 'the masks differ')$$, 'a mask that was changed is found out');
UPDATE archive SET image = (lesion_synthetic(50, 32, 32)).image WHERE id = 4;
SELECT results_eq($$SELECT r.* FROM masks m, lesion_reproduce(m) AS r WHERE id = '4' AND version = 1$$,
	$$VALUES (NULL::boolean, 'the image has changed')$$, 'so is an image');
DELETE FROM archive WHERE id = 5;
SELECT results_eq($$SELECT r.* FROM masks m, lesion_reproduce(m) AS r WHERE id = '5' AND version = 1$$,
	$$VALUES (NULL::boolean, 'the image is gone')$$, 'or one that is gone');
SET LOCAL lesionseg.precision = 'f32';
SET LOCAL lesionseg.backend = 'openblas';
SET LOCAL lesionseg.threads = 1;
SELECT is((SELECT r.agrees FROM masks m, lesion_reproduce(m) AS r WHERE id = '1' AND version = 2), true, 'the row''s engine counts, not the session''s');
SELECT is(current_setting('lesionseg.backend'), 'openblas', '... which stays');
RESET lesionseg.precision; RESET lesionseg.backend; RESET lesionseg.threads;
UPDATE masks SET version = 9 WHERE id = '6' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE version = 9), 'the version is gone', 'a version that is gone');
UPDATE masks SET weights_sha256 = sha256('x') WHERE id = '7' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE id = '7' AND version = 1), 'the version has other weights', 'other weights');
UPDATE masks SET model = 'gone' WHERE id = '8' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE model = 'gone'), 'the model is gone', 'a model that is gone');
UPDATE masks SET images = 'public.gone' WHERE id = '9' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE images = 'public.gone'), 'the table of images is gone', 'a table that is gone');
SELECT is((SELECT r.agrees FROM lesion_reproduce(NULL) AS r), NULL, 'strict');

-- lesion_segment_version.
SELECT is((SELECT (d).version FROM (SELECT lesion_segment_version(image, 'net', 1) AS d FROM archive WHERE id = 1) AS s), 1, 'a version by number');
SELECT is((lesion_segment_version(image, 'net', 2)).mask, lesion_segment(image, 'net'), 'with its threshold') FROM archive WHERE id = 1;
SELECT results_eq($$SELECT v, (lesion_segment_version(image, 'net', v)).version FROM archive, generate_series(1, 2) AS v WHERE id IN (1, 2) ORDER BY v$$,
	$$VALUES (1, 1), (1, 1), (2, 2), (2, 2)$$, 'several in one query');
SELECT throws_ok($$SELECT lesion_segment_version(image, 'net', 7) FROM archive WHERE id = 1$$, '42704', NULL, 'a version that does not exist');

-- Refusals.
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'archive')$$, '42809', 'public.archive is not a table of predictions', 'a table of another type');
SELECT throws_ok($$CALL lesion_predict('archive', 'nobody', 'masks')$$, '42704', NULL, 'a model that does not exist');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', image_column => 'picture')$$, '42703', NULL, 'a column that does not exist');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', batch_size => 0)$$, '22023', NULL, 'an empty batch');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', max_minutes => -1)$$, '22023', NULL, 'no time');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', threshold => 1)$$, '22023', NULL, 'a threshold out of range');
SELECT throws_ok($$CALL lesion_predict('archive', NULL, 'masks')$$, '22004', NULL, 'no model');

-- Rights and row-level security are the caller's.
CREATE ROLE lesion_test_predictor;
CREATE TABLE other OF lesion_prediction;
SET LOCAL ROLE lesion_test_predictor;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'other')$$, '42501', NULL, 'images one may not read');
RESET ROLE;
GRANT SELECT ON archive TO lesion_test_predictor;
SET LOCAL ROLE lesion_test_predictor;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'other')$$, '42501', NULL, 'a table one may not write');
RESET ROLE;
GRANT SELECT, INSERT ON other TO lesion_test_predictor;
ALTER TABLE archive ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON archive TO lesion_test_predictor USING (id <= 3);
SET LOCAL ROLE lesion_test_predictor;
CALL lesion_predict('archive', 'net', 'other');
SELECT set_eq($$SELECT id FROM other$$, '{1,2,3}'::text[], 'rows that policies hide are not segmented');
SELECT is((SELECT DISTINCT predicted_by FROM other), 'lesion_test_predictor', '... under the caller''s name');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
