-- lesion_report on rows of somebody who is after the rights of the reader: only tables that the caller named are
-- queried, and what happens to those while the page is made is an error.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(22);

CREATE TABLE archive AS SELECT seed::text AS id, s.image, s.mask
	FROM generate_series(1, 6) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE secret AS SELECT 'patient-7' AS id, image, mask FROM archive WHERE id = '1';
ALTER TABLE secret ADD PRIMARY KEY (id);

CREATE ROLE lesion_test_writer;
CREATE SCHEMA evil AUTHORIZATION lesion_test_writer;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
GRANT SELECT ON archive TO lesion_test_writer;
GRANT INSERT ON masks, lesion_evaluation, lesion_image_score TO lesion_test_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE lesion_test_writer GRANT SELECT ON TABLES TO PUBLIC;

-- The code: that it ran is an error with the name of whose rights it had.
SET LOCAL ROLE lesion_test_writer;
CREATE FUNCTION evil.run(image bytea) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN
	IF current_user <> 'lesion_test_writer' THEN RAISE EXCEPTION 'code of others ran as %', current_user; END IF;
	RETURN image;
END$$;
CREATE TABLE evil.kept AS SELECT id, image, mask FROM public.archive;
CREATE TABLE evil.measured AS SELECT id, image, mask FROM public.archive;
CREATE VIEW evil.trap AS SELECT id, evil.run(image) AS image, mask FROM evil.kept;
CREATE TYPE evil.letter AS ENUM ('1', '2');

-- What happened: the pictures of a page, or the error.
CREATE FUNCTION pg_temp.shown(images regclass[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM regexp_matches(public.lesion_report(predictions => '{public.masks}',
		images => shown.images), '<img src="data:image/jpeg', 'g'));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END$$;
RESET ROLE;
SET LOCAL search_path = public, pg_temp;

-- A row of masks.
SET LOCAL ROLE lesion_test_writer;
INSERT INTO public.masks (images, id, model, version, needs_review, predicted_dice, image_sha256, mask, predicted_at)
SELECT t, k.id, 'convmixer', 0, true, 0.01, sha256(k.image), k.mask, now()
FROM evil.kept AS k, unnest('{evil.trap,public.secret,public.archive}'::text[]) AS t WHERE k.id IN ('1', '2');
RESET ROLE;
SELECT is(pg_temp.shown(), '0', 'a view of the one who wrote a row is not queried');
SELECT is(pg_temp.shown('{archive}'), '2', '... nor beside a table that the caller named');
SELECT ok(lesion_report(predictions => '{masks}', images => '{archive}') LIKE '%4 not shown: the table of the image%',
	'... and that is said');
UPDATE masks SET id = 'patient-7' WHERE images = 'public.secret';
SELECT is(pg_temp.shown('{archive}'), '2', 'a table that the writer of the row may not read is not shown');
SELECT is(pg_temp.shown('{secret}'), '1', '... unless the caller names it, and the row names the image by its digest');

UPDATE masks SET mask = decode('424d00000000000000003e00000028000000' || side || side || '01000100' || repeat('00', 24)
	|| '000000000000ff00' || repeat('00', 300 * 2400), 'hex') FROM (VALUES ('60090000')) AS s (side) WHERE id = '1';
SELECT is((SELECT lesion_mask_error(mask) IS NULL AND lesion_image_work(mask) > 64000000 FROM masks
	WHERE images = 'public.archive' AND id = '1'), true, 'a mask that takes long to decode');
SELECT is(pg_temp.shown('{archive}'), '1', '... is not shown');

-- A row of evaluations.
SET LOCAL ROLE lesion_test_writer;
SELECT lesion_evaluate('evil.measured', 'convmixer', 'all', id_column => 'id');
ALTER TABLE evil.measured RENAME TO measured_data;
CREATE VIEW evil.measured AS SELECT id, evil.run(image) AS image, mask FROM evil.measured_data;
RESET ROLE;
DELETE FROM masks;
SELECT is(pg_temp.shown(), '0', 'a table that was evaluated is not queried');
SELECT is(pg_temp.shown('{archive}'), '0', '... nor beside one that the caller named');

-- A cast of a type of somebody else.
GRANT USAGE ON TYPE evil.letter TO PUBLIC;
CREATE TABLE letters (id evil.letter PRIMARY KEY, image bytea);
INSERT INTO letters SELECT id::evil.letter, image FROM archive WHERE id < '3';
INSERT INTO masks (images, id, model, version, needs_review, predicted_dice, image_sha256, mask, predicted_at)
SELECT 'public.letters', id, 'convmixer', 0, true, 0.01, sha256(image), mask, now() FROM archive WHERE id < '3';
SELECT is(pg_temp.shown('{letters}'), '2', 'keys of a type of somebody else');
SET LOCAL ROLE lesion_test_writer;
CREATE FUNCTION evil.letter_text(evil.letter) RETURNS text LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END';
CREATE CAST (evil.letter AS text) WITH FUNCTION evil.letter_text(evil.letter);
RESET ROLE;
SELECT is(pg_temp.shown('{letters}'), '2', '... whose cast somebody else has made: it is not called');

-- Names that somebody makes up push none of the others off the page.
CREATE TABLE crowd (LIKE lesion_prediction);
INSERT INTO crowd (images, id, model, version, area, predicted_dice, predicted_at)
SELECT 'x', concat_ws('/', m.name, n, w), m.name, m.version, 0.1 * w, 0.5, now() - interval '1 week' * w
FROM (VALUES ('convmixer', 0, 9), ('unet', 0, 8), ('aa', 1, 40), ('convmixer', 999, 20)) AS m (name, version, rows)
CROSS JOIN generate_series(0, 3) AS w CROSS JOIN LATERAL generate_series(1, rows) AS n
UNION ALL SELECT 'x', 'y', 'a' || n, 1, 0.1, 0.5, now() - interval '1 week' * w
FROM generate_series(1, 300) AS n, generate_series(0, 3) AS w;
SELECT lesion_model_import('aa_new', lesion_model_export('unet'));
INSERT INTO crowd (images, id, model, version, area, predicted_dice, predicted_at)
SELECT 'x', 'z/' || w, 'aa_new', 1, 0.1, 0.5, now() - interval '1 week' * w FROM generate_series(0, 3) AS w;
CREATE TABLE page AS SELECT lesion_report(predictions => '{crowd}') AS page;
CREATE FUNCTION pg_temp.section(name text, next text) RETURNS text LANGUAGE sql AS
	$$SELECT (regexp_match(page, '<h2 id="' || name || '">(.*)<h2 id="' || next || '">'))[1] FROM page$$;
SELECT ok(pg_temp.section('weeks', 'review') !~ '>a17<', 'weeks are of models that there are');
SELECT ok(pg_temp.section('weeks', 'review') !~ '>999<', '... and of versions');
SELECT is((SELECT array_agg(a[1]) FROM regexp_matches(pg_temp.section('weeks', 'review'),
	'<tr><th[^>]*>[^<]*</th><td[^>]*>([^<]*)</td>', 'g') AS a),
	'{convmixer,convmixer,convmixer,convmixer,unet,unet,unet,unet,aa_new,aa_new,aa_new,aa_new}',
	'... first the one of the first screen, then that of most masks');
SELECT is((SELECT array_agg(DISTINCT a[1] ORDER BY a[1]) FROM regexp_matches(pg_temp.section('weeks', 'review'),
	'>(aa_new|convmixer|unet) \d+<', 'g') AS a), '{aa_new,convmixer,unet}', '... in charts, too');
SELECT ok(regexp_replace(page, '<h2 id="models".*', '') ~ 'convmixer', 'so is the first screen') FROM page;
SELECT ok(position('>aa_new<' IN s) > greatest(position('>unet<' IN s), position('>linknet<' IN s)),
	'older models stand first') FROM pg_temp.section('versions', 'use') AS s;

-- Nor do many events hide that there was another one.
SELECT count(lesion_model_create('made_up_' || n, 'unet')) FROM generate_series(1, 210) AS n;
CREATE TABLE late_page AS SELECT lesion_report() AS page;
SELECT ok(page !~ '>import</td><td[^>]*>aa_new<' AND page ~ ('>import</td><td[^>]*>[0-9]+</td><td[^>]*>[0-9]+</td>'),
	'each kind of event of a role has a row') FROM late_page;

-- Tables that go while the page is made: a policy of the reader's own table drops one. It ended the server.
CREATE TABLE evil.masks (LIKE lesion_prediction);
CREATE TABLE evil.verdicts (LIKE lesion_verdict);
INSERT INTO evil.masks (images, id, model, version, predicted_at, area)
	VALUES ('x', 'y', 'convmixer', 0, now() - interval '1 day', 0.1);
INSERT INTO evil.verdicts (images, id, verdict, decided_at) VALUES ('x', 'y', 'accept', now() - interval '1 day');
CREATE FUNCTION evil.change() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
	EXECUTE current_setting('evil.change');
	RETURN true;
EXCEPTION WHEN OTHERS THEN
	RETURN true;
END$$;
ALTER TABLE evil.masks OWNER TO lesion_test_writer;
ALTER TABLE evil.verdicts OWNER TO lesion_test_writer;
ALTER TABLE evil.verdicts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON evil.verdicts USING (evil.change());
SET LOCAL ROLE lesion_test_writer;
SET LOCAL evil.change = 'SELECT 1';
SELECT lives_ok($$SELECT lesion_report(predictions => '{evil.masks}', verdicts => 'evil.verdicts')$$,
	'a policy that changes nothing');
SET LOCAL evil.change = 'DROP TABLE evil.masks';
SELECT throws_ok($$SELECT lesion_report(predictions => '{evil.masks}', verdicts => 'evil.verdicts')$$, '55000',
	'evil.masks is no longer what it was when the call began', 'one that drops a table of masks');
SET LOCAL evil.change = 'ALTER TABLE evil.masks RENAME TO gone';
SELECT throws_ok($$SELECT lesion_report(predictions => '{evil.masks}', verdicts => 'evil.verdicts')$$, '55000',
	'evil.masks is no longer what it was when the call began', '... or renames it');
SET LOCAL evil.change = 'ALTER TABLE evil.masks ALTER area TYPE text';
SELECT throws_ok($$SELECT lesion_report(predictions => '{evil.masks}', verdicts => 'evil.verdicts')$$, '55000',
	'evil.masks is no longer what it was when the call began', '... or alters it');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
