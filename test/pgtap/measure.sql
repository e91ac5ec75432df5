-- Measures of lesions: lesion_measure on masks and images that are known.
\set dicom `base64 -w0 test/data/dicom/rgb_explicit.dcm`

BEGIN;
\ir ../data/drawn_mask.sql
SELECT plan(30);

CREATE TEMP TABLE lesion AS SELECT image, mask FROM lesion_synthetic(1, 200, 150);

SELECT is((SELECT (m.components, m.area, m.perimeter, m.largest_diameter, m.smallest_diameter)::text
	FROM lesion_measure(drawn_mask('.... .... ....')) AS m), '(0,0,0,0,0)', 'a mask without lesion has zeros');
SELECT is((SELECT coalesce(m.centroid_x, m.orientation, m.eccentricity, m.circularity, m.asymmetry_major, m.area_mm2)
	FROM lesion_measure(drawn_mask('.... .... ....')) AS m), NULL, 'and nothing that needs a lesion');
SELECT is((SELECT m.area_mm2 FROM lesion_measure(drawn_mask('.... ....'), NULL, '{0.5}') AS m), 0::float8,
	'nor an area in mm2');
SELECT ok((SELECT m IS NULL FROM lesion_measure(NULL) AS m), 'no mask, no measures');
SELECT is((SELECT (m.components, m.area, m.centroid_x, m.centroid_y, m.orientation)::text
	FROM lesion_measure(drawn_mask('#....... #..####. ...####. ........')) AS m), '(2,8,5,2,0)',
	'the largest component counts');
SELECT is((SELECT (round(m.perimeter::numeric, 6), m.largest_diameter, m.smallest_diameter, m.circularity, m.solidity,
	m.irregularity)::text
	FROM lesion_measure(drawn_mask('... .#. ...')) AS m), '(3.141593,1,1,1,1,)', 'one pixel has no outline of its own');
SELECT is((SELECT (m.asymmetry_major, m.asymmetry_minor)::text
	FROM lesion_measure(drawn_mask('........ .######. .######. ........')) AS m), '(0,0)', 'a rectangle is symmetric');
SELECT ok((SELECT m.asymmetry_minor > 0.2 AND m.asymmetry_major < 0.1
	FROM lesion_measure(drawn_mask('#....... ##...... ####.... ######## ####.... ##...... #.......')) AS m),
	'a drop is symmetric about one axis');
SELECT is((SELECT (m.spacing, m.area_mm2, round(m.largest_diameter_mm::numeric, 3))::text
	FROM lesion_measure(drawn_mask('........ .######. ........'), NULL, '{0.5}') AS m), '("{0.5,0.5}",1.5,3.000)',
	'in mm');
SELECT is((SELECT (m.area, m.area_mm2, m.spacing)::text
	FROM lesion_measure(drawn_mask('.... .##. ....'), NULL, '{0.5,0.25}') AS m), '(2,0.25,"{0.5,0.25}")',
	'pixels may be rectangles');
SELECT ok((SELECT m.area_mm2 IS NULL AND m.spacing IS NULL FROM lesion, lesion_measure(mask) AS m),
	'no spacing, no mm');

SELECT ok((SELECT m.colour_asymmetry IS NULL AND m.border_sharpness IS NULL AND m.colours IS NULL AND m.contrast IS NULL
	FROM lesion, lesion_measure(mask) AS m), 'no image, no colours');
SELECT ok((SELECT m.contrast > 10 AND m.colour_variance > 0 AND m.colour_asymmetry > 0 FROM lesion,
	lesion_measure(mask, image) AS m),
	'an image has colours');
SELECT ok((SELECT cardinality(m.border_sharpness) = 8 AND 0 < ALL (m.border_sharpness) FROM lesion,
	lesion_measure(mask, image) AS m),
	'the border is sharp in eight sectors');
SELECT ok((SELECT m.colour_count = cardinality(m.colours) AND m.colour_count > 0 FROM lesion,
	lesion_measure(mask, image) AS m),
	'colours are named');
SELECT ok((SELECT blurred.border_sharpness[1] < sharp.border_sharpness[1]
	FROM lesion, lesion_measure(mask, image) AS sharp, lesion_measure(mask, lesion_degrade(image,
	'blur', 5)) AS blurred),
	'a blurred border is less sharp');
SELECT ok((SELECT abs(a.contrast - b.contrast) < 1 AND a.area = b.area FROM lesion_synthetic(3, 400, 300) AS large,
	lesion_synthetic(3, 400, 300) AS small,
	lesion_measure(large.mask, large.image) AS a, lesion_measure(small.mask, lesion_degrade(small.image,
	'jpeg', 1)) AS b),
	'a JPEG is decoded as far as needed');
SELECT ok((SELECT m.contrast IS NULL AND m.border_sharpness[1] IS NULL FROM lesion,
	lesion_measure(drawn_mask('#### #### ####'), image) AS m), 'no skin, no contrast');

CREATE TEMP TABLE dicom AS SELECT decode(:'dicom', 'base64') AS image, s.mask FROM lesion_synthetic(1, 24, 18) AS s;
SELECT is((SELECT m.spacing FROM dicom, lesion_measure(mask, image) AS m), (SELECT i.pixel_spacing FROM dicom,
	lesion_dicom_info(image) AS i),
	'a DICOM image states its spacing');
SELECT is((SELECT m.spacing FROM dicom, lesion_measure(mask, image, '{1,2}') AS m), '{1,2}'::float8[],
	'which the argument overrules');
SELECT ok((SELECT abs(m.area_mm2 - m.area * i.pixel_spacing[1] * i.pixel_spacing[2]) < 1e-9
	FROM dicom, lesion_measure(mask, image) AS m, lesion_dicom_info(image) AS i), 'the area is in mm2');
SELECT is((SELECT m.spacing FROM lesion, lesion_measure(drawn_mask('.... .##. ....'), image, '{0.1,0.1}') AS m),
	'{5,5}'::float8[],
	'the spacing is of the image, the mask may be smaller');

SELECT throws_ok($$SELECT lesion_measure('no mask')$$, '22P03', NULL, 'no mask at all');
SELECT throws_ok($$SELECT lesion_measure(mask, 'no image') FROM lesion$$, '22P03', NULL, 'no image');
SELECT throws_ok($$SELECT lesion_measure(drawn_mask('#..'), image) FROM lesion$$, '22P03', NULL,
	'a mask of another shape');
SELECT throws_ok($$SELECT lesion_measure(mask, NULL, '{0}') FROM lesion$$, '22023', NULL, 'a spacing of 0');
SELECT throws_ok($$SELECT lesion_measure(mask, image, '{1e200}') FROM lesion$$, '22023',
	'pixel_spacing: pixels cannot be 1e+200 and 1e+200 apart', 'a spacing that no pixels have');
SELECT ok((SELECT bool_and(m.area_mm2 BETWEEN 1e-9 AND 1e15 AND m.contrast > 0) FROM lesion,
	unnest('{1e-6,1e4}'::float8[]) AS side, lesion_measure(mask, image, ARRAY[side]) AS m),
	'the smallest and the largest spacing give measures');
SELECT throws_ok($$SELECT lesion_follow(image, mask, image, mask, '{1e-200}') FROM lesion$$, '22023',
	'pixel_spacing: pixels cannot be 1e-200 and 1e-200 apart', 'a spacing of a visit that no pixels have');
SELECT throws_ok($$SELECT lesion_measure(mask, NULL, '{}') FROM lesion$$, '22023',
	'pixel_spacing is not one or two numbers', 'no spacing');

SELECT * FROM finish();
ROLLBACK;
