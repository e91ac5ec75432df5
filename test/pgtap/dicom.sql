-- DICOM files wherever an image is taken. What they show is known from the PNGs beside them.
\set rgb `base64 -w0 test/data/dicom/rgb_explicit.dcm`
\set rgb_png `base64 -w0 test/data/dicom/rgb.png`
\set jpeg_2000 `base64 -w0 test/data/dicom/j2k_rct.dcm`
\set htj2k `base64 -w0 test/data/dicom/htj2k.dcm`
\set twelve `base64 -w0 test/data/dicom/jpeg_12_bits.dcm`

BEGIN;
SELECT plan(9);

CREATE FUNCTION pg_temp.file(text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode($1, 'base64') $$;
CREATE TEMPORARY TABLE picture AS
SELECT pg_temp.file(:'rgb') AS rgb, pg_temp.file(:'rgb_png') AS png, pg_temp.file(:'jpeg_2000') AS jpeg_2000,
	pg_temp.file(:'htj2k') AS htj2k, pg_temp.file(:'twelve') AS twelve, s.mask
FROM lesion_synthetic(1, 24, 18) AS s;

SELECT is(lesion_image_info(rgb)::text, '(dicom,24,18,3,8)', 'the header') FROM picture;
SELECT is(lesion_overlay(rgb, mask), lesion_overlay(png, mask), 'an uncompressed file shows what it should') FROM picture;
SELECT is(lesion_overlay(jpeg_2000, mask), lesion_overlay(png, mask), 'so does JPEG 2000') FROM picture;
SELECT is(lesion_quality(rgb)::text, lesion_quality(png)::text, 'quality is measured') FROM picture;
SELECT is((lesion_image_info(lesion_degrade(rgb, 'blur', 1))).format, 'png', 'what is made of it is PNG') FROM picture;

SELECT throws_ok('SELECT lesion_overlay(htj2k, mask) FROM picture', '0A000',
	'image: the DICOM file''s transfer syntax is High-Throughput JPEG 2000 Lossless (1.2.840.10008.1.2.4.201)', 'HTJ2K');
SELECT throws_ok('SELECT lesion_overlay(twelve, mask) FROM picture', '0A000',
	'image: the DICOM image is JPEG of 12 bits (JPEG Extended (Process 2 and 4), 1.2.840.10008.1.2.4.51)', '12 bits');
SELECT throws_like('SELECT lesion_overlay(substr(rgb, 1, 1500), mask) FROM picture',
	'image: the DICOM file is truncated: (7FE0,0010) reaches beyond%', 'a cut file');
SET LOCAL lesionseg.max_pixels = 400;
SELECT throws_ok('SELECT lesion_overlay(jpeg_2000, mask) FROM picture', '54000',
	'image: the image is 24 x 18 pixels, the limit is 400 pixels', 'too many pixels');
SELECT * FROM finish();
ROLLBACK;
