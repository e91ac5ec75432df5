-- lesionseg 0.1: segment, train and score skin-lesion images inside the database.
--
-- Sections: Settings, Images, Scores, Models. C functions take everything
-- they need as arguments; SQL bodies name their objects through @extschema@,
-- so no search_path can change what they mean.

\echo Use "CREATE EXTENSION lesionseg" to load this file. \quit

-- ==== Settings ====
--
-- lesionseg.max_memory, .max_pixels, .threads, .backend, .precision,
-- .default_model and .model_cache are defined by the library when it is
-- loaded, at the first call of one of its functions in a session.

-- ==== Images ====
--
-- Costs are in units of cpu_operator_cost (about 25 ns): reading a header is
-- cheap, decoding an image is some ten thousand operators' worth, and the
-- planner should know that a parallel plan pays.

CREATE FUNCTION lesion_image_info(image bytea,
	OUT format text, OUT width int, OUT height int, OUT channels int, OUT bits int)
AS 'MODULE_PATHNAME', 'lesion_image_info'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;

COMMENT ON FUNCTION lesion_image_info(bytea) IS
'what an image''s header says: format (png, jpeg or bmp), width and height in pixels as shown, stored channels and bits per channel';

CREATE FUNCTION lesion_synthetic(seed bigint, width int DEFAULT 256, height int DEFAULT 256, severity int DEFAULT 0,
	OUT image bytea, OUT mask bytea)
AS 'MODULE_PATHNAME', 'lesion_synthetic'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500000;

COMMENT ON FUNCTION lesion_synthetic(bigint, int, int, int) IS
'a rendered dermoscopic lesion and its exact mask, both PNG; severity 0 to 5 adds noise, blur, uneven light and hairs';

CREATE FUNCTION lesion_overlay(image bytea, mask bytea, truth bytea DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_overlay'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_overlay(bytea, bytea, bytea) IS
'the image as PNG with the outline of the mask, and of the truth where one is given, drawn on it';

CREATE FUNCTION lesion_panel(image bytea, truth bytea, predicted bytea)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_panel'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_panel(bytea, bytea, bytea) IS
'image, true mask and predicted mask side by side, as PNG';

-- ==== Scores ====

CREATE FUNCTION lesion_dice(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_dice(bytea, bytea) IS
'Dice coefficient of one predicted mask, 2TP / (2TP + FP + FN), 0 to 1; 1 where both masks are empty';

CREATE FUNCTION lesion_f1(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_f1(bytea, bytea) IS
'F1 score of one predicted mask, the same figure as lesion_dice';

CREATE FUNCTION lesion_jaccard(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_jaccard'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_jaccard(bytea, bytea) IS
'Jaccard index of one predicted mask, TP / (TP + FP + FN), 0 to 1; 1 where both masks are empty';

CREATE FUNCTION lesion_iou(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_jaccard'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_iou(bytea, bytea) IS
'intersection over union of one predicted mask, the same figure as lesion_jaccard';

CREATE FUNCTION lesion_metrics(predicted bytea, truth bytea,
	OUT dice float8, OUT iou float8, OUT jaccard float8, OUT f1 float8, OUT threshold_jaccard float8,
	OUT sensitivity float8, OUT specificity float8, OUT "precision" float8, OUT accuracy float8,
	OUT true_positive bigint, OUT false_positive bigint, OUT false_negative bigint, OUT true_negative bigint)
AS 'MODULE_PATHNAME', 'lesion_metrics'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_metrics(bytea, bytea) IS
'every score of one predicted mask and the pixel counts behind them';

CREATE TYPE lesion_score_result AS (
	n bigint,
	dice float8,
	iou float8,
	jaccard float8,
	f1 float8,
	threshold_jaccard float8,
	sensitivity float8,
	specificity float8,
	precision float8,
	accuracy float8,
	true_positive bigint,
	false_positive bigint,
	false_negative bigint,
	true_negative bigint,
	skipped bigint
);

COMMENT ON TYPE lesion_score_result IS 'the scores of a data set';
COMMENT ON COLUMN lesion_score_result.n IS 'images scored';
COMMENT ON COLUMN lesion_score_result.dice IS 'mean of the images'' Dice';
COMMENT ON COLUMN lesion_score_result.iou IS 'TP / (TP + FP + FN) over all pixels of all images';
COMMENT ON COLUMN lesion_score_result.jaccard IS 'mean of the images'' Jaccard';
COMMENT ON COLUMN lesion_score_result.f1 IS '2TP / (2TP + FP + FN) over all pixels of all images';
COMMENT ON COLUMN lesion_score_result.threshold_jaccard IS
'mean of the images'' Jaccard, values below 0.65 counted as 0';
COMMENT ON COLUMN lesion_score_result.sensitivity IS 'mean of the images'' TP / (TP + FN)';
COMMENT ON COLUMN lesion_score_result.specificity IS 'mean of the images'' TN / (TN + FP)';
COMMENT ON COLUMN lesion_score_result.precision IS 'mean of the images'' TP / (TP + FP)';
COMMENT ON COLUMN lesion_score_result.accuracy IS 'mean of the images'' (TP + TN) / all pixels';
COMMENT ON COLUMN lesion_score_result.true_positive IS 'pixels of all images: lesion in both masks';
COMMENT ON COLUMN lesion_score_result.false_positive IS 'pixels of all images: lesion in the predicted mask alone';
COMMENT ON COLUMN lesion_score_result.false_negative IS 'pixels of all images: lesion in the true mask alone';
COMMENT ON COLUMN lesion_score_result.true_negative IS 'pixels of all images: lesion in neither mask';
COMMENT ON COLUMN lesion_score_result.skipped IS 'rows left out because one of the masks is NULL';

-- The state is an array, not internal: it can be sent to parallel workers,
-- through partition-wise plans and between servers as it is.

CREATE FUNCTION lesion_score_add(state bigint[], predicted bytea, truth bytea)
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'lesion_score_add'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_score_add(bigint[], bytea, bytea) IS
'transition function of lesion_score: the state with one image added';

CREATE FUNCTION lesion_score_combine(state bigint[], other bigint[])
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'lesion_score_combine'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_score_combine(bigint[], bigint[]) IS
'combine function of lesion_score: the images of both states';

CREATE FUNCTION lesion_score_final(state bigint[])
RETURNS lesion_score_result
AS 'MODULE_PATHNAME', 'lesion_score_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_score_final(bigint[]) IS
'final function of lesion_score: the figures of a state';

CREATE AGGREGATE lesion_score(predicted bytea, truth bytea) (
	SFUNC = lesion_score_add,
	STYPE = bigint[],
	SSPACE = 136,
	COMBINEFUNC = lesion_score_combine,
	FINALFUNC = lesion_score_final,
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_score(bytea, bytea) IS
'scores of a data set: means over images, and iou and f1 pooled over all pixels; rows with a NULL mask are skipped and counted';

-- ==== Models ====
