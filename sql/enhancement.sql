-- Degrading images: kinds, severities, seeds, formats, and what is refused.
-- Their quality: each degradation is told from the others.
\getenv root PG_ABS_SRCDIR
\set helpers :root '/test/data/failure.sql'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lesionseg;
RESET client_min_messages;
CREATE SCHEMA enhancement_test;
SET search_path = enhancement_test, public;
\i :helpers

SELECT kind, description <> '' AS described FROM lesion_degradations();

CREATE TABLE lesions AS SELECT image FROM lesion_synthetic(7, 96, 64);

-- Every kind changes the image, each severity in another way, and one seed always gives the same.
-- (Motion is whole pixels: on 64 of them, two severities are the same.)
SELECT kind, count(DISTINCT lesion_degrade(image, kind, severity)) AS images,
	bool_and(lesion_degrade(image, kind, severity) = lesion_degrade(image, kind, severity, 0)) AS repeats,
	bool_or(lesion_degrade(image, kind, severity) = image) AS unchanged
FROM lesions, lesion_degradations(), generate_series(1, 5) AS severity
GROUP BY kind ORDER BY kind COLLATE "C";
SELECT (lesion_image_info(lesion_degrade(image, 'hair', 3))).* FROM lesions;
SELECT lesion_degrade(image, 'hair', 3, 1) <> lesion_degrade(image, 'hair', 3, 2) AS varies FROM lesions;

-- Grey stays grey, a BMP stays a BMP.
SELECT (lesion_image_info(lesion_degrade(mask, 'noise', 2))).* FROM lesion_synthetic(7, 20, 30);
SELECT (lesion_image_info(lesion_degrade(
	'\x424d3a0000000000000036000000280000000100000001000000010018000000000004000000'
	'130b0000130b000000000000000000001e2850ff', 'darkness', 2))).*;
SELECT lesion_degrade(NULL, 'noise', 1) IS NULL AS null_in_null_out;

SELECT call, f.* FROM unnest(ARRAY[
	'lesion_degrade(image, ''rain'', 1)',
	'lesion_degrade(image, ''noise'', 0)',
	'lesion_degrade(image, ''noise'', 6)',
	'lesion_degrade(''''::bytea, ''noise'', 1)'
]) WITH ORDINALITY AS calls (call, number), failure('SELECT ' || call || ' FROM enhancement_test.lesions') AS f
ORDER BY number;
SELECT lesion_degrade(image, 'rain', 1) FROM lesions;

-- Quality: what was done shows in the measure that is about it.
CREATE TABLE photographs AS SELECT image FROM lesion_synthetic(5, 256, 192);
SELECT kind, q.score BETWEEN 0 AND 0.8 AS bad,
	'noisy' = ANY (q.issues) AS noisy, 'dark' = ANY (q.issues) AS dark,
	'compression artefacts' = ANY (q.issues) AS blocky
FROM photographs, unnest(ARRAY['noise', 'darkness', 'jpeg']) AS kind,
	lesion_quality(lesion_degrade(image, kind, 5)) AS q;
SELECT bool_and(worse.noise > before.noise + 6) AS noise, count(*)
FROM photographs, generate_series(1, 3) AS seed, lesion_quality(image) AS before,
	lesion_quality(lesion_degrade(image, 'noise', 4, seed)) AS worse;
SELECT lesion_quality(NULL) IS NULL AS null_in_null_out;
SELECT f.* FROM failure('SELECT lesion_quality(''no image'')') AS f;

-- Enhancing: what is planned, what comes out, what is refused.
SELECT count(*) AS planned_for_good FROM photographs, lesion_enhance_plan(image);
SELECT kind, (SELECT array_agg(step) FROM lesion_enhance_plan(lesion_degrade(image, kind, 5))) AS steps
FROM photographs, unnest(ARRAY['noise', 'darkness', 'uneven_light', 'low_contrast', 'hair']) AS kind;
SELECT bool_and(length(reason) > 10) AS reasons
FROM photographs, lesion_enhance_plan(lesion_degrade(image, 'darkness', 5));
SELECT lesion_enhance(image) = image AS good_untouched, lesion_enhance(image, '{}') = image AS nothing_asked
FROM photographs;
SELECT kind, after.score > before.score AS better
FROM photographs, unnest(ARRAY['noise', 'darkness', 'uneven_light', 'hair']) AS kind,
	lesion_degrade(image, kind, 5) AS worse, lesion_quality(worse) AS before,
	lesion_quality(lesion_enhance(worse)) AS after;
SELECT step, i.width, i.height, i.format FROM photographs,
	unnest(ARRAY['denoise', 'hair', 'illumination', 'exposure', 'levels', 'colour_constancy', 'white_balance',
		'contrast', 'sharpen', 'upscale']) AS step,
	lesion_image_info(lesion_enhance(image, ARRAY[step])) AS i;
SELECT (lesion_image_info(lesion_enhance(image, '{upscale}', '{"upscale_factor": 1.5}'))).width FROM photographs;

-- In the format it came in, turned once, as PNG on request; odd images.
CREATE TABLE odd (name text, image bytea);
\set file :root '/test/data/orientation6.jpg'
\lo_import :file
\set object :LASTOID
INSERT INTO odd SELECT 'turned', lo_get(:object);
\lo_unlink :object
\set file :root '/test/data/grey16.png'
\lo_import :file
\set object :LASTOID
INSERT INTO odd SELECT 'grey16', lo_get(:object);
\lo_unlink :object
\set file :root '/test/data/grey8_trns.png'
\lo_import :file
\set object :LASTOID
INSERT INTO odd SELECT 'transparent', lo_get(:object);
\lo_unlink :object
SELECT name, i.width = b.width AND i.height = b.height AS same_size, i.format, i.channels, i.bits
FROM odd, lesion_image_info(image) AS b, lesion_image_info(lesion_enhance(image, '{denoise,contrast}')) AS i;
SELECT (lesion_image_info(lesion_enhance(image, '{}', '{"png": true}'))).* FROM odd WHERE name = 'turned';

SELECT call, f.* FROM unnest(ARRAY[
	'lesion_enhance(image, ''{polish}'')',
	'lesion_enhance(image, ''{denoise,NULL}'')',
	'lesion_enhance(image, NULL, ''{"strength": 1}'')',
	'lesion_enhance(image, NULL, ''{"denoise_search": 11}'')',
	'lesion_enhance(image, array_fill(''hair''::text, ARRAY[20]))',
	'lesion_enhance(''no image'')'
]) WITH ORDINALITY AS calls (call, number), failure('SELECT ' || call || ' FROM enhancement_test.photographs') AS f
ORDER BY number;
SELECT lesion_enhance(image, '{polish}') FROM photographs;
SELECT lesion_enhance(image, NULL, '{"strength": 1}') FROM photographs;
SELECT lesion_enhance(NULL) IS NULL AS null_in_null_out;

SET client_min_messages = warning;
DROP SCHEMA enhancement_test CASCADE;
