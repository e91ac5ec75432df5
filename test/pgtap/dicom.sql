-- DICOM files wherever an image is taken. What they show is known from the PNGs beside them.
\set rgb `base64 -w0 test/data/dicom/rgb_explicit.dcm`
\set rgb_png `base64 -w0 test/data/dicom/rgb.png`
\set jpeg_2000 `base64 -w0 test/data/dicom/j2k_rct.dcm`
\set htj2k `base64 -w0 test/data/dicom/htj2k.dcm`
\set twelve `base64 -w0 test/data/dicom/jpeg_12_bits.dcm`
\set three `base64 -w0 test/data/dicom/three_rle.dcm`
\set frame2 `base64 -w0 test/data/dicom/frame2.png`
\set seg `base64 -w0 test/data/dicom/seg_binary.dcm`
\set seg2 `base64 -w0 test/data/dicom/seg2.png`
\set japanese `base64 -w0 test/data/dicom/text_japanese.dcm`
\set pdf `base64 -w0 test/data/dicom/pdf.dcm`

BEGIN;
SELECT plan(54);

CREATE FUNCTION pg_temp.file(text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode($1, 'base64') $$;
CREATE TEMPORARY TABLE picture AS
SELECT pg_temp.file(:'rgb') AS rgb, pg_temp.file(:'rgb_png') AS png, pg_temp.file(:'jpeg_2000') AS jpeg_2000,
	pg_temp.file(:'three') AS three, pg_temp.file(:'frame2') AS frame2, pg_temp.file(:'seg') AS seg,
	pg_temp.file(:'seg2') AS seg2, pg_temp.file(:'japanese') AS japanese, pg_temp.file(:'pdf') AS pdf,
	pg_temp.file(:'htj2k') AS htj2k, pg_temp.file(:'twelve') AS twelve, s.mask, other.mask AS other_mask
FROM lesion_synthetic(1, 24, 18) AS s, lesion_synthetic(2, 24, 18) AS other;

SELECT is(lesion_image_info(rgb)::text, '(dicom,24,18,3,8)', 'the header') FROM picture;
SELECT is(lesion_overlay(rgb, mask), lesion_overlay(png, mask), 'an uncompressed file shows what it should')
FROM picture;
SELECT is(lesion_overlay(jpeg_2000, mask), lesion_overlay(png, mask), 'so does JPEG 2000') FROM picture;
SELECT is(lesion_quality(rgb)::text, lesion_quality(png)::text, 'quality is measured') FROM picture;
SELECT is((lesion_image_info(lesion_degrade(rgb, 'blur', 1))).format, 'png', 'what is made of it is PNG') FROM picture;

SELECT throws_ok('SELECT lesion_overlay(htj2k, mask) FROM picture', '0A000',
	'image: the DICOM file''s transfer syntax is High-Throughput JPEG 2000 Lossless (1.2.840.10008.1.2.4.201)',
	'HTJ2K');
SELECT throws_ok('SELECT lesion_overlay(twelve, mask) FROM picture', '0A000',
	'image: the DICOM image is JPEG of 12 bits (JPEG Extended (Process 2 and 4), 1.2.840.10008.1.2.4.51)', '12 bits');
SELECT throws_like('SELECT lesion_overlay(substr(rgb, 1, 1500), mask) FROM picture',
	'image: the DICOM file is truncated: (7FE0,0010) reaches beyond%', 'a cut file');
SET LOCAL lesionseg.max_pixels = 400;
SELECT throws_ok('SELECT lesion_overlay(jpeg_2000, mask) FROM picture', '54000',
	'image: the image is 24 x 18 pixels, the limit is 400 pixels', 'too many pixels');
RESET lesionseg.max_pixels;

-- What a header tells.
SELECT is(i::text,
	'(1.2.840.10008.5.1.4.1.1.7,1.2.826.0.1.3680043.8.498.7.1187371253,'
	'1.2.826.0.1.3680043.8.498.7.2,1.2.826.0.1.3680043.8.498.7.1,'
	'P-0042,XC,1.2.840.10008.1.2.5,3,24,18,RGB,"{0.05,0.04}","2024-02-29 10:11:12.5",PixelSpacing,Rendered)',
	'lesion_dicom_info')
FROM picture, lesion_dicom_info(three) AS i;
SELECT is((i.frames, i.width, i.height, i.photometric, i.pixel_spacing, i.spacing_from)::text, '(,,,,,)',
	'a file without an image')
FROM picture, lesion_dicom_info(pdf) AS i;
SELECT is((lesion_dicom_info(rgb || repeat('x', 100000)::bytea)).study, '1.2.826.0.1.3680043.8.498.7.1',
	'of a large file the header is enough')
FROM picture;
SELECT is(count(DISTINCT lesion_dicom_info(longer)::text)::int, 1,
	'wherever an element ends near the end of the first pages')
FROM (
	SELECT substr(rgb, 1, at) || decode('090001104f420000' || encode(substring(int4send(size) FROM 4 FOR 1)
		|| substring(int4send(size) FROM 3 FOR 1), 'hex') || '0000' || repeat('00', size), 'hex') || substr(rgb, at + 1)
	FROM (SELECT rgb, position('\x10001000504e'::bytea IN rgb) - 1 AS at FROM picture) AS name,
		generate_series(16376, 16392) AS name_at, LATERAL (SELECT name_at - at - 12 AS size) AS sizes
	UNION ALL SELECT rgb FROM picture
) AS files (longer);
SELECT is((i.frames, i.width, i.height, i.photometric, i.sop_class)::text, '(,,,,1.2.840.10008.5.1.4.1.1.7)',
	'numbers of rows that are none')
FROM picture, LATERAL (SELECT position('\x280010005553'::bytea IN rgb) AS at) AS rows,
	lesion_dicom_info(overlay(rgb PLACING '\x49530200' || '-5'::bytea FROM at + 4 FOR 6)) AS i;
SELECT is((i.modality, i.manufacturer)::text, '(XC,)', 'a manufacturer that is too long')
FROM picture, lesion_dicom_info(overlay(rgb PLACING '\x080070004c4f2c01' || repeat('M', 300)::bytea
	FROM position('\x080070004c4f'::bytea IN rgb) FOR 16)) AS i;
SELECT throws_ok('SELECT lesion_dicom_info(png) FROM picture', '22P03', NULL, 'a PNG is no DICOM file');

-- Attributes.
SELECT is(lesion_dicom_tags(japanese) #>> '{00100010,Value,0,Ideographic}', '山田^太郎', 'a name in Japanese') FROM picture;
SELECT is(lesion_dicom_tags(rgb) -> '00280030', '{"vr": "DS", "Value": [0.05, 0.04]}', 'numbers') FROM picture;
SELECT is(lesion_dicom_tags(rgb) ? '7FE00010', false, 'no bulk data') FROM picture;
SELECT is(lesion_dicom_tags(rgb) ? '00020010', false, 'nothing of the file''s header') FROM picture;

-- Many small elements, whose jsonb takes far more memory than the file.
CREATE TEMP TABLE crowded AS
SELECT substr(rgb, 1, at) || elements || substr(rgb, at + 1) AS dicom
FROM (SELECT rgb, position('\x10001000504e'::bytea IN rgb) - 1 AS at FROM picture) AS name,
	(SELECT string_agg(group_tag || substring(int4send(e) FROM 4 FOR 1) || substring(int4send(e) FROM 3 FOR 1)
		|| '\x4c4f0000', '' ORDER BY group_tag, e) AS elements
	FROM unnest('{"\\x0900","\\x0b00"}'::bytea[]) AS group_tag, generate_series(16, 65535) AS e) AS made;
SELECT is((SELECT count(*) FROM crowded, jsonb_object_keys(lesion_dicom_tags(dicom)) AS k WHERE k LIKE '000_____'),
	131040 + (SELECT count(*) FROM picture, jsonb_object_keys(lesion_dicom_tags(rgb)) AS k WHERE k LIKE '000_____'),
	'many elements');
SET LOCAL lesionseg.max_memory = '64MB';
SELECT throws_matching('SELECT lesion_dicom_tags(dicom) FROM crowded',
	'^dicom: the attributes take \d+ bytes as JSON, and jsonb may need 32 times as much memory', '... need memory');
RESET lesionseg.max_memory;

-- Frames and masks.
SELECT is(lesion_overlay(lesion_dicom_frame(three, 2), mask), lesion_overlay(frame2, mask), 'frame 2') FROM picture;
SELECT is(lesion_overlay(lesion_dicom_frame(three), mask), lesion_overlay(three, mask), 'frame 1') FROM picture;
SELECT throws_ok('SELECT lesion_dicom_frame(three, 4) FROM picture', '22023', 'dicom: frame is 4',
	'there is no frame 4');
SELECT is(lesion_dicom_frame(seg, 2), lesion_dicom_mask(seg, 2), 'frame 2 of a segmentation') FROM picture;
SELECT throws_ok('SELECT lesion_dicom_frame(seg, 999) FROM picture', '22023', 'dicom: frame is 999',
	'a segmentation has its frames, too');
SELECT is((lesion_score(lesion_dicom_mask(seg, 2), seg2)).dice, 1::float8, 'segment 2') FROM picture;
SELECT is((lesion_score(seg, lesion_dicom_mask(seg))).dice, 1::float8, 'a segmentation is a mask: segment 1')
FROM picture;
SELECT throws_ok('SELECT lesion_dicom_mask(seg, 3) FROM picture', '22023',
	'seg: the DICOM segmentation has no segment 3', 'segment 3');
SELECT throws_ok('SELECT lesion_dicom_mask(rgb) FROM picture', '22P03', 'seg: the DICOM file is not a segmentation',
	'an image is no segmentation');

-- Objects made.
CREATE TEMPORARY TABLE made AS
SELECT lesion_dicom_seg(rgb, mask, 'linknet') AS seg, lesion_dicom_seg(rgb, mask) AS by_hand,
	lesion_dicom_picture(rgb, lesion_overlay(rgb, mask), model => 'linknet') AS shown
FROM picture;
SELECT is((lesion_score(lesion_dicom_mask(made.seg), mask)).dice, 1::float8, 'the mask comes back') FROM made, picture;
SELECT is(lesion_dicom_seg(rgb, mask, 'linknet'), made.seg, 'the same mask is the same instance') FROM made, picture;
SELECT is(lesion_dicom_seg(rgb, made.seg, 'linknet'), made.seg, '... whatever file it is in') FROM made, picture;
SELECT is(lesion_dicom_picture(rgb, rgb), lesion_dicom_picture(rgb, png), 'so is the same picture') FROM picture;
SELECT isnt((lesion_dicom_info(lesion_dicom_seg(rgb, other_mask, 'linknet'))).sop_instance,
	(lesion_dicom_info(made.seg)).sop_instance, 'another mask is another') FROM made, picture;

-- What names another author is another object, though the weights are the same.
SELECT lesion_model_import(name, lesion_model_export('linknet'))
FROM unnest('{twin_a, twin_b, twin_b}'::text[]) AS name;
SELECT is(count(DISTINCT sha256), 1::bigint, 'two models with three versions of the same weights')
FROM lesion_version WHERE model ~ '^twin_';
SELECT is(count(DISTINCT (i.sop_instance, i.series)), 9::bigint,
	'give three objects of each kind, in series of their own')
FROM picture, made, (VALUES ('twin_a', 1), ('twin_b', 1), ('twin_b', 2)) AS author (model, version),
	LATERAL (SELECT lesion_dicom_seg(rgb, mask, model, version) AS file
		UNION ALL SELECT lesion_dicom_picture(rgb, png, NULL, model, version)
		UNION ALL SELECT lesion_dicom_report(rgb, made.seg, model, version)) AS object,
	lesion_dicom_info(object.file) AS i;
SELECT is(lesion_dicom_seg(rgb, mask, 'twin_b', 2), lesion_dicom_seg(rgb, mask, 'twin_b'), '... the same twice')
FROM picture;
SELECT is(row(a.study, a.patient, a.modality, a.series <> b.series)::text, row(b.study, b.patient, 'SEG', true)::text,
	'study and patient stay, the series is new')
FROM made, picture, lesion_dicom_info(made.seg) AS a, lesion_dicom_info(rgb) AS b;
SELECT is(lesion_dicom_tags(made.seg) #>> '{00620002,Value,0,00620009,Value,0}', 'linknet version 0',
	'the segment names who made it') FROM made;
SELECT is(lesion_dicom_tags(by_hand) #>> '{00620002,Value,0,00620008,Value,0}', 'MANUAL', 'without a model: a person')
FROM made;
SELECT cmp_ok((lesion_image_info(shown)).height, '>', 18, 'the picture has a band of words') FROM made;
SELECT is(jsonb_path_query_array(lesion_dicom_tags(lesion_dicom_report(rgb, made.seg, 'linknet')),
	'$.**."0040A30A".Value[0]') -> 0, (SELECT to_jsonb(round((lesion_score(mask, mask)).true_positive * 0.002,
		3)::float8) FROM picture), 'the report has the area')
FROM made, picture;
SELECT is((lesion_dicom_seg(NULL, mask), lesion_dicom_picture(rgb, NULL), lesion_dicom_report(rgb, NULL))::text, '(,,)',
	'NULL in, NULL out') FROM picture;

SELECT throws_ok('SELECT lesion_dicom_seg(png, mask) FROM picture', '22P03', NULL, 'a source that is no DICOM file');
SELECT throws_ok('SELECT lesion_dicom_seg(rgb, seg) FROM picture', '22023',
	'the mask is 7 x 5 pixels, the DICOM image 24 x 18 as stored', 'a mask of another size');
SELECT throws_ok('SELECT lesion_dicom_seg(rgb, mask, version => 1) FROM picture', '22023',
	'version is given, model is not', 'a version of no model');
SELECT throws_ok('SELECT lesion_dicom_report(rgb, seg) FROM picture', '22023',
	'the segmentation is not one of the source image', 'a segmentation of another image');
SELECT throws_ok('SELECT lesion_dicom_report(jpeg_2000, made.seg) FROM picture, made', '22023',
	'the segmentation is not one of the source image', '... of the same study')
FROM picture WHERE (lesion_dicom_info(rgb)).study = (lesion_dicom_info(jpeg_2000)).study;

-- Images and masks of a table may both be DICOM.
CREATE TABLE dicom_rows AS
SELECT seed AS id, CASE WHEN seed % 2 = 0 THEN rgb ELSE jpeg_2000 END AS image, lesion_dicom_seg(rgb, s.mask) AS mask
FROM picture, generate_series(1, 12) AS seed, lesion_synthetic(seed, 24, 18) AS s;
INSERT INTO dicom_rows SELECT 13, htj2k, mask FROM picture;
SELECT is(length(lesion_segment(image, 'linknet')) > 0, true, 'segmented') FROM dicom_rows WHERE id = 1;
SET LOCAL client_min_messages = error;
SELECT is((lesion_train('dicom_rows', 'dicom net', architecture => 'unet', epochs => 1, image_size => 32,
	batch_size => 4, config => '{"base": 4, "depth": 2}', id_column => 'id')).version, 1,
	'trained on, but for a row that cannot be decoded');
INSERT INTO dicom_rows SELECT 14, decode('080005004353' || '0a00' || encode('ISO_IR 100', 'hex')
	|| repeat('0800122153510000ffffffff' || 'feff00e0ffffffff', 17), 'hex'), mask FROM picture;
CREATE TABLE dicom_masks OF lesion_prediction;
CALL lesion_predict('dicom_rows', 'linknet', 'dicom_masks', id_column => 'id');
SELECT is((count(mask), max(error))::text,
	'(12,"the DICOM file''s transfer syntax is High-Throughput JPEG 2000 Lossless (1.2.840.10008.1.2.4.201)")',
	'predicted; what cannot be decoded is a row''s error') FROM dicom_masks WHERE id <> '14';
SELECT is((SELECT error FROM dicom_masks WHERE id = '14'),
	'the DICOM file has more than 16 sequences inside one another at (0008,2112)',
	'what is above a limit that no setting raises is a row''s error, too');
SELECT * FROM finish();
ROLLBACK;
