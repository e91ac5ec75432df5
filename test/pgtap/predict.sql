-- Stored predictions: what a row says, who may, and making one again.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(121);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16);
INSERT INTO archive VALUES (100, 'no image', NULL), (101, NULL, NULL);
CREATE TABLE masks (LIKE lesion_prediction);

CALL lesion_predict('archive', 'net', 'masks');
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'a row for each image');
SELECT is((SELECT count(*) FROM masks m JOIN (SELECT * FROM archive WHERE id < 50 OFFSET 0) a ON m.id = a.id::text
	WHERE m.mask = lesion_segment(a.image, 'net')),
	12::bigint, 'the masks are those of lesion_segment');
SELECT is((SELECT count(*) FROM masks m JOIN (SELECT * FROM archive WHERE id < 50 OFFSET 0) a ON m.id = a.id::text,
	LATERAL lesion_segment_detail(a.image, 'net') AS d
	WHERE m.area = d.area AND m.confidence = d.confidence AND m.uncertain = d.uncertain), 12::bigint,
	'... with what is known about them');
SELECT results_eq($$SELECT id, mask, area, model, version FROM masks WHERE error IS NOT NULL$$,
	$$VALUES ('100', NULL::bytea, NULL::float8, 'net', 1)$$, 'an image that is none has a row without a mask');
SELECT matches((SELECT error FROM masks WHERE id = '100'), 'the bytes are text', '... that says why');
SELECT is((SELECT count(*) FROM masks m JOIN archive a ON m.id = a.id::text WHERE m.image_sha256 = sha256(a.image)),
	13::bigint, 'the SHA-256 of each image');
SELECT is((SELECT count(DISTINCT weights_sha256) FROM masks, lesion_version v WHERE v.sha256 = weights_sha256),
	1::bigint, 'that of the weights');
SELECT ok((SELECT bool_and(images LIKE '%archive' AND extension_version = '0.3'
	AND backend IN ('onednn', 'builtin', 'openblas') AND "precision" IN ('f32', 'bf16')
	AND predicted_by = current_user AND predicted_at > now()) FROM masks), 'where, what with, who, when');
SELECT is((SELECT DISTINCT options - 'threads' FROM masks), '{"image_column": "image", "tta": false}'::jsonb,
	'the options');

-- Images go in groups of as many as there are threads, a large one and a broken one alone.
CREATE TABLE mixed AS
SELECT seed AS id, s.image FROM generate_series(1, 9) AS seed, lesion_synthetic(seed, 30 + 3 * seed, 40) AS s
UNION ALL SELECT 10 + n, broken FROM unnest(ARRAY['no image', NULL, 'none either']::bytea[])
	WITH ORDINALITY AS b (broken, n)
UNION ALL SELECT 0, convert_to('', 'UTF8')
UNION ALL SELECT 20 + seed, s.image FROM generate_series(1, 2) AS seed, lesion_synthetic(seed, 1700, 1000) AS s;
ALTER TABLE mixed ADD PRIMARY KEY (id);
UPDATE mixed SET id = 4000 + id WHERE id = 21;
CREATE TABLE alone (LIKE lesion_prediction);
CREATE TABLE grouped (LIKE lesion_prediction);
SET LOCAL lesionseg.threads = 1;
CALL lesion_predict('mixed', 'net', 'alone');
SET LOCAL lesionseg.threads = 4;
CALL lesion_predict('mixed', 'net', 'grouped');
RESET lesionseg.threads;
SELECT is((SELECT count(mask) FROM grouped), 11::bigint, 'images are segmented in groups');
SELECT is((SELECT count(error) FROM grouped), 3::bigint, '... with broken ones among them');
SELECT results_eq($$SELECT id, mask, image_sha256, needs_review, error FROM grouped ORDER BY id$$,
	$$SELECT id, mask, image_sha256, needs_review, error FROM alone ORDER BY id$$, '... as one by one');
SELECT is((SELECT count(*) FROM grouped g JOIN alone a USING (id) WHERE g.mask IS NOT NULL
	AND abs(g.area - a.area) + abs(g.confidence - a.confidence) + abs(g.quality - a.quality)
	+ abs(g.predicted_dice - a.predicted_dice) + abs(g.uncertain - a.uncertain) < 1e-6), 11::bigint,
	'... with what is known about them');

-- Only what is missing.
CALL lesion_predict('archive', 'net', 'masks');
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'a second call does nothing, with the broken image too');
DELETE FROM masks WHERE id IN ('1', '100');
CALL lesion_predict('archive', 'net', 'masks', batch_size => 1);
SELECT is((SELECT count(*) FROM masks), 13::bigint, 'rows that were deleted are made again');
SELECT lesion_model_import('net', lesion_model_export('net'), threshold => 0.3);
CALL lesion_predict('archive', 'net', 'masks', threshold => 0.25, tta => true,
	options => '{"largest_component": true}');
SELECT is((SELECT count(*) FROM masks WHERE version = 2), 13::bigint, 'a new version: all images');
SELECT is((SELECT DISTINCT options - 'threads' FROM masks WHERE version = 2),
	'{"image_column": "image", "tta": true, "threshold": 0.25, "options": {"largest_component": true}}'::jsonb,
	'... with their options');
SELECT ok((SELECT bool_and(disagreement IS NOT NULL) FROM masks WHERE version = 2 AND error IS NULL),
	'... and disagreement');

-- Again.
SELECT is((SELECT count(*) FROM masks m, lesion_reproduce(m) AS r WHERE r.agrees), 24::bigint,
	'every mask is made again, byte for byte');
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
SELECT is((SELECT r.agrees FROM masks m, lesion_reproduce(m) AS r WHERE id = '1' AND version = 2), true,
	'the row''s engine counts, not the session''s');
SELECT is(current_setting('lesionseg.backend'), 'openblas', '... which stays');
RESET lesionseg.precision; RESET lesionseg.backend; RESET lesionseg.threads;
UPDATE masks SET version = 9 WHERE id = '6' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE version = 9), 'the version is gone',
	'a version that is gone');
UPDATE masks SET weights_sha256 = sha256('x') WHERE id = '7' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE id = '7' AND version = 1),
	'the version has other weights', 'other weights');
UPDATE masks SET model = 'gone' WHERE id = '8' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE model = 'gone'), 'the model is gone',
	'a model that is gone');
UPDATE masks SET images = 'public.gone' WHERE id = '9' AND version = 1;
SELECT is((SELECT r.reason FROM masks m, lesion_reproduce(m) AS r WHERE images = 'public.gone'),
	'the table of images is gone', 'a table that is gone');
SELECT is((SELECT r.agrees FROM lesion_reproduce(NULL) AS r), NULL, 'strict');

-- lesion_segment_version.
SELECT is((SELECT (d).version FROM (SELECT lesion_segment_version(image, 'net', 1) AS d FROM archive
	WHERE id = 1) AS s), 1, 'a version by number');
SELECT is((lesion_segment_version(image, 'net', 2)).mask, lesion_segment(image, 'net'), 'with its threshold')
FROM archive WHERE id = 1;
SELECT results_eq($$SELECT v, (lesion_segment_version(image, 'net', v)).version FROM archive, generate_series(1, 2) AS v
	WHERE id IN (1, 2) ORDER BY v$$, $$VALUES (1, 1), (1, 1), (2, 2), (2, 2)$$, 'several in one query');
SELECT throws_ok($$SELECT lesion_segment_version(image, 'net', 7) FROM archive WHERE id = 1$$, '42704', NULL,
	'a version that does not exist');

-- Refusals.
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'archive')$$, '42809',
	'public.archive is not a table of predictions', 'a table of another type');
CREATE TABLE lacks (LIKE lesion_prediction);
ALTER TABLE lacks ALTER COLUMN version TYPE bigint;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'lacks')$$, '42809', NULL, 'a column of another type');
ALTER TABLE lacks DROP COLUMN version, ADD COLUMN version int GENERATED ALWAYS AS (1) STORED;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'lacks')$$, '42809', NULL, '... or one that is generated');
ALTER TABLE lacks DROP COLUMN version, ADD COLUMN version int GENERATED ALWAYS AS IDENTITY;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'lacks')$$, '42809', NULL, '... or numbered by the server');
CREATE VIEW not_a_table AS SELECT * FROM masks;
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'not_a_table')$$, '42809', NULL, 'a view');
CREATE TEMP VIEW passing AS SELECT * FROM archive LIMIT 1;
CREATE TEMP TABLE passing_masks (LIKE lesion_prediction);
CREATE TABLE lasting_masks (LIKE lesion_prediction);
SELECT throws_like($$CALL lesion_predict('passing', 'net', 'lasting_masks', id_column => 'id')$$,
	'pg_temp%.passing is temporary or has a temporary part, and public.lasting_masks is not',
	'temporary images, whose name another session may have for others');
SELECT lives_ok($$CALL lesion_predict('passing', 'net', 'passing_masks', id_column => 'id')$$,
	'... into a temporary table');
SELECT lives_ok($$CALL lesion_predict('passing', 'net', 'lasting_masks', id_column => 'id', part_of => 'archive')$$,
	'... or as a part of a table that stays');
SELECT is((SELECT array_agg(images) FROM lasting_masks), '{public.archive}', '... with its name');
DROP VIEW passing;
CREATE TABLE parent AS SELECT * FROM archive WHERE id < 3;
CREATE TEMP TABLE child () INHERITS (parent);
SELECT throws_like($$CALL lesion_predict('parent', 'net', 'lasting_masks', id_column => 'id')$$,
	'public.parent is temporary or has a temporary part, and public.lasting_masks is not',
	'... nor temporary children');
DROP TABLE passing_masks, lasting_masks, child, parent;
SELECT throws_ok($$CALL lesion_predict('masks', 'net', 'masks', 'mask')$$, '22023',
	'into_table is one of the images'' tables, public.masks', 'masks of masks, and so on');

-- A row that is not seen stands in the way of its image alone.
CREATE ROLE lesion_test_hidden;
GRANT SELECT ON archive TO lesion_test_hidden;
CREATE TABLE hiding (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
GRANT SELECT, INSERT ON hiding TO lesion_test_hidden;
ALTER TABLE hiding ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON hiding USING (predicted_by = current_user);
INSERT INTO hiding (images, id, model, version) VALUES ('public.archive', '3', 'net', 1);
SET LOCAL ROLE lesion_test_hidden;
SELECT lives_ok($$CALL lesion_predict('archive', 'net', 'hiding', batch_size => 4)$$, 'a hidden row ends no job');
RESET ROLE;
SELECT is((SELECT count(*) FROM hiding WHERE predicted_by = 'lesion_test_hidden'), 12::bigint,
	'... and all other images have theirs');
CREATE TABLE crowd AS SELECT seed AS id, image FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32);
CREATE TABLE by_model (LIKE lesion_prediction, UNIQUE (model));
SELECT throws_ok($$CALL lesion_predict('crowd', 'net', 'by_model', id_column => 'id')$$, '23505',
	'11 of 12 images of public.crowd could not be stored in public.by_model because of other rows',
	'a key that lets one image in is an error');
CREATE TABLE written (model text PRIMARY KEY);
CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO written VALUES (NEW.model); RETURN NEW; END$$;
CREATE TABLE with_trigger (LIKE lesion_prediction);
CREATE TRIGGER write BEFORE INSERT ON with_trigger FOR EACH ROW EXECUTE FUNCTION write();
SELECT throws_like($$CALL lesion_predict('crowd', 'net', 'with_trigger', id_column => 'id')$$,
	'duplicate key value violates unique constraint "written_pkey"', '... and so is what a trigger writes elsewhere');
SELECT throws_ok($$SELECT * FROM lesion_drift('lacks')$$, '42809', NULL, 'lesion_drift looks too');
CREATE TABLE more (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int,
	LIKE lesion_prediction INCLUDING COMMENTS, seen_by text DEFAULT current_user);
ALTER TABLE more DROP COLUMN gone;
CALL lesion_predict('archive', 'net', 'more');
SELECT is((SELECT count(*) FROM more m JOIN (SELECT * FROM archive WHERE id < 50 OFFSET 0) a ON m.id = a.id::text
	WHERE m.mask = lesion_segment(a.image, 'net') AND seen_by = current_user), 11::bigint,
	'a table may have other columns');
SELECT is((SELECT count(*) FROM more AS m, lesion_reproduce(m) AS r WHERE r.agrees), 11::bigint,
	'... and its masks are made again');
CREATE FUNCTION set_engine() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM set_config('lesionseg.backend', 'builtin', true); RETURN NEW; END$$;
CREATE TABLE of_engines (LIKE lesion_prediction);
CREATE TRIGGER set_engine BEFORE INSERT ON of_engines FOR EACH ROW EXECUTE FUNCTION set_engine();
SET LOCAL lesionseg.threads = 1;
CALL lesion_predict('crowd', 'net', 'of_engines', id_column => 'id', batch_size => 1);
RESET lesionseg.threads;
RESET lesionseg.backend;
SELECT row_eq($$SELECT count(*), count(*) FILTER (WHERE backend = 'builtin') >= 11, bool_and(r.agrees)
	FROM of_engines AS m JOIN crowd AS c ON c.id::text = m.id, lesion_reproduce(m, c.image) AS r$$,
	ROW(12::bigint, true, true), 'a trigger that sets the engine: each row tells that of its mask');
SELECT throws_ok($$SELECT lesion_reproduce(ROW(1, 2))$$, '42804', 'column "images" is missing',
	'a row of no such table');
SELECT throws_ok($$SELECT lesion_reproduce(r) FROM (SELECT images, id, error, model, version::text FROM masks) AS r$$,
	'42804', NULL, 'a row with another type');
SELECT throws_ok($$CALL lesion_predict('archive', 'nobody', 'masks')$$, '42704', NULL, 'a model that does not exist');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', image_column => 'picture')$$, '42703', NULL,
	'a column that does not exist');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', batch_size => 0)$$, '22023', NULL, 'an empty batch');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', max_minutes => -1)$$, '22023', NULL, 'no time');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', threshold => 'NaN')$$, '22023', NULL,
	'a threshold that is no number');
SELECT throws_ok($$CALL lesion_predict('archive', 'net', 'masks', threshold => 1)$$, '22023', NULL,
	'a threshold out of range');
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

-- Whose fault it is. A limit is nobody's: nothing is stored, and nothing where it meets more than a tenth.
CREATE FUNCTION failure(statement text, OUT state text, OUT message text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
END
$$;
CREATE TABLE pictures (id int PRIMARY KEY, image bytea);
INSERT INTO pictures SELECT seed, (lesion_synthetic(seed, 32, 32)).image FROM generate_series(1, 10) AS seed;
CREATE TABLE large AS SELECT 11 AS id, (lesion_synthetic(11, 40, 40)).image;
CREATE TABLE found (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
SET LOCAL lesionseg.max_pixels = 1000;
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'found')$$, '54000',
	'10 of 10 images of public.pictures are above a limit',
	'a limit below all images is an error');
SET LOCAL lesionseg.max_pixels = 1500;
INSERT INTO pictures SELECT * FROM large;
CALL lesion_predict('pictures', 'net', 'found', batch_size => 2);
SELECT is((SELECT count(*) FROM found WHERE error IS NULL), 10::bigint,
	'an image above it keeps no other from being segmented');
SELECT is((SELECT count(*) FROM found WHERE id = '11'), 0::bigint, '... and is not marked for ever');
SELECT lives_ok($$CALL lesion_predict('pictures', 'net', 'found')$$, '... nor a reason for the next call to fail');
RESET lesionseg.max_pixels;
CALL lesion_predict('pictures', 'net', 'found');
SELECT is((SELECT count(*) FROM found WHERE id = '11' AND mask IS NOT NULL), 1::bigint,
	'... but segmented under a higher limit');

SELECT lives_ok($$DO 'BEGIN CREATE TABLE just_made (LIKE lesion_prediction);
	CALL lesion_predict(''pictures'', ''net'', ''just_made''); END'$$, 'a table that the caller has just made');

-- A partition, or a shard, on its own: rows name the table that readers know.
CREATE TABLE cohort (id int PRIMARY KEY, image bytea) PARTITION BY RANGE (id);
CREATE TABLE cohort_old PARTITION OF cohort FOR VALUES FROM (0) TO (5);
CREATE TABLE cohort_new PARTITION OF cohort FOR VALUES FROM (5) TO (100);
INSERT INTO cohort SELECT * FROM pictures;
CREATE TABLE parts (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
CALL lesion_predict('cohort_old', 'net', 'parts', part_of => 'cohort');
SELECT results_eq('SELECT DISTINCT images, count(*) OVER () FROM parts', $$VALUES ('public.cohort', 4::bigint)$$,
	'a part is segmented, and its rows name the whole');
SELECT is((SELECT count(*) FROM parts p, lesion_reproduce(p) AS r WHERE r.agrees), 4::bigint,
	'... where the images are found');
CALL lesion_predict('cohort', 'net', 'parts');
SELECT is((SELECT count(*) FROM parts), 11::bigint, '... and of which the rest is done');
CALL lesion_predict('cohort_new', 'net', 'parts', part_of => 'cohort');
SELECT is((SELECT count(*) FROM parts), 11::bigint, '... and nothing is left of another part');
SELECT throws_ok($$CALL lesion_predict('large', 'net', 'parts', part_of => 'cohort')$$, '22023',
	'images of public.large and of public.cohort have other ids: one alone has a primary key',
	'a part with other ids is refused');
SELECT throws_ok($$CALL lesion_predict('cohort_old', 'net', 'parts', part_of => 'parts')$$, '42703',
	'"parts" has no column "image"', '... as is a whole without such images');
SELECT is((SELECT count(*) FROM parts), 11::bigint, '... and nothing is stored');

-- A version that cannot be used is an error before the first row, a broken image beside it or not.
INSERT INTO pictures VALUES (0, 'no image');
INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
SELECT 'net', 66, config, 'no weights', sha256('no weights'), 16, '0.3' FROM lesion_version
WHERE model = 'net' AND number = 1;
SELECT lesion_model_promote('net', 66);
SELECT matches((failure($$CALL lesion_predict('pictures', 'net', 'found')$$)).message, '^model "net", version 66: ',
	'weights that cannot be used are an error');
SELECT is((SELECT count(*) FROM found WHERE version = 66), 0::bigint, '... and no row');
SELECT lesion_model_promote('net', 1);

-- So is a trigger that raises what a broken image does.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE TG_ARGV[0]
		WHEN 'raise' THEN RAISE EXCEPTION 'meddled' USING ERRCODE = '0A000';
		WHEN 'omit' THEN RETURN NULL;
		WHEN 'change' THEN NEW.id = NEW.id || '!';
	END CASE;
	RETURN NEW;
END
$$;
CREATE TABLE watched (LIKE lesion_prediction);
CREATE TRIGGER meddle BEFORE INSERT ON watched FOR EACH ROW WHEN (NEW.id = '3') EXECUTE FUNCTION meddle('raise');
SELECT is((failure($$CALL lesion_predict('pictures', 'net', 'watched')$$)).message, 'meddled',
	'an error of a trigger is an error');
SELECT matches((failure($$CALL lesion_predict('pictures', 'net', 'watched')$$)).context,
	'function meddle\(\).*\nsegmenting row "3" of public.pictures\n',
	'... whose context says where, and at which row');
SELECT doesnt_match((failure($$CALL lesion_predict('pictures', 'net', 'watched')$$)).context, 'INSERT',
	'... without our SQL');
DROP TRIGGER meddle ON watched;

-- What is stored is there: else each call would make it again, or this one for ever.
CREATE TRIGGER meddle BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION meddle('omit');
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'watched', batch_size => 2)$$, '09000',
	'what row "0" of public.pictures came to was not stored in public.watched as it is',
	'a trigger that leaves rows out');
DROP TRIGGER meddle ON watched;
CREATE TRIGGER meddle BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION meddle('change');
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'watched', batch_size => 2)$$, '09000', NULL,
	'... or changes their ids');
DROP TRIGGER meddle ON watched;
CREATE RULE meddle AS ON INSERT TO watched DO INSTEAD DELETE FROM watched WHERE id = NEW.id RETURNING watched.*;
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'watched')$$, '09000', NULL, '... or a rule that deletes');
DROP RULE meddle ON watched;
CREATE ROLE lesion_test_blind;
GRANT SELECT ON pictures TO lesion_test_blind;
GRANT SELECT, INSERT ON watched TO lesion_test_blind;
ALTER TABLE watched ENABLE ROW LEVEL SECURITY;
CREATE POLICY write ON watched FOR INSERT TO lesion_test_blind WITH CHECK (true);
SET LOCAL ROLE lesion_test_blind;
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'watched', batch_size => 2)$$, '42501',
	'new row violates row-level security policy for table "watched"', '... or a policy that hides them');
SELECT matches((failure($$SELECT lesion_drift('found')$$)).context, '^reading public.found\n',
	'nor is the SQL of lesion_drift in its errors');
RESET ROLE;
ALTER TABLE watched DISABLE ROW LEVEL SECURITY;

-- Ids that tell nothing apart.
CREATE VIEW twice AS SELECT id % 4 AS id, image FROM pictures;
SELECT throws_ok($$CALL lesion_predict('twice', 'net', 'watched', id_column => 'id')$$, '21000',
	'id "0" of public.twice is that of several images',
	'an id of several images');
CREATE TABLE keyless AS SELECT image FROM pictures WHERE id IN (1, 2) UNION ALL SELECT image FROM pictures WHERE id = 1;
CALL lesion_predict('keyless', 'net', 'watched');
SELECT is((SELECT count(*) FROM watched WHERE images = 'public.keyless'), 2::bigint,
	'without a key equal images are one');
CREATE VIEW keyless_view AS SELECT * FROM keyless;
CALL lesion_predict('keyless_view', 'net', 'watched');
SELECT is((SELECT count(*) FROM watched WHERE images = 'public.keyless_view'), 2::bigint, '... in a view too');

-- Where images stand: partitions, keys of several columns, more images than a list of 500 batches has.
CREATE TABLE parted (clinic text, number int, image bytea, PRIMARY KEY (clinic, number)) PARTITION BY LIST (clinic);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_b PARTITION OF parted FOR VALUES IN ('b');
INSERT INTO parted SELECT clinic, id, image FROM pictures, unnest('{a,b}'::text[]) AS clinic WHERE id BETWEEN 1 AND 3;
CALL lesion_predict('parted', 'net', 'watched', batch_size => 2);
SELECT is((SELECT count(*) FROM watched AS w
	JOIN parted AS p ON w.id = ROW(p.clinic, p.number)::text AND w.image_sha256 = sha256(p.image)
	WHERE w.images = 'public.parted' AND w.mask = lesion_segment(p.image, 'net')), 6::bigint,
	'each image of a partitioned table');
CREATE TABLE deferred (clinic text, number int, image bytea,
	PRIMARY KEY (number, clinic) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO deferred SELECT clinic, number, image FROM parted;
CALL lesion_predict('deferred', 'net', 'watched');
SELECT is((SELECT count(*) FROM watched AS w JOIN deferred AS d ON w.id = ROW(d.number, d.clinic)::text
	WHERE w.images = 'public.deferred'), 6::bigint, 'a key that may be deferred is one, in its own order');
CREATE TABLE many AS SELECT number, image FROM pictures, generate_series(1, 51) AS number WHERE id BETWEEN 1 AND 10;
ALTER TABLE many ADD COLUMN id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
CALL lesion_predict('many', 'net', 'watched', batch_size => 1);
SELECT is((SELECT count(DISTINCT id) FROM watched WHERE images = 'public.many'), 510::bigint,
	'each of 510 in batches of one');
SELECT is((SELECT count(*) FROM watched WHERE images = 'public.many'), 510::bigint, '... once');

-- A row that is gone or has moved since it was listed.
CREATE TABLE moving AS SELECT id, image FROM pictures WHERE id BETWEEN 1 AND 6;
ALTER TABLE moving ADD PRIMARY KEY (id);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM moving WHERE id = 3;
	UPDATE moving SET image = image WHERE id = 5;
	RETURN NULL;
END
$$;
CREATE TRIGGER move AFTER INSERT ON watched FOR EACH ROW
	WHEN (NEW.images = 'public.moving' AND NEW.id = '1') EXECUTE FUNCTION move();
CALL lesion_predict('moving', 'net', 'watched', batch_size => 2);
SELECT set_eq($$SELECT id FROM watched WHERE images = 'public.moving'$$, '{1,2,4,5,6}'::text[],
	'rows that are deleted or moved meanwhile');

-- Rows whose ids change or that come after their turn: the job looks again until nothing is missing.
CREATE TABLE renumbered AS SELECT number AS id, image FROM pictures, generate_series(1, 40) AS number WHERE id = 1;
ALTER TABLE renumbered ADD PRIMARY KEY (id);
CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE renumbered SET id = id + 200 WHERE id < 200 AND id > 5;
	INSERT INTO renumbered SELECT 0, image FROM pictures WHERE id = 2;
	RETURN NULL;
END
$$;
CREATE TRIGGER renumber AFTER INSERT ON watched FOR EACH ROW
	WHEN (NEW.images = 'public.renumbered' AND NEW.id = '10') EXECUTE FUNCTION renumber();
CALL lesion_predict('renumbered', 'net', 'watched', batch_size => 5);
SELECT is((SELECT count(*) FROM renumbered AS r
	WHERE NOT EXISTS (SELECT FROM watched AS w WHERE w.images = 'public.renumbered' AND w.id = r.id::text)), 0::bigint,
	'an UPDATE of all keys and an INSERT while it runs leave no image out');
SELECT is((SELECT count(*) FROM (SELECT id FROM watched WHERE images = 'public.renumbered' GROUP BY id
	HAVING count(*) > 1) AS d), 0::bigint, '... and make none twice');
CREATE VIEW restless AS SELECT gen_random_uuid() AS id, image FROM pictures;
SELECT throws_ok($$CALL lesion_predict('restless', 'net', 'watched', id_column => 'id')$$, '55000',
	'ids of public.restless are others each time they are read',
	'ids that do not stay are an error');
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql
	AS $$BEGIN DELETE FROM watched WHERE images = NEW.images AND id = NEW.id; RETURN NULL; END$$;
CREATE TRIGGER forget AFTER INSERT ON watched FOR EACH ROW
	WHEN (NEW.images = 'public.pictures' AND NEW.id = '3') EXECUTE FUNCTION forget();
SELECT throws_ok($$CALL lesion_predict('pictures', 'net', 'watched')$$, '09000',
	'the row of image "3" of public.pictures was stored in public.watched and is gone again',
	'a trigger that deletes what was stored');
DROP TRIGGER forget ON watched;
SET LOCAL lesionseg.max_pixels = 1500;
CALL lesion_predict('pictures', 'net', 'watched');
SELECT is((SELECT count(*) FROM watched WHERE images = 'public.pictures'), 11::bigint,
	'an image above a limit is not tried again in the same call');
RESET lesionseg.max_pixels;

-- Arguments are looked at when there is nothing to do, too.
SELECT throws_ok($$CALL lesion_predict('moving', 'net', 'watched', enhance => 'nosuch')$$, '22023', NULL,
	'a mode that does not exist');
SELECT throws_ok($$CALL lesion_predict('moving', 'net', 'watched', options => '{"no": true}')$$, '22023',
	'no key "no" in options', 'an option that does not exist');
SELECT throws_ok($$CALL lesion_predict('moving', 'net', 'watched', options => '5')$$, '22023', NULL, '... or none');

-- max_minutes counts within a batch.
TRUNCATE watched;
CALL lesion_predict('many', 'net', 'watched', max_minutes => 1e-9);
SELECT is((SELECT count(*) FROM watched), 1::bigint, 'a job without time segments one image');
DELETE FROM watched;

-- Ids that fit the key of the images and not that of the masks end nothing.
RESET ROLE;
CREATE TABLE long_ids (id text PRIMARY KEY, image bytea);
INSERT INTO long_ids
SELECT left(n || 'x' || (SELECT string_agg(md5(n || ' ' || i), '') FROM generate_series(1, 90) AS i), l),
	(SELECT image FROM lesion_synthetic(n::int, 48, 40))
FROM unnest('{3,2685,2685,2680,1500,2}'::int[]) WITH ORDINALITY AS ids (l, n);
CREATE TABLE long_masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
SELECT lives_ok($$CALL lesion_predict('long_ids', 'net', 'long_masks', batch_size => 2)$$, 'ids too long for a key');
SELECT is((SELECT array_agg(length(id) ORDER BY id) FROM long_masks WHERE mask IS NOT NULL), '{3,1500,2}',
	'... are left out, and others are segmented');

CREATE TABLE longer_ids AS SELECT repeat('x', l) AS id, image
FROM (SELECT image FROM lesion_synthetic(1, 48, 40)) AS s, unnest('{8192,8193}'::int[]) AS l;
CREATE TABLE longer_masks (LIKE lesion_prediction);
CALL lesion_predict('longer_ids', 'net', 'longer_masks', id_column => 'id');
SELECT is((SELECT array_agg(length(id)) FROM longer_masks), '{8192}',
	'... as are those of more than 8 kB, without a key');

-- Rows are anybody's: what stands in them is looked at before it is used.
RESET ROLE;
SELECT is((lesion_reproduce(r)).reason, 'the row is none of lesion_predict: its options are not an object',
	'options that are no object')
FROM (SELECT (jsonb_populate_record(m, '{"options": ["image_column", 1, 2]}')).* FROM masks m
	WHERE version = 1 LIMIT 1) r;
CREATE ROLE lesion_test_reader;
CREATE VIEW nothing AS SELECT * FROM archive WHERE false;
GRANT SELECT ON watched, archive TO lesion_test_reader;
GRANT SELECT ON nothing TO lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT throws_ok($$CALL lesion_predict('nothing', 'net', 'watched', id_column => 'id')$$, '42501',
	'permission denied for table watched', 'who may not insert does not lock the target');
RESET ROLE;
GRANT INSERT (mask) ON watched TO lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT throws_ok($$CALL lesion_predict('nothing', 'net', 'watched', id_column => 'id')$$, '42501',
	'permission denied for table watched', '... nor who may insert one column');
RESET ROLE;
SELECT format('GRANT INSERT (%s) ON watched TO lesion_test_reader', string_agg(quote_ident(attname), ', '))
FROM pg_attribute WHERE attrelid = 'lesion_prediction'::regclass AND attnum > 0 \gexec
SET LOCAL ROLE lesion_test_reader;
SELECT lives_ok($$CALL lesion_predict('nothing', 'net', 'watched', id_column => 'id')$$, 'who may insert each may');
RESET ROLE;

-- Rights on the columns that are read are enough: ctid is not among them.
CREATE TABLE column_masks (LIKE lesion_prediction);
GRANT SELECT, INSERT ON column_masks TO lesion_test_reader;
CREATE TABLE by_column AS SELECT seed AS id, image FROM generate_series(1, 5) AS seed, lesion_synthetic(seed, 48, 40);
ALTER TABLE by_column ADD PRIMARY KEY (id);
GRANT SELECT (id, image) ON by_column TO lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT throws_ok('SELECT ctid FROM by_column', '42501', NULL, 'a role with rights on columns');
SELECT lives_ok($$CALL lesion_predict('by_column', 'net', 'column_masks')$$, '... predicts');
SELECT is((SELECT count(*) FROM column_masks WHERE mask IS NOT NULL), 5::bigint,
	'... all images');
RESET ROLE;

-- Images without a key are hashed once for the list, not for each row of masks that it does not know of.
CREATE TABLE digests AS SELECT image || decode(repeat('00', 3000000), 'hex') AS image
FROM generate_series(1, 20) AS seed, lesion_synthetic(seed, 48, 40);
CREATE TABLE crowded (LIKE lesion_prediction);
INSERT INTO crowded (images, id, model, version, needs_review) SELECT 'public.others', n, 'net', 1, false
FROM generate_series(1, 5000) AS n;
ANALYZE crowded, digests;
INSERT INTO crowded (images, id, model, version, needs_review) SELECT 'public.digests', 'e' || n, 'net', 1, false
FROM generate_series(1, 600) AS n;
SET LOCAL statement_timeout = '40s';
SELECT lives_ok($$CALL lesion_predict('digests', 'net', 'crowded')$$, '20 images of 3 MB without a key and 600 rows');
RESET statement_timeout;
SELECT is((SELECT count(mask) FROM crowded), 20::bigint, '... are segmented');

-- Images are compared with all rows of masks at once where the key of the table, a number of its own, finds none. The
-- planner believes that there is one row of theirs.
CREATE TABLE keyed AS
SELECT n::text AS id, CASE WHEN n = 1 THEN (lesion_synthetic(1, 48, 40)).image ELSE '' END AS image
FROM generate_series(1, 40000) AS n;
ALTER TABLE keyed ADD PRIMARY KEY (id);
CREATE TABLE numbered (LIKE lesion_prediction, n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO numbered (images, id, model, version, needs_review) SELECT 'public.others', 'e' || n, 'net', 1, false
FROM generate_series(1, 250000) AS n;
ANALYZE numbered, keyed;
INSERT INTO numbered (images, id, model, version, needs_review) SELECT 'public.keyed', 'e' || n, 'net', 1, false
FROM generate_series(1, 40000) AS n;
SET LOCAL statement_timeout = '40s';
SELECT lives_ok($$CALL lesion_predict('keyed', 'net', 'numbered', max_minutes => 1e-9)$$,
	'40000 images and as many rows of masks without an index on them');
RESET statement_timeout;
SELECT is((SELECT count(mask) FROM numbered), 1::bigint, '... take no time');

-- Options that somebody wrote may be as long as a number's digits.
INSERT INTO crowded (images, id, model, version, needs_review, weights_sha256, options)
SELECT images, 'long' || n, model, version, needs_review, weights_sha256,
	jsonb_build_object('id_column', (SELECT jsonb_agg(1e131071) FROM generate_series(1, 700)))
FROM (SELECT * FROM crowded WHERE mask IS NOT NULL LIMIT 1) AS m, generate_series(1, 100) AS n;
SET LOCAL statement_timeout = '40s';
SELECT lives_ok($$CALL lesion_predict('digests', 'net', 'crowded')$$, 'options of 92 MB as text');
RESET statement_timeout;

SELECT * FROM finish();
ROLLBACK;
