-- Outlines: lesion_boundary on masks whose distances are known.
BEGIN;
SELECT plan(9);

CREATE TEMP TABLE pair AS
SELECT a.mask AS one, b.mask AS two FROM lesion_synthetic(1, 96, 64) AS a, lesion_synthetic(2, 96, 64) AS b;

SELECT is((SELECT (b.hausdorff95, b.assd, b.surface_dice) FROM pair, lesion_boundary(one, one) AS b),
	(0::float8, 0::float8, 1::float8), 'a mask is at no distance from itself');
SELECT ok((SELECT b.hausdorff95 > b.assd AND b.assd > 0 AND b.surface_dice BETWEEN 0 AND 1
	FROM pair, lesion_boundary(one, two) AS b), 'two lesions are apart');
SELECT is((SELECT b.hausdorff95 FROM pair, lesion_boundary(one, two) AS b),
	(SELECT b.hausdorff95 FROM pair, lesion_boundary(two, one) AS b),
	'the distance is the same both ways');
SELECT ok((SELECT abs(mm.hausdorff95 / px.hausdorff95 - 0.05) < 1e-12 AND abs(mm.assd / px.assd - 0.05) < 1e-12
	AND mm.surface_dice = px.surface_dice
	FROM pair, lesion_boundary(one, two) AS px, lesion_boundary(one, two, '{0.05}') AS mm),
	'in millimetres where a spacing is given');
SELECT is((SELECT surface_dice FROM pair, lesion_boundary(one, two, NULL, 1000)), 1::float8,
	'all is within a wide tolerance');
SELECT ok((SELECT b IS NULL FROM pair, lesion_boundary(one, NULL) AS b), 'no mask, no figures');
SELECT throws_ok($$SELECT lesion_boundary(one, two, '{0.1,0}') FROM pair$$, '22023', NULL, 'a spacing of 0');
SELECT throws_ok($$SELECT lesion_boundary(one, two, '{1,1,1}') FROM pair$$, '22023',
	'pixel_spacing is not one or two numbers', 'three spacings');
SELECT throws_ok($$SELECT lesion_boundary(one, two, NULL, -1) FROM pair$$, '22023', NULL, 'a negative tolerance');

SELECT * FROM finish();
ROLLBACK;
