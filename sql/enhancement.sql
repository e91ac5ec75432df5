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

-- Every kind changes the image, each severity in another way, the same for the same seed.
SELECT kind, count(DISTINCT lesion_degrade(image, kind, severity)) AS images,
	bool_and(lesion_degrade(image, kind, severity) = lesion_degrade(image, kind, severity, 0)) AS repeats,
	bool_or(lesion_degrade(image, kind, severity) = image) AS unchanged
FROM lesions, lesion_degradations(), generate_series(1, 5) AS severity
GROUP BY kind ORDER BY kind COLLATE "C";
SELECT (lesion_image_info(lesion_degrade(image, 'hair', 3))).* FROM lesions;
SELECT lesion_degrade(image, 'hair', 3, 1) <> lesion_degrade(image, 'hair', 3, 2) AS varies FROM lesions;

-- Grey stays grey, a BMP stays a BMP.
SELECT (lesion_image_info(lesion_degrade(mask, 'noise', 2))).* FROM lesion_synthetic(7, 20, 30);
SELECT (lesion_image_info(lesion_degrade('\x424d3a0000000000000036000000280000000100000001000000010018000000000004000000130b0000130b000000000000000000001e2850ff', 'darkness', 2))).*;
SELECT lesion_degrade(NULL, 'noise', 1) IS NULL AS null_in_null_out;

SELECT call, f.* FROM unnest(ARRAY[
	'lesion_degrade(image, ''rain'', 1)',
	'lesion_degrade(image, ''noise'', 0)',
	'lesion_degrade(image, ''noise'', 6)',
	'lesion_degrade(''''::bytea, ''noise'', 1)'
]) WITH ORDINALITY AS calls (call, number), failure('SELECT ' || call || ' FROM enhancement_test.lesions') AS f ORDER BY number;
SELECT lesion_degrade(image, 'rain', 1) FROM lesions;

-- Quality: what was done shows in the measure that is about it.
CREATE TABLE photographs AS SELECT image FROM lesion_synthetic(5, 256, 192);
SELECT kind, q.score BETWEEN 0 AND 0.5 AS bad,
	'noisy' = ANY (q.issues) AS noisy, 'dark' = ANY (q.issues) AS dark, 'compression artefacts' = ANY (q.issues) AS blocky
FROM photographs, unnest(ARRAY['noise', 'darkness', 'jpeg']) AS kind, lesion_quality(lesion_degrade(image, kind, 5)) AS q;
SELECT bool_and(worse.noise > before.noise + 6) AS noise, count(*)
FROM photographs, generate_series(1, 3) AS seed, lesion_quality(image) AS before, lesion_quality(lesion_degrade(image, 'noise', 4, seed)) AS worse;
SELECT lesion_quality(NULL) IS NULL AS null_in_null_out;
SELECT f.* FROM failure('SELECT lesion_quality(''no image'')') AS f;

SET client_min_messages = warning;
DROP SCHEMA enhancement_test CASCADE;
