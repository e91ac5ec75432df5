-- Single images: headers, rendered lesions, pictures, and everything that is
-- no image.
\getenv root PG_ABS_SRCDIR
\set helpers :root '/test/data/failure.sql'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lesionseg;
RESET client_min_messages;
CREATE SCHEMA images_test;
SET search_path = images_test, public;
\i :helpers

-- Tiny files of each kind, made by hand.
CREATE TABLE samples (name text PRIMARY KEY, image bytea);
INSERT INTO samples VALUES
('grey png',
	'\x89504e470d0a1a0a0000000d49484452000000040000000208000000005ac322bf000000104944415478da63f8ff9f81'
	'810144000017f203fd5a2a096d0000000049454e44ae426082'),
('1-bit png',
	'\x89504e470d0a1a0a0000000d49484452000000080000000201000000004defa0400000000c4944415478da63f8c0f001'
	'0003c401e10d75a35d0000000049454e44ae426082'),
('16-bit png',
	'\x89504e470d0a1a0a0000000d494844520000000200000001100000000081d9fc150000000d4944415478da63f8ff9f81'
	'010006fe01ff2adc47f50000000049454e44ae426082'),
('rgba png',
	'\x89504e470d0a1a0a0000000d4948445200000002000000010806000000f4227f8a0000000f4944415478da63f80f040c'
	'0c0cff011aee04fc09ff98900000000049454e44ae426082');

SELECT name, info.* FROM samples, lesion_image_info(image) AS info ORDER BY name;
SELECT lesion_image_info(NULL) IS NULL AS null_in_null_out;

-- Only the header is read, also where the image is stored out of line.
CREATE TABLE stored (image bytea);
ALTER TABLE stored ALTER image SET STORAGE EXTERNAL;
INSERT INTO stored SELECT (lesion_synthetic(1, 512, 384)).image;
SELECT (lesion_image_info(image)).* FROM stored;

-- Rendered lesions: two PNGs of one size, the same for the same seed.
SELECT (lesion_image_info(image)).*, (lesion_image_info(mask)).* FROM lesion_synthetic(7);
SELECT (lesion_image_info(image)).*, (lesion_image_info(mask)).*
FROM lesion_synthetic(seed => 7, width => 100, height => 60, severity => 5);
SELECT a.image = b.image AND a.mask = b.mask AS repeats, a.image <> c.image AND a.mask <> c.mask AS varies
FROM lesion_synthetic(7) AS a, lesion_synthetic(7) AS b, lesion_synthetic(8) AS c;
SELECT count(DISTINCT image) AS images, count(DISTINCT mask) AS masks
FROM generate_series(0, 5) AS severity, lesion_synthetic(7, 64, 64, severity);
SELECT lesion_synthetic(NULL) IS NULL AS null_in_null_out;

SELECT call, f.* FROM unnest(ARRAY[
	'lesion_synthetic(1, 0, 64)',
	'lesion_synthetic(1, 64, 0)',
	'lesion_synthetic(1, -5, 64)',
	'lesion_synthetic(1, 64, 64, -1)',
	'lesion_synthetic(1, 64, 64, 6)',
	'lesion_synthetic(1, 16384, 16384)',
	'lesion_synthetic(1, 2147483647, 2147483647)'
]) WITH ORDINALITY AS calls (call, number), failure('SELECT ' || call) AS f ORDER BY number;

-- Pictures: the overlay has the image's size, the panel holds three of them.
CREATE TABLE lesions AS SELECT seed, image, mask FROM generate_series(1, 2) AS seed, lesion_synthetic(seed, 96, 64);
SELECT (lesion_image_info(lesion_overlay(a.image, a.mask))).*,
	lesion_overlay(a.image, a.mask) <> lesion_overlay(a.image, b.mask) AS shows_the_mask,
	lesion_overlay(a.image, a.mask) <> lesion_overlay(a.image, a.mask, b.mask) AS shows_the_truth
FROM lesions AS a, lesions AS b WHERE a.seed = 1 AND b.seed = 2;
SELECT info.format, info.width >= 3 * 96 AS wide_enough, info.height >= 64 AS high_enough, info.channels
FROM lesions, lesion_image_info(lesion_panel(image, mask, mask)) AS info WHERE seed = 1;
SELECT info.format, info.width >= 2 * 96 AS wide_enough, info.height >= 64 AS high_enough, info.channels
FROM lesions, lesion_image_info(lesion_probability_picture(image, mask)) AS info WHERE seed = 1;
SELECT lesion_overlay(NULL, mask) IS NULL AS overlay_of_no_image,
	lesion_overlay(image, NULL) IS NULL AS overlay_of_no_mask,
	lesion_overlay(image, mask, NULL) IS NOT NULL AS overlay_without_truth,
	lesion_panel(image, mask, NULL) IS NULL AS panel_of_no_mask
FROM lesions WHERE seed = 1;

-- Masks of another size are drawn at the image's.
SELECT (lesion_image_info(lesion_overlay(image, (lesion_synthetic(1, 48, 32)).mask))).* FROM lesions WHERE seed = 1;

-- What is no image, or a broken one.
CREATE TABLE broken (name text PRIMARY KEY, image bytea);
INSERT INTO broken
SELECT 'empty', ''::bytea
UNION ALL SELECT 'text', convert_to('this is no image', 'UTF8')
UNION ALL SELECT 'zeros', decode(repeat('00', 1000), 'hex')
UNION ALL SELECT 'png signature alone', '\x89504e470d0a1a0a'
UNION ALL SELECT 'png cut in its header', substring(image FOR 20) FROM lesions WHERE seed = 1
UNION ALL SELECT 'png cut in its data', substring(image FOR length(image) / 2) FROM lesions WHERE seed = 1
UNION ALL SELECT 'png with a byte changed',
	set_byte(image, length(image) / 2, 255 - get_byte(image, length(image) / 2)) FROM lesions WHERE seed = 1
UNION ALL SELECT 'png of no width',
	'\x89504e470d0a1a0a0000000d49484452000000000000000508000000004e2db27d0000000b4944415478da6360800000'
	'0008000124fc04720000000049454e44ae426082'
UNION ALL SELECT 'png of 60,000 x 60,000',
	'\x89504e470d0a1a0a0000000d494844520000ea600000ea600800000000a5b92a9e0000000b4944415478da6360800000'
	'0008000124fc04720000001474455874436f6d6d656e7400787878787878787878787878c090046f0000000049454e44ae'
	'426082'
UNION ALL SELECT 'jpeg start alone', '\xffd8ffe0'
UNION ALL SELECT 'bmp header alone', '\x424d';

SELECT name, f.* FROM broken,
	LATERAL failure(format('SELECT lesion_overlay(%L::bytea, mask) FROM images_test.lesions', image)) AS f
ORDER BY name COLLATE "C";
SELECT name, f.* FROM broken,
	LATERAL failure(format('SELECT lesion_overlay(image, %L::bytea) FROM images_test.lesions', image)) AS f
ORDER BY name COLLATE "C";
SELECT name, f.* FROM broken,
	LATERAL failure(format('SELECT lesion_overlay(image, mask, %L::bytea) FROM images_test.lesions', image)) AS f
ORDER BY name COLLATE "C";
SELECT name, f.* FROM broken,
	LATERAL failure(format('SELECT lesion_panel(image, mask, %L::bytea) FROM images_test.lesions', image)) AS f
ORDER BY name COLLATE "C";

-- The header of an image too large to decode can still be read.
SELECT name, f.* FROM broken, LATERAL failure(format('SELECT lesion_image_info(%L::bytea)', image)) AS f
ORDER BY name COLLATE "C";
SELECT (lesion_image_info(image)).* FROM broken WHERE name = 'png of 60,000 x 60,000';

-- A limit set by the user holds before any pixel is decoded.
SET lesionseg.max_pixels = 6143;
SELECT f.* FROM failure('SELECT lesion_overlay(image, mask) FROM images_test.lesions') AS f;
SET lesionseg.max_pixels = 6144;
SELECT f.* FROM failure('SELECT lesion_overlay(image, mask) FROM images_test.lesions') AS f;
RESET lesionseg.max_pixels;

-- What is wrong with each, without an error: NULL for those that are fine.
SELECT name, split_part(lesion_image_error(image), ':', 1) AS error
FROM (SELECT * FROM broken UNION ALL SELECT 'lesion ' || seed, image FROM lesions) AS all_of_them
ORDER BY name COLLATE "C";
SELECT lesion_image_error(NULL) IS NULL AS null_in_null_out, lesion_mask_error(NULL, image) IS NULL AS no_mask
FROM lesions WHERE seed = 1;
SET lesionseg.max_pixels = 6143;
SELECT lesion_image_error(image) FROM lesions WHERE seed = 1;
RESET lesionseg.max_pixels;
SELECT what, lesion_mask_error(mask, image) FROM (
	SELECT 1 AS n, 'its mask' AS what, mask, image FROM lesions WHERE seed = 1
	UNION ALL SELECT 2, 'a smaller mask', (lesion_synthetic(1, 48, 32)).mask, image FROM lesions WHERE seed = 1
	UNION ALL SELECT 3, 'a turned mask', (lesion_synthetic(1, 64, 96)).mask, image FROM lesions WHERE seed = 1
	UNION ALL SELECT 4, 'a turned mask alone', (lesion_synthetic(1, 64, 96)).mask, NULL
	UNION ALL SELECT 5, 'a photograph', image, image FROM lesions WHERE seed = 1
	UNION ALL SELECT 6, 'a mask of a broken image', mask, 'x' FROM lesions WHERE seed = 1
	UNION ALL SELECT 7, 'no image', '', image FROM lesions WHERE seed = 1) AS masks
ORDER BY n;

-- One message in full.
SELECT lesion_panel(image, ''::bytea, mask) FROM lesions WHERE seed = 1;
SELECT lesion_probability_picture(image, image) FROM lesions WHERE seed = 1;
SELECT lesion_probability_picture(image, (lesion_synthetic(1, 64, 64)).mask) FROM lesions WHERE seed = 1;

SET client_min_messages = warning;
DROP SCHEMA images_test CASCADE;
