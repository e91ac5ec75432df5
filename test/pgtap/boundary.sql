-- Outlines: the distances in lesion_metrics, on masks whose distances are known.
BEGIN;
\ir ../data/drawn_mask.sql
SELECT plan(20);

CREATE TEMP TABLE pair AS
SELECT a.mask AS one, b.mask AS two FROM lesion_synthetic(1, 96, 64) AS a, lesion_synthetic(2, 96, 64) AS b;

SELECT is((SELECT (b.hausdorff95, b.assd, b.surface_dice) FROM pair, lesion_metrics(one, one) AS b),
	(0::float8, 0::float8, 1::float8), 'a mask is at no distance from itself');
SELECT is((SELECT (b.hausdorff95, b.assd, b.surface_dice)::text
	FROM lesion_metrics(drawn_mask('#... .... ....'), drawn_mask('.... .... ...#')) AS b),
	'(3.605551275463989,3.605551275463989,0)', 'two pixels');
SELECT is((SELECT (b.hausdorff95, b.assd, b.surface_dice)::text
	FROM lesion_metrics(drawn_mask('.... ....'), drawn_mask('.... ...#')) AS b), '(,,0)',
	'no distance to an empty mask');
SELECT is((SELECT (b.hausdorff95, b.assd, b.surface_dice)::text
	FROM lesion_metrics(drawn_mask('.... ....'), drawn_mask('.... ....')) AS b), '(0,0,1)',
	'two empty masks are equal');
SELECT ok((SELECT b.hausdorff95 > b.assd AND b.assd > 0 AND b.surface_dice BETWEEN 0 AND 1
	FROM pair, lesion_metrics(one, two) AS b), 'two lesions are apart');
SELECT is((SELECT b.hausdorff95 FROM pair, lesion_metrics(one, two) AS b),
	(SELECT b.hausdorff95 FROM pair, lesion_metrics(two, one) AS b), 'the distance is the same both ways');
SELECT ok((SELECT abs(mm.hausdorff95 / px.hausdorff95 - 0.05) < 1e-12 AND abs(mm.assd / px.assd - 0.05) < 1e-12
		AND mm.surface_dice = px.surface_dice
	FROM pair, lesion_metrics(one, two) AS px, lesion_metrics(one, two, '{0.05}') AS mm),
	'in mm where a spacing is given');
SELECT is((SELECT surface_dice FROM pair, lesion_metrics(one, two, NULL, 1000)), 1::float8,
	'all is within a wide tolerance');
SELECT ok((SELECT b IS NULL FROM pair, lesion_metrics(one, NULL) AS b), 'no mask, no figures');
SELECT throws_ok($$SELECT lesion_metrics(one, two, '{0.1,0}') FROM pair$$, '22023', NULL, 'a spacing of 0');
SELECT throws_ok($$SELECT lesion_metrics(one, two, '{1,1,1}') FROM pair$$, '22023',
	'pixel_spacing is not one or two numbers', 'three spacings');
SELECT throws_ok($$SELECT lesion_metrics(one, two, '{NULL}') FROM pair$$, '22023',
	'pixel_spacing is not one or two numbers', 'a spacing of NULL');
SELECT throws_ok(format('SELECT lesion_metrics(one, two, %L) FROM pair', spacing), '22023',
	'pixel_spacing: pixels cannot be ' || said || ' apart', 'a spacing of ' || spacing)
FROM (VALUES ('{1e200}', '1e+200 and 1e+200'), ('{1e-200}', '1e-200 and 1e-200'), ('{0.01,11}', '0.01 and 11'))
	AS odd (spacing, said);
SELECT ok((SELECT m.hausdorff95 < 1e9 AND m.assd > 0 FROM pair, lesion_metrics(one, two, '{10000,10}') AS m),
	'the largest spacing and the largest ratio');
SELECT throws_ok(format('SELECT lesion_metrics(one, two, NULL, %L) FROM pair', tolerance), '22023',
	'a tolerance of ' || tolerance || ' is not possible', 'a tolerance of ' || tolerance)
FROM (VALUES ('-1'), ('0'), ('Infinity'), ('NaN')) AS odd (tolerance);

SELECT * FROM finish();
ROLLBACK;
