-- A lesion cut out of its photograph, and the skin around it.
\set turned `base64 -w0 test/data/orientation6.jpg`
\set dicom `base64 -w0 test/data/dicom/rgb_explicit.dcm`

BEGIN;
\ir ../data/drawn_mask.sql
SELECT plan(25);

CREATE TEMP TABLE lesion AS SELECT image, mask FROM lesion_synthetic(1, 200, 150);
CREATE TEMP TABLE other AS SELECT decode(:'turned', 'base64') AS turned, decode(:'dicom', 'base64') AS dicom;

-- lesion_crop
SELECT is((SELECT (i.format, i.width, i.height)::text FROM lesion_image_info(lesion_crop(
	drawn_mask('.......... .......... ..####.... ..####.... ..........'),
	drawn_mask('.......... .......... ..####.... ..####.... ..........'), 0)) AS i), '(bmp,4,2)',
	'the box of the lesion');
SELECT is((SELECT (i.width, i.height)::text FROM lesion_image_info(lesion_crop(
	drawn_mask('.......... .......... ..####.... ..####.... ..........'),
	drawn_mask('.......... .......... ..####.... ..####.... ..........'), 0.25)) AS i), '(6,4)',
	'with a margin on every side');
SELECT is((SELECT (i.width, i.height)::text FROM lesion_image_info(lesion_crop(
	drawn_mask('.......... .......... ..####.... ..####.... ..........'),
	drawn_mask('.......... .......... ..####.... ..####.... ..........'), 10)) AS i), '(10,5)',
	'as far as the image goes');
SELECT is((SELECT (i.width, i.height)::text FROM lesion_image_info(lesion_crop(
	drawn_mask('#......... .......... ..####.... ..####.... ..........'),
	drawn_mask('#......... .......... ..####.... ..####.... ..........'), 0)) AS i), '(4,2)',
	'of the largest component');
SELECT is(lesion_crop(image, drawn_mask('.... .... ....')), NULL, 'no lesion, nothing to cut out') FROM lesion;
SELECT is(lesion_crop(image, NULL), NULL, 'no mask, no cut') FROM lesion;
SELECT is((SELECT (i.format, i.width, i.height)::text FROM lesion,
	lesion_image_info(lesion_crop(image, drawn_mask('.... .##. ....'), 0)) AS i), '(png,100,50)',
	'a mask of another size is scaled');
SELECT is((SELECT (c.format, c.width, c.height)::text FROM other, lesion_image_info(turned) AS i,
	lesion_image_info(lesion_crop(turned, drawn_mask(trim(repeat(repeat('#', i.width) || ' ', i.height))))) AS c),
	(SELECT ('jpeg', i.width, i.height)::text FROM other, lesion_image_info(turned) AS i), 'a JPEG stays one, upright');
SELECT is((SELECT (i.format, i.width)::text FROM other,
	lesion_image_info(lesion_crop(dicom, drawn_mask('.... .##. ....'), 0)) AS i), '(png,12)', 'of DICOM a PNG is cut');
SELECT is((lesion_measure(lesion_crop(mask, mask, 0))).area, (lesion_measure(mask)).area,
	'a mask is cut as its image is')
FROM lesion;
SELECT throws_ok($$SELECT lesion_crop(image, mask, -0.1) FROM lesion$$, '22023',
	'margin is -0.1, it must be between 0 and 10', 'a negative margin');
SELECT throws_ok($$SELECT lesion_crop(image, mask, 'NaN') FROM lesion$$, '22023', NULL, 'no number');
SELECT throws_ok($$SELECT lesion_crop(image, drawn_mask('#..')) FROM lesion$$, '22023',
	'the image is 200 x 150 pixels, its mask 3 x 1', 'a mask of another shape');
SELECT throws_ok($$SELECT lesion_crop('no image', mask) FROM lesion$$, '22P03', NULL, 'no image');

-- lesion_skin_tone
SELECT ok((SELECT t.ita BETWEEN -90 AND 90 AND t.category IS NOT NULL AND t.pixels > 5000 AND t.b > 0
	FROM lesion, lesion_skin_tone(image, mask) AS t), 'skin has a tone');
SELECT ok((SELECT abs(hairy.ita - bare.ita) < 5 AND hairy.pixels < bare.pixels
	FROM lesion, lesion_skin_tone(image, mask) AS bare,
		lesion_skin_tone(lesion_degrade(image, 'hair', 5), mask) AS hairy), 'hair is left out');
SELECT ok((SELECT abs(inky.ita - bare.ita) < 5
	FROM lesion, lesion_skin_tone(image, mask) AS bare,
		lesion_skin_tone(lesion_degrade(image, 'ruler_ink', 3), mask) AS inky), 'so are scales and ink');
SELECT ok((SELECT abs(wet.ita - bare.ita) < 5
	FROM lesion, lesion_skin_tone(image, mask) AS bare,
		lesion_skin_tone(lesion_degrade(image, 'bubbles', 3), mask) AS wet), 'and glare');
SELECT ok((SELECT dim.ita < bare.ita
	FROM lesion, lesion_skin_tone(image, mask) AS bare,
		lesion_skin_tone(lesion_degrade(image, 'darkness', 5), mask) AS dim), 'a dark photograph shows darker skin');
SELECT is((SELECT (t.ita, t.category, t.lightness, t.b, t.pixels)::text
	FROM lesion, lesion_skin_tone(image, drawn_mask('#### #### ####')) AS t), '(,,,,0)', 'no skin, no tone');
SELECT ok((SELECT t.ita IS NULL AND t.lightness > 90
	FROM lesion_skin_tone(drawn_mask('#### #### ####'), drawn_mask('.... .... ....')) AS t), 'white is no skin');
SELECT ok((SELECT t.pixels BETWEEN a.pixels * 0.9 AND a.pixels * 1.1 FROM lesion_synthetic(1, 800, 600) AS s,
	lesion_skin_tone(s.image, s.mask) AS t, lesion_synthetic(1, 400, 300) AS h, lesion_skin_tone(h.image, h.mask) AS a),
	'pixels are counted at a shorter side of 256');
SELECT ok((SELECT t IS NULL FROM lesion, lesion_skin_tone(image, NULL) AS t), 'no mask, no tone');
SELECT throws_ok($$SELECT lesion_skin_tone(image, drawn_mask('#..')) FROM lesion$$, '22023',
	'the image is 200 x 150 pixels, its mask 3 x 1', 'a mask of another shape, again');
SELECT throws_ok($$SELECT lesion_skin_tone('no image', mask) FROM lesion$$, '22P03', NULL, 'no image, again');

SELECT * FROM finish();
ROLLBACK;
