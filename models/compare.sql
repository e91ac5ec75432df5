-- The four architectures and their ensemble, side by side, on the test part of
-- a table: docs/comparison.md.
--
--   psql -d DATABASE -f models/compare.sql [-v images=archive] [-v id_column=id]
--        [-v folder=comparison] [-v epochs=30] [-v image_size=256]
--
-- A model that has no version yet (no weights came with the extension) is
-- trained first. Prints the table of scores, in percent, and writes a picture
-- (image, truth, prediction) of the best, the median and the worst case of
-- each model into the folder.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?images}
\else
	\set images archive
\endif
\if :{?id_column}
\else
	\set id_column id
\endif
\if :{?folder}
\else
	\set folder comparison
\endif
\if :{?epochs}
\else
	\set epochs 30
\endif
\if :{?image_size}
\else
	\set image_size 256
\endif
\setenv FOLDER :folder

-- Each step says how far it is in NOTICEs.
\set VERBOSITY terse

-- Train what is not there.
SELECT format('CALL lesion_retrain(%L, %L, epochs => %s, id_column => %L, image_size => %s, batch_size => 16)',
	:'images', model, :'epochs', :'id_column', :'image_size')
FROM lesion_models WHERE bundled AND architecture <> 'ensemble' AND version IS NULL ORDER BY model
\gexec

\echo Weighing the members of the ensemble ...
-- The ensemble of all four, weighed on the validation rows. A table without any
-- leaves the weights equal.
SELECT format('SELECT lesion_model_create(%L, %L, %L)', 'four', 'ensemble',
	jsonb_build_object('members', (SELECT jsonb_agg(model ORDER BY model) FROM lesion_models
		WHERE bundled AND architecture <> 'ensemble')))
WHERE NOT EXISTS (SELECT FROM lesion_models WHERE model = 'four')
\gexec
SELECT version, members, weights, threshold, n AS validation_images
FROM lesion_ensemble_fit('four', :'images', id_column => :'id_column');

\echo Scoring the networks and the ensemble ...
-- Score them, and the ensemble with test-time augmentation too.
CREATE TEMP TABLE scored AS
SELECT e.*
FROM (SELECT model, false AS tta FROM lesion_models
		WHERE bundled AND architecture <> 'ensemble' OR model = 'four'
	UNION ALL SELECT 'four', true) AS task,
	LATERAL lesion_evaluate(:'images', task.model, id_column => :'id_column', tta => task.tta) AS e;

\echo
\echo 'Scores on the test part, percent'
SELECT b.model || CASE WHEN b.options ? 'tta' THEN ', tta' ELSE '' END AS model, b.version, b.n,
	round(100 * b.dice::numeric, 1) AS "mean Dice", round(100 * b.iou::numeric, 1) AS "pooled IoU",
	round(100 * b.jaccard::numeric, 1) AS "mean Jaccard", round(100 * b.f1::numeric, 1) AS "pooled F1",
	round(100 * b.threshold_jaccard::numeric, 1) AS "mean thresholded Jaccard",
	round(b.images_per_second::numeric, 1) AS "images/s"
FROM lesion_leaderboard b
JOIN scored s ON (s.model, s.version, s.images, s.subset, s.evaluated_at) = (b.model, b.version, b.images, b.subset, b.evaluated_at)
ORDER BY b.dice DESC;

\echo Drawing the best, median and worst case of each ...
-- The figure: a file for each case, with its Dice in its name.
\pset tuples_only on
\pset format unaligned
\pset fieldsep ' '
WITH ranked AS (
	SELECT s.model, i.id, i.dice, row_number() OVER (PARTITION BY s.model ORDER BY i.dice DESC, i.id) AS place,
		count(*) OVER (PARTITION BY s.model) AS n
	FROM scored s JOIN lesion_image_score i USING (evaluation) WHERE NOT s.options ? 'tta'),
picked AS (
	SELECT model, id, dice, c.name FROM ranked,
		LATERAL (VALUES ('best', 1), ('median', (n + 1) / 2), ('worst', n)) AS c (name, at) WHERE place = c.at)
SELECT format('%s-%s-%s', p.model, p.name, round(100 * p.dice::numeric)),
	replace(encode(lesion_panel(a.image, a.mask, lesion_segment(a.image, p.model)), 'base64'), E'\n', '')
FROM picked p JOIN :images a ON a.:"id_column"::text = p.id
\g |mkdir -p "$FOLDER" && while read -r name data; do echo "$data" | base64 -d >"$FOLDER/$name.png"; done
\echo Pictures are in :folder
