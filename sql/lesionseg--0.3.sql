-- lesionseg 0.3: segment, train and score skin-lesion images inside the database.
--
-- Sections: Settings, Images, Enhancement, Scores, Models. C functions take everything
-- they need as arguments; SQL bodies are parsed here, so no search_path can
-- change what they mean later. Here, others may have made operators and functions
-- in the schema that this goes to: operands have the types of one of pg_catalog's
-- operators, casts where need be, and calls give every argument.

\echo Use "CREATE EXTENSION lesionseg" to load this file. \quit

-- ==== Settings ====
--
-- lesionseg.max_memory, .max_pixels, .threads, .backend, .precision,
-- .default_model and .model_cache are defined by the library when it is
-- loaded, at the first call of one of its functions in a session.

CREATE FUNCTION lesion_options(OUT argument text, OUT key text, OUT default_value text, OUT takes text,
	OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_options'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 60;

COMMENT ON FUNCTION lesion_options() IS
'every key that config, options and augment take: its default, what it takes and what it means';

CREATE FUNCTION lesion_engine(OUT backend text, OUT "precision" text, OUT instructions text, OUT threads int)
AS 'MODULE_PATHNAME', 'lesion_engine'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION lesion_engine() IS
'what networks are computed by in this session: backend and precision that auto stands for, instruction set, threads';

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
'what an image''s header says: format (png, jpeg, bmp or dicom), width and height in pixels as shown, '
'stored channels and bits per channel';

CREATE FUNCTION lesion_image_work(image bytea)
RETURNS bigint
AS 'MODULE_PATHNAME', 'lesion_image_work'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 400;

COMMENT ON FUNCTION lesion_image_work(bytea) IS
'what it takes to decode an image, by its header, in pixels of a grey image of 8 bits; NULL where the first 128 kB '
'hold no header of an image, or one above lesionseg.max_pixels';

CREATE FUNCTION lesion_image_error(image bytea)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_image_error'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION lesion_image_error(bytea) IS
'what is wrong with an image, decoded as a whole, and what to do; NULL where nothing is';

CREATE FUNCTION lesion_mask_error(mask bytea, image bytea DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_mask_error'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION lesion_mask_error(bytea, bytea) IS
'what is wrong with a mask, alone or as the mask of an image, and what to do; NULL where nothing is';

CREATE FUNCTION lesion_mask_fits(mask bytea, image bytea)
RETURNS boolean
AS 'MODULE_PATHNAME', 'lesion_mask_fits'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 400;

COMMENT ON FUNCTION lesion_mask_fits(bytea, bytea) IS
'whether a mask has the shape of an image, by their headers alone: false where the mask has none, NULL where the image '
'has none';

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

CREATE FUNCTION lesion_overlay(image bytea, mask bytea, truth bytea, legend boolean)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_overlay'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_overlay(bytea, bytea, bytea, boolean) IS
'the same with a legend below it, and a scale bar where the image states a spacing';

CREATE FUNCTION lesion_panel(image bytea, truth bytea, predicted bytea)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_panel'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_panel(bytea, bytea, bytea) IS
'image, true mask and predicted mask side by side, as PNG';

CREATE FUNCTION lesion_probability_picture(image bytea, probability bytea)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_probability_picture'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_probability_picture(bytea, bytea) IS
'an image and the probabilities that lesion_segment_detail gives for it side by side, as PNG, with a scale of the '
'colours, and a scale bar where the image states a spacing';

-- ==== DICOM ====

CREATE FUNCTION lesion_dicom_info(dicom bytea,
	OUT sop_class text, OUT sop_instance text, OUT series text, OUT study text, OUT patient text, OUT modality text,
	OUT transfer_syntax text, OUT frames int, OUT width int, OUT height int, OUT photometric text,
	OUT pixel_spacing float8[], OUT acquired_at timestamp, OUT spacing_from text, OUT manufacturer text)
AS 'MODULE_PATHNAME', 'lesion_dicom_info'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 400;

COMMENT ON FUNCTION lesion_dicom_info(bytea) IS
'what a DICOM file''s header says: UIDs, patient number, size and, in mm, '
'the distance of rows and of columns with the attribute it is from; manufacturer';

CREATE FUNCTION lesion_dicom_tags(dicom bytea)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'lesion_dicom_tags'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION lesion_dicom_tags(bytea) IS
'the attributes of a DICOM file in the DICOM JSON model (PS3.18 annex F), without bulk data';

CREATE FUNCTION lesion_dicom_frame(dicom bytea, frame int DEFAULT 1)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_dicom_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_dicom_frame(bytea, int) IS 'one frame of a DICOM file as PNG, counted from 1';

CREATE FUNCTION lesion_dicom_mask(seg bytea, segment int DEFAULT 1)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_dicom_mask'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_dicom_mask(bytea, int) IS 'the mask in a DICOM segmentation, as PNG';

CREATE FUNCTION lesion_dicom_seg(source bytea, mask bytea, model text DEFAULT NULL, version int DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_dicom_seg'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_dicom_seg(bytea, bytea, text, int) IS
'a DICOM segmentation in the study of its source, a DICOM image; '
'model: who made the mask (version NULL: the active one), NULL: a person';

CREATE FUNCTION lesion_dicom_picture(source bytea, picture bytea, description text DEFAULT NULL,
	model text DEFAULT NULL, version int DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_dicom_picture'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 300000;

COMMENT ON FUNCTION lesion_dicom_picture(bytea, bytea, text, text, int) IS
'a picture as a DICOM secondary capture in the study of its source, '
'with "AI, not for diagnosis" and the model burned in below';

CREATE FUNCTION lesion_dicom_report(source bytea, seg bytea, model text DEFAULT NULL, version int DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_dicom_report'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_dicom_report(bytea, bytea, text, int) IS
'a DICOM measurement report (TID 1500) on a source image and what lesion_dicom_seg made of it: '
'area and diameters where the spacing is known';

-- ==== Enhancement ====

CREATE FUNCTION lesion_degrade(image bytea, kind text, severity int, seed bigint DEFAULT 0)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_degrade'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 300000;

COMMENT ON FUNCTION lesion_degrade(bytea, text, int, bigint) IS
'the image made worse in one way, in its own format: kind from lesion_degradations(), '
'severity 1 (slight) to 5 (severe)';

CREATE FUNCTION lesion_degradations(OUT kind text, OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_degradations'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 13;

COMMENT ON FUNCTION lesion_degradations() IS
'the ways in which lesion_degrade makes an image worse';

CREATE FUNCTION lesion_quality(image bytea,
	OUT sharpness float8, OUT noise float8, OUT contrast float8, OUT brightness float8, OUT unevenness float8,
	OUT colour_cast float8, OUT hair float8, OUT resolution float8, OUT glare float8, OUT ink float8,
	OUT blocking float8, OUT score float8, OUT issues text[])
AS 'MODULE_PATHNAME', 'lesion_quality'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 300000;

COMMENT ON FUNCTION lesion_quality(bytea) IS
'how good a photograph is: measures of detail, noise, light, colour and what lies on the skin, '
'a score from 0 (bad) to 1 (good) and what is wrong with it in words';

CREATE FUNCTION lesion_enhance(image bytea, steps text[] DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_enhance'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 600000;

COMMENT ON FUNCTION lesion_enhance(bytea, text[], jsonb) IS
'the image made better by the given steps, in their order, or by those its quality asks for; in its own format';

CREATE FUNCTION lesion_enhance_plan(image bytea, OUT step text, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_enhance_plan'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 400000 ROWS 2;

COMMENT ON FUNCTION lesion_enhance_plan(bytea) IS
'the steps that lesion_enhance would take by itself, in their order, and why; no row for a good image';

-- ==== Scores ====

CREATE FUNCTION lesion_dice(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_dice(bytea, bytea) IS
'Dice coefficient of one predicted mask, 2TP / (2TP + FP + FN), 0 to 1; 1 where both masks are empty';

CREATE FUNCTION lesion_dice_or_null(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice_or_null'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_dice_or_null(bytea, bytea) IS
'as lesion_dice, but NULL where a mask cannot be read, is above a limit, or has another shape than the other';

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

CREATE FUNCTION lesion_metrics(predicted bytea, truth bytea, pixel_spacing float8[] DEFAULT NULL,
	tolerance float8 DEFAULT NULL,
	OUT dice float8, OUT iou float8, OUT jaccard float8, OUT f1 float8, OUT threshold_jaccard float8,
	OUT sensitivity float8, OUT specificity float8, OUT "precision" float8, OUT accuracy float8,
	OUT true_positive bigint, OUT false_positive bigint, OUT false_negative bigint, OUT true_negative bigint,
	OUT hausdorff95 float8, OUT assd float8, OUT surface_dice float8)
AS 'MODULE_PATHNAME', 'lesion_metrics'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION lesion_metrics(bytea, bytea, float8[], float8) IS
'every score of one predicted mask, the pixel counts behind them, and the distances of the outlines, in pixels of the '
'truth or in the unit of pixel_spacing';

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
COMMENT ON COLUMN lesion_score_result.jaccard IS 'mean of the images'' Jaccard';
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
	SSPACE = 184,
	COMBINEFUNC = lesion_score_combine,
	FINALFUNC = lesion_score_final,
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_score(bytea, bytea) IS
'scores of a data set: means over images, and iou and f1 pooled over all pixels; '
'rows with a NULL mask are skipped and counted';

-- The state itself, to be sent, and states of other servers in one result.

CREATE AGGREGATE lesion_score_state(predicted bytea, truth bytea) (
	SFUNC = lesion_score_add,
	STYPE = bigint[],
	SSPACE = 184,
	COMBINEFUNC = lesion_score_combine,
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_score_state(bytea, bytea) IS
'the state of lesion_score over some rows, for lesion_score_merge to add to those of other servers';

CREATE AGGREGATE lesion_score_merge(state bigint[]) (
	SFUNC = lesion_score_combine,
	STYPE = bigint[],
	SSPACE = 184,
	COMBINEFUNC = lesion_score_combine,
	FINALFUNC = lesion_score_final,
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_score_merge(bigint[]) IS
'the scores of all rows whose states lesion_score_state returned, equal to lesion_score over them in one place';

-- ==== Measures ====

CREATE FUNCTION lesion_measure(mask bytea, image bytea DEFAULT NULL, pixel_spacing float8[] DEFAULT NULL,
	OUT components int, OUT area float8, OUT perimeter float8, OUT equivalent_diameter float8,
	OUT largest_diameter float8, OUT smallest_diameter float8, OUT major_axis float8, OUT minor_axis float8,
	OUT centroid_x float8, OUT centroid_y float8, OUT orientation float8, OUT eccentricity float8,
	OUT circularity float8, OUT solidity float8,
	OUT irregularity float8, OUT fractal_dimension float8, OUT asymmetry_major float8, OUT asymmetry_minor float8,
	OUT spacing float8[], OUT area_mm2 float8, OUT perimeter_mm float8, OUT equivalent_diameter_mm float8,
	OUT largest_diameter_mm float8, OUT smallest_diameter_mm float8, OUT major_axis_mm float8, OUT minor_axis_mm float8,
	OUT colour_asymmetry float8, OUT border_sharpness float8[], OUT colour_count int, OUT colours text[],
	OUT colour_variance float8, OUT contrast float8)
AS 'MODULE_PATHNAME', 'lesion_measure'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION lesion_measure(bytea, bytea, float8[]) IS
'size, form, asymmetry and, from the image, colours and border of the largest lesion in a mask; '
'in mm where a spacing is known';

CREATE FUNCTION lesion_crop(image bytea, mask bytea, margin float8 DEFAULT 0.1)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_crop'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_crop(bytea, bytea, float8) IS
'the part of an image with the largest lesion of its mask, in the image''s format; '
'margin: on every side, as a share of the lesion''s longer side';

CREATE FUNCTION lesion_skin_tone(image bytea, mask bytea,
	OUT ita float8, OUT category text, OUT lightness float8, OUT b float8, OUT pixels bigint)
AS 'MODULE_PATHNAME', 'lesion_skin_tone'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_skin_tone(bytea, bytea) IS
'the individual typology angle of the skin around a lesion, in degrees, its category, and how many pixels it rests on';

CREATE FUNCTION lesion_segment_classical(image bytea, method text DEFAULT 'otsu', options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_segment_classical'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_segment_classical(bytea, text, jsonb) IS
'the mask of a lesion found without training: by otsu, adaptive, kmeans, region_growing or chan_vese';

CREATE FUNCTION lesion_follow(image_before bytea, mask_before bytea, image_after bytea, mask_after bytea,
	pixel_spacing float8[] DEFAULT NULL,
	OUT sure boolean, OUT confidence float8, OUT area_before float8, OUT area_after float8, OUT change_percent float8,
	OUT new_pixels bigint, OUT gone_pixels bigint, OUT change_mm2 float8, OUT common float8, OUT rotation float8,
	OUT scale float8, OUT shift_x float8, OUT shift_y float8)
AS 'MODULE_PATHNAME', 'lesion_follow'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION lesion_follow(bytea, bytea, bytea, bytea, float8[]) IS
'what has become of a lesion between two photographs, which are registered first; '
'areas are in pixels of the first, and NULL where the registration is not sure';

CREATE FUNCTION lesion_follow_picture(image_before bytea, mask_before bytea, image_after bytea, mask_after bytea)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_follow_picture'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION lesion_follow_picture(bytea, bytea, bytea, bytea) IS
'two photographs of a lesion side by side, the second turned the way the first is, '
'with the outlines of both masks on it';

CREATE FUNCTION lesion_visits(images regclass, group_column text, date_column text, one_lesion text DEFAULT NULL,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	model text DEFAULT NULL, pixel_spacing float8[] DEFAULT NULL,
	OUT lesion text, OUT visit int, OUT id text, OUT visited timestamp, OUT area float8, OUT area_mm2 float8,
	OUT sure boolean, OUT confidence float8, OUT change_percent float8, OUT change_mm2 float8,
	OUT growth_per_month float8, OUT first_sure boolean, OUT first_confidence float8,
	OUT first_change_percent float8, OUT first_change_mm2 float8, OUT first_growth_per_month float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_visits'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 10000000 ROWS 100;

COMMENT ON FUNCTION lesion_visits(regclass, text, text, text, text, text, text, text, float8[]) IS
'the photographs of each lesion of a table by date: area, change since the visit before and since the first, '
'growth a month in percent, and how sure that is';

-- ==== Models ====
--
-- A model is a name; its versions hold weights and never change; the latest
-- promotion of a model says which version is active. Rows that came with the
-- extension stay out of dumps (CREATE EXTENSION makes them again), so models
-- are keyed by name, and versions that came with the extension are numbered
-- 0 and below: nothing in a dump can collide with them.
--
-- Rows refer to rows of other tables, and go with them, but no foreign key says
-- so: these tables exist before a restore fills them, in any order. Triggers
-- keep the same rules (src/pg/models/references.c). Every table has a key, so
-- that a publication of all tables stops nothing.
--
-- All functions run with the rights of their caller. Anyone may read these
-- tables, and so segment; who may train, evaluate, promote or drop is said
-- by plain GRANTs on them (docs/sql-reference.md, "Privileges").

CREATE TABLE lesion_model (
	name text PRIMARY KEY
		CHECK (char_length(name) BETWEEN 1 AND 63),
	architecture text NOT NULL,
	config jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(config) = 'object'),
	bundled boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT current_user,
	CHECK (NOT bundled OR name = architecture OR name = 'lesion' AND architecture = 'ensemble'),
	CHECK (bundled OR name NOT IN ('unet', 'linknet', 'convmixer', 'maskrcnn', 'ensemble'))
);

COMMENT ON TABLE lesion_model IS 'models: a name, an architecture and how it is configured';
COMMENT ON COLUMN lesion_model.config IS 'width and depth of the network; a key that is absent has its default';
COMMENT ON COLUMN lesion_model.bundled IS
'made by CREATE EXTENSION; such a model takes a new config with each version';

CREATE TABLE lesion_run (
	run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL,
	version int,
	state text NOT NULL
		CHECK (state IN ('running', 'finished', 'cancelled', 'failed', 'lost')),
	error text,
	sqlstate text,
	stopped_by text CHECK (stopped_by IN ('patience', 'max_minutes')),
	images text NOT NULL,
	epochs int NOT NULL CHECK (epochs >= 1),
	seed bigint NOT NULL,
	options jsonb NOT NULL,
	training_images int CHECK (training_images >= 0),
	validation_images int CHECK (validation_images >= 0),
	test_images int CHECK (test_images >= 0),
	skipped int CHECK (skipped >= 0),
	broken int CHECK (broken >= 0),
	data_sha256 bytea,
	best_epoch int,
	seconds float8,
	images_per_second float8,
	pid int,
	resumed int NOT NULL DEFAULT 0,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	started_by text NOT NULL DEFAULT current_user,
	masks jsonb,
	CHECK ((state = 'finished') = (version IS NOT NULL)),
	CHECK ((state = 'running') = (finished_at IS NULL))
);

CREATE INDEX ON lesion_run (model);

COMMENT ON TABLE lesion_run IS 'training runs; see the view lesion_runs for their true state';
COMMENT ON COLUMN lesion_run.state IS 'as last written: ''running'' may mean lost, which lesion_runs tells apart';
COMMENT ON COLUMN lesion_run.error IS 'what ended a run that was cancelled or failed, sqlstate likewise';
COMMENT ON COLUMN lesion_run.stopped_by IS 'the argument of lesion_retrain that ended it before its last epoch';
COMMENT ON COLUMN lesion_run.version IS 'the version the run made';
COMMENT ON COLUMN lesion_run.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_run.options IS 'everything the run was asked for';
COMMENT ON COLUMN lesion_run.test_images IS 'images of the test part, which training never looks at';
COMMENT ON COLUMN lesion_run.skipped IS 'rows left out because id, image or mask is NULL';
COMMENT ON COLUMN lesion_run.broken IS 'rows left out because image or mask cannot be used';
COMMENT ON COLUMN lesion_run.data_sha256 IS 'digest of all that training and validation saw: ids, images and masks';
COMMENT ON COLUMN lesion_run.images_per_second IS 'training alone, mean over epochs';
COMMENT ON COLUMN lesion_run.pid IS 'server process of the run';
COMMENT ON COLUMN lesion_run.resumed IS 'times it went on after it was stopped';
COMMENT ON COLUMN lesion_run.masks IS
'the masks of all parts: count, mean share of lesion, how many are empty, full, more than half lesion, look inverted, '
'and of each kind';

CREATE TABLE lesion_version (
	model text NOT NULL,
	number int NOT NULL,
	config jsonb NOT NULL,
	weights bytea NOT NULL,
	sha256 bytea NOT NULL CHECK (sha256 = pg_catalog.sha256(weights)),
	image_size int NOT NULL CHECK (image_size > 0),
	threshold float8 NOT NULL DEFAULT 0.5 CHECK (threshold > 0::float8 AND threshold < 1::float8),
	split_seed bigint NOT NULL DEFAULT 0,
	test_fraction float8 NOT NULL DEFAULT 0.2 CHECK (test_fraction >= 0::float8 AND test_fraction < 1::float8),
	run bigint,
	metadata jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(metadata) = 'object'),
	extension_version text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT current_user,
	temperature float8 NOT NULL DEFAULT 1 CHECK (temperature > 0::float8 AND temperature < 'infinity'),
	review_below float8 NOT NULL DEFAULT 0.85 CHECK (review_below >= 0::float8 AND review_below <= 1::float8),
	enhance text NOT NULL DEFAULT 'off' CHECK (enhance IN ('off', 'auto', 'always')),
	split_columns text[],
	validation_fraction float8 NOT NULL DEFAULT 0.1
		CHECK (validation_fraction >= 0::float8 AND validation_fraction < 1::float8),
	image_digests bytea,
	images_unknown boolean NOT NULL DEFAULT false,
	fold int NOT NULL DEFAULT 0 CHECK (fold >= 0),
	dice_coefficients float8[] CHECK (pg_catalog.cardinality(dice_coefficients) = 6
		AND 'infinity' <> ALL (dice_coefficients)
		AND '-infinity' <> ALL (dice_coefficients) AND 'NaN' <> ALL (dice_coefficients)),
	PRIMARY KEY (model, number)
);

-- Weights and digests do not compress; EXTERNAL saves the attempt at every reading.
ALTER TABLE lesion_version ALTER COLUMN weights SET STORAGE EXTERNAL;
ALTER TABLE lesion_version ALTER COLUMN image_digests SET STORAGE EXTERNAL;

CREATE INDEX ON lesion_version (run);

COMMENT ON TABLE lesion_version IS 'versions of models; a row is never changed';
COMMENT ON COLUMN lesion_version.number IS 'from 1 on; 0 and below came with the extension';
COMMENT ON COLUMN lesion_version.config IS 'the network''s config, every key present';
COMMENT ON COLUMN lesion_version.weights IS 'a safetensors file';
COMMENT ON COLUMN lesion_version.image_size IS 'pixels, width and height of the images the network sees';
COMMENT ON COLUMN lesion_version.threshold IS 'a pixel is lesion where its probability is above';
COMMENT ON COLUMN lesion_version.split_seed IS 'seed of the lesion_split that kept its test part away from training';
COMMENT ON COLUMN lesion_version.test_fraction IS 'test fraction of that lesion_split';
COMMENT ON COLUMN lesion_version.temperature IS
'logits are divided by it to get calibrated probabilities; 1 where it is not known';
COMMENT ON COLUMN lesion_version.review_below IS
'the review threshold: a mask needs review where its predicted Dice is below';
COMMENT ON COLUMN lesion_version.enhance IS
'how training enhanced its images, and segmentation does unless it is told otherwise: off, auto or always';
COMMENT ON COLUMN lesion_version.run IS 'the run that made it; NULL when it was imported, calibrated or averaged';
COMMENT ON COLUMN lesion_version.split_columns IS
'the columns whose text that lesion_split took for the id; {} the SHA-256 of the image; NULL where it is not known';
COMMENT ON COLUMN lesion_version.validation_fraction IS 'validation fraction of that lesion_split';
COMMENT ON COLUMN lesion_version.images_unknown IS
'was it trained on other images too, those of a version it started from, which are not known?';
COMMENT ON COLUMN lesion_version.image_digests IS
'of each image that it was trained on the first 8 bytes of the SHA-256, in order; NULL where they are not known';
COMMENT ON COLUMN lesion_version.fold IS
'which of 1 / test_fraction folds its test part is, from 1; 0: it is that of lesion_split';
COMMENT ON COLUMN lesion_version.dice_coefficients IS
'predicted_dice is the first + the others times expected Dice, core, doubt, area and scattered; '
'NULL where they are not known: the expected Dice is taken then';

CREATE FUNCTION lesion_version_immutable()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_version_immutable'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_version_immutable() IS 'refuses to change a version';

CREATE TRIGGER lesion_version_immutable BEFORE UPDATE ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_version_immutable();

CREATE TABLE lesion_promotion (
	promotion bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL,
	version int NOT NULL,
	reason text NOT NULL,
	promoted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	promoted_by text NOT NULL DEFAULT current_user
);

CREATE INDEX ON lesion_promotion (model, promotion);

COMMENT ON TABLE lesion_promotion IS 'which version of a model became active when; the latest one is';

CREATE TABLE lesion_epoch (
	run bigint NOT NULL,
	epoch int NOT NULL CHECK (epoch >= 1),
	train_loss float8 NOT NULL,
	val_loss float8,
	val_dice float8,
	learning_rate float8 NOT NULL,
	images_per_second float8 NOT NULL,
	seconds float8 NOT NULL,
	best boolean NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (run, epoch)
);

COMMENT ON TABLE lesion_epoch IS 'what each epoch of a training run came to';

-- Replaced after each epoch. It is for the machine that wrote it, and a run
-- begins anew without it, so it stays out of dumps.
CREATE TABLE lesion_checkpoint (
	run bigint PRIMARY KEY,
	epoch int NOT NULL CHECK (epoch >= 1),
	state bytea NOT NULL,
	engine text NOT NULL,
	saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE lesion_checkpoint ALTER COLUMN state SET STORAGE EXTERNAL;

COMMENT ON TABLE lesion_checkpoint IS 'where lesion_retrain goes on with a run that was stopped';
COMMENT ON COLUMN lesion_checkpoint.epoch IS 'the last one that was completed';
COMMENT ON COLUMN lesion_checkpoint.state IS 'weights, best weights and the optimiser''s moments';
COMMENT ON COLUMN lesion_checkpoint.engine IS
'what computed it: where this is the same, so are the weights, bit for bit';

CREATE TABLE lesion_evaluation (
	evaluation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL,
	version int,
	images text NOT NULL,
	subset text NOT NULL CHECK (subset IN ('test', 'validation', 'train', 'all')),
	split_seed bigint NOT NULL,
	test_fraction float8 NOT NULL,
	threshold float8,
	n bigint NOT NULL CHECK (n > 0),
	dice float8 NOT NULL,
	iou float8 NOT NULL,
	jaccard float8 NOT NULL,
	f1 float8 NOT NULL,
	threshold_jaccard float8 NOT NULL,
	sensitivity float8 NOT NULL,
	specificity float8 NOT NULL,
	"precision" float8 NOT NULL,
	accuracy float8 NOT NULL,
	skipped int NOT NULL,
	broken int NOT NULL,
	images_per_second float8 NOT NULL,
	seconds float8 NOT NULL,
	evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	evaluated_by text NOT NULL DEFAULT current_user,
	options jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(options) = 'object'),
	split_columns text[],
	validation_fraction float8 NOT NULL DEFAULT 0.1,
	seen bigint CHECK (seen >= 0::bigint),
	hausdorff95 float8,
	assd float8,
	surface_dice float8,
	no_distance bigint,
	by_column text,
	fold int NOT NULL DEFAULT 0,
	image_column text,
	mask_column text,
	id_column text,
	too_large bigint NOT NULL DEFAULT 0,
	viewed_as text,
	grouped boolean,
	kept_snapshot boolean NOT NULL DEFAULT false
);

CREATE INDEX ON lesion_evaluation (model, version);

COMMENT ON TABLE lesion_evaluation IS 'scores of a version on the rows of a table';
COMMENT ON COLUMN lesion_evaluation.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_evaluation.n IS 'images scored';
COMMENT ON COLUMN lesion_evaluation.skipped IS 'rows left out because id, image or mask is NULL';
COMMENT ON COLUMN lesion_evaluation.broken IS 'rows left out because image or mask cannot be used';
COMMENT ON COLUMN lesion_evaluation.images_per_second IS 'decoding, network and resizing to the mask''s size';
COMMENT ON COLUMN lesion_evaluation.options IS 'how it segmented, where not by default: {"tta": true}';
COMMENT ON COLUMN lesion_evaluation.split_columns IS
'what the rows were split by, as in lesion_version; NULL where the subset is all, and for evaluations by 0.2';
COMMENT ON COLUMN lesion_evaluation.seen IS
'images scored that the version was trained on; NULL where that is not known';
COMMENT ON COLUMN lesion_evaluation.hausdorff95 IS
'mean over images, in pixels of the truth; NULL where none has a distance, and for evaluations by 0.2';
COMMENT ON COLUMN lesion_evaluation.assd IS 'as hausdorff95';
COMMENT ON COLUMN lesion_evaluation.surface_dice IS 'mean over images; NULL for evaluations by 0.2';
COMMENT ON COLUMN lesion_evaluation.no_distance IS
'images that hausdorff95 and assd leave out, because one of the two masks alone is empty';
COMMENT ON COLUMN lesion_evaluation.by_column IS
'the column whose text lesion_image_score has as subgroup; NULL where it was not asked for';
COMMENT ON COLUMN lesion_evaluation.fold IS 'which fold the test part is, as in lesion_version';
COMMENT ON COLUMN lesion_evaluation.image_column IS
'what was scored; NULL where that is not known, as for evaluations by 0.2';
COMMENT ON COLUMN lesion_evaluation.mask_column IS 'the truth; NULL as image_column';
COMMENT ON COLUMN lesion_evaluation.id_column IS
'the column that was named to tell the rows apart, where the primary key is not that column; else NULL';
COMMENT ON COLUMN lesion_evaluation.too_large IS
'rows left out because image or mask is above a limit of the session that evaluated';
COMMENT ON COLUMN lesion_evaluation.grouped IS
'were the rows split by other columns than those that tell them apart? NULL where that is not known';
COMMENT ON COLUMN lesion_evaluation.kept_snapshot IS
'did the transaction keep one snapshot (REPEATABLE READ, SERIALIZABLE), so that rows may be older than evaluated_at?';
COMMENT ON COLUMN lesion_evaluation.viewed_as IS
'the role that evaluated, where others may see other rows: a view or foreign table of another role, a temporary table, '
'or policies';

CREATE TABLE lesion_robustness_score (
	model text NOT NULL,
	version int NOT NULL,
	images text NOT NULL,
	subset text NOT NULL CHECK (subset IN ('test', 'validation', 'train', 'all')),
	kind text NOT NULL,
	severity int NOT NULL CHECK (severity BETWEEN 0 AND 5),
	enhance text NOT NULL CHECK (enhance IN ('off', 'auto', 'always')),
	dice float8 NOT NULL,
	"drop" float8 NOT NULL,
	n bigint NOT NULL CHECK (n > 0),
	seed bigint NOT NULL,
	threshold float8 NOT NULL,
	tta boolean NOT NULL,
	evaluated_at timestamptz NOT NULL,
	evaluated_by text NOT NULL DEFAULT current_user,
	score bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	split_columns text[],
	image_column text,
	mask_column text,
	id_column text,
	sampled boolean,
	viewed_as text,
	grouped boolean,
	too_large bigint NOT NULL DEFAULT 0,
	kept_snapshot boolean NOT NULL DEFAULT false,
	skipped bigint NOT NULL DEFAULT 0,
	seen bigint
);

CREATE INDEX ON lesion_robustness_score (model, version);

COMMENT ON TABLE lesion_robustness_score IS 'what lesion_robustness found';
COMMENT ON COLUMN lesion_robustness_score.kind IS 'of lesion_degradations(), or clean';
COMMENT ON COLUMN lesion_robustness_score.dice IS 'mean over images';
COMMENT ON COLUMN lesion_robustness_score.score IS 'tells rows apart';
COMMENT ON COLUMN lesion_robustness_score."drop" IS 'Dice of clean images that are not enhanced, less dice';
COMMENT ON COLUMN lesion_robustness_score.split_columns IS 'what the rows were split by, as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.image_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.mask_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.id_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.sampled IS
'was a part of the subset''s images drawn, and not all taken? NULL for results of 0.2';
COMMENT ON COLUMN lesion_robustness_score.viewed_as IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.grouped IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.too_large IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.kept_snapshot IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.skipped IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_score.seen IS 'as in lesion_evaluation';

CREATE TABLE lesion_fold (
	model text NOT NULL,
	setting int NOT NULL,
	fold int NOT NULL,
	folds int NOT NULL,
	fold_model text NOT NULL,
	learning_rate float8,
	image_size int NOT NULL,
	config jsonb NOT NULL,
	arguments jsonb NOT NULL,
	run bigint,
	planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	planned_by text NOT NULL DEFAULT current_user,
	PRIMARY KEY (model, setting, fold)
);

CREATE INDEX ON lesion_fold (run);

COMMENT ON TABLE lesion_fold IS
'what lesion_cross_validate is to train: a network for each fold of each setting; see the view lesion_folds';
COMMENT ON COLUMN lesion_fold.model IS 'the folds'' ensemble';
COMMENT ON COLUMN lesion_fold.setting IS
'number of the combination of learning rate, image size and config, from 1';
COMMENT ON COLUMN lesion_fold.fold IS 'from 1';
COMMENT ON COLUMN lesion_fold.fold_model IS 'the model that has this fold for its test part';
COMMENT ON COLUMN lesion_fold.learning_rate IS 'NULL: the architecture''s own';
COMMENT ON COLUMN lesion_fold.arguments IS 'everything that lesion_cross_validate was called with';
COMMENT ON COLUMN lesion_fold.run IS 'the run that trained it; NULL until it has finished';

CREATE TABLE lesion_image_score (
	evaluation bigint NOT NULL,
	id text NOT NULL,
	dice float8 NOT NULL,
	jaccard float8 NOT NULL,
	sensitivity float8 NOT NULL,
	specificity float8 NOT NULL,
	predicted_dice float8,
	score bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	hausdorff95 float8,
	assd float8,
	surface_dice float8,
	subgroup text
);

CREATE INDEX ON lesion_image_score (evaluation, dice);

COMMENT ON TABLE lesion_image_score IS
'what each image of an evaluation came to; ids are the images'' keys, so reading it must be granted';
COMMENT ON COLUMN lesion_image_score.subgroup IS
'the text of the evaluation''s by_column in the image''s row; NULL where that is NULL';
COMMENT ON COLUMN lesion_image_score.score IS 'tells rows apart';
COMMENT ON COLUMN lesion_image_score.hausdorff95 IS
'in pixels of the truth; NULL where one of the two masks alone is empty, and for evaluations by 0.2';
COMMENT ON COLUMN lesion_image_score.assd IS 'as hausdorff95';
COMMENT ON COLUMN lesion_image_score.predicted_dice IS
'what the mask was expected to come to, without knowing the truth; NULL of a classical method';

CREATE TABLE lesion_audit (
	entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event text NOT NULL
		CHECK (event IN ('create', 'train', 'import', 'calibrate', 'promote', 'rollback', 'drop version', 'drop')),
	model text NOT NULL,
	version int,
	sha256 bytea,
	detail text,
	role text NOT NULL,
	login text NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX ON lesion_audit (model, version);

COMMENT ON TABLE lesion_audit IS
'what was done to models and by whom; written by triggers alone, and only its owner can change it';
COMMENT ON COLUMN lesion_audit.version IS 'NULL where the event is about the whole model';
COMMENT ON COLUMN lesion_audit.sha256 IS 'of the weights that came or went';
COMMENT ON COLUMN lesion_audit.detail IS
'architecture of a model, run of a training, version that was calibrated, reason of a promotion';
COMMENT ON COLUMN lesion_audit.role IS 'the role in effect';
COMMENT ON COLUMN lesion_audit.login IS 'the role that logged in';

CREATE FUNCTION lesion_audit_write()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_audit_write'
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION lesion_audit_write() IS 'adds to lesion_audit what is done to models';

CREATE FUNCTION lesion_owner_only()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_owner_only'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_owner_only() IS 'refuses a statement to all but the owner of the table';

CREATE FUNCTION lesion_training_only()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_training_only'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_training_only() IS 'refuses a statement to all but the owner of the table and a training';

CREATE FUNCTION lesion_functions_only()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_functions_only'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_functions_only() IS
'refuses a statement to all but the owner of the table and the functions of lesionseg';

CREATE TRIGGER lesion_audit_write AFTER INSERT OR DELETE ON lesion_model
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_audit_write AFTER INSERT OR DELETE ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_audit_write AFTER INSERT ON lesion_promotion
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_owner_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lesion_promotion
FOR EACH STATEMENT EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_owner_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON lesion_audit
FOR EACH STATEMENT EXECUTE FUNCTION lesion_owner_only();
-- Nothing brings bundled models back but a new CREATE EXTENSION.
CREATE TRIGGER lesion_owner_only BEFORE DELETE ON lesion_model
FOR EACH ROW WHEN (OLD.bundled) EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_owner_only BEFORE DELETE ON lesion_version
FOR EACH ROW WHEN (OLD.number <= 0) EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE ON lesion_run
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE ON lesion_epoch
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE OR DELETE ON lesion_checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE OR DELETE ON lesion_model
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_version
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_promotion
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_evaluation
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_image_score
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_robustness_score
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();
CREATE TRIGGER lesion_functions_only BEFORE INSERT OR UPDATE ON lesion_fold
FOR EACH STATEMENT EXECUTE FUNCTION lesion_functions_only();

CREATE FUNCTION lesion_check_references()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_check_references'
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION lesion_check_references() IS
'refuses a row that refers to one that is not there, unless a restore brings it back';

CREATE FUNCTION lesion_keep_references()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_keep_references'
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION lesion_keep_references() IS 'deletes what refers to a row that is deleted';

CREATE FUNCTION lesion_refuse_truncate()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_refuse_truncate'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_refuse_truncate() IS 'refuses to truncate a table whose rows others refer to';

CREATE FUNCTION lesion_skip_bundled()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_skip_bundled'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_skip_bundled() IS 'leaves out bundled rows that arrive by replication and are here already';

CREATE FUNCTION lesion_yield_bundled()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_yield_bundled'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_yield_bundled() IS
'lets rows that a restore or a publisher brings take the place of bundled ones';

CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model ON lesion_run
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model, run ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model, version ON lesion_promotion
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF run ON lesion_epoch
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF run ON lesion_checkpoint
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model, version ON lesion_evaluation
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model, version ON lesion_robustness_score
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF evaluation ON lesion_image_score
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();
CREATE TRIGGER check_references AFTER INSERT OR UPDATE OF model, run ON lesion_fold
FOR EACH ROW EXECUTE FUNCTION lesion_check_references();

CREATE TRIGGER keep_references AFTER INSERT OR DELETE ON lesion_model
FOR EACH ROW EXECUTE FUNCTION lesion_keep_references();
CREATE TRIGGER keep_references AFTER INSERT OR DELETE ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_keep_references();
CREATE TRIGGER keep_references AFTER INSERT OR DELETE ON lesion_run
FOR EACH ROW EXECUTE FUNCTION lesion_keep_references();
CREATE TRIGGER keep_references AFTER INSERT OR DELETE ON lesion_evaluation
FOR EACH ROW EXECUTE FUNCTION lesion_keep_references();
-- Also on a subscriber, where what goes came from the publisher.
ALTER TABLE lesion_model ENABLE ALWAYS TRIGGER keep_references;
ALTER TABLE lesion_version ENABLE ALWAYS TRIGGER keep_references;
ALTER TABLE lesion_run ENABLE ALWAYS TRIGGER keep_references;
ALTER TABLE lesion_evaluation ENABLE ALWAYS TRIGGER keep_references;
CREATE TRIGGER keep_key AFTER UPDATE OF name ON lesion_model
FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION lesion_keep_references();
CREATE TRIGGER keep_key AFTER UPDATE OF run ON lesion_run
FOR EACH ROW WHEN (OLD.run IS DISTINCT FROM NEW.run) EXECUTE FUNCTION lesion_keep_references();
CREATE TRIGGER keep_key AFTER UPDATE OF evaluation ON lesion_evaluation
FOR EACH ROW WHEN (OLD.evaluation IS DISTINCT FROM NEW.evaluation) EXECUTE FUNCTION lesion_keep_references();
-- A publisher can change versions if it turns its triggers off. To a subscriber
-- that is another version. What 0.3 adds to a version of 0.2 is no such change.
CREATE TRIGGER keep_version AFTER UPDATE ON lesion_version
FOR EACH ROW WHEN ((OLD.model, OLD.number, OLD.config, OLD.sha256, OLD.image_size, OLD.threshold, OLD.enhance,
	OLD.temperature, OLD.review_below, OLD.dice_coefficients::text) IS DISTINCT FROM (NEW.model, NEW.number, NEW.config,
	NEW.sha256, NEW.image_size, NEW.threshold, NEW.enhance, NEW.temperature, NEW.review_below,
	NEW.dice_coefficients::text))
EXECUTE FUNCTION lesion_keep_references();
ALTER TABLE lesion_version ENABLE REPLICA TRIGGER keep_version;

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lesion_model
FOR EACH STATEMENT EXECUTE FUNCTION lesion_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lesion_version
FOR EACH STATEMENT EXECUTE FUNCTION lesion_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lesion_run
FOR EACH STATEMENT EXECUTE FUNCTION lesion_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lesion_evaluation
FOR EACH STATEMENT EXECUTE FUNCTION lesion_refuse_truncate();
-- Also on a subscriber: its own rows and the bundled ones would go, too.
ALTER TABLE lesion_model ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE lesion_version ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE lesion_run ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE lesion_evaluation ENABLE ALWAYS TRIGGER refuse_truncate;

-- A subscriber of all tables has the bundled rows of its own extension.
CREATE TRIGGER skip_bundled BEFORE INSERT ON lesion_model
FOR EACH ROW WHEN (NEW.bundled) EXECUTE FUNCTION lesion_skip_bundled();
ALTER TABLE lesion_model ENABLE REPLICA TRIGGER skip_bundled;
CREATE TRIGGER skip_bundled BEFORE INSERT ON lesion_version
FOR EACH ROW WHEN (NEW.number > 0 AND NEW.metadata @> '{"bundled": true}') EXECUTE FUNCTION lesion_skip_bundled();
ALTER TABLE lesion_version ENABLE REPLICA TRIGGER skip_bundled;
-- Versions 0 of a dump or of a publisher may be those of another release.
CREATE TRIGGER yield_bundled BEFORE INSERT ON lesion_version
FOR EACH ROW WHEN (NEW.number <= 0) EXECUTE FUNCTION lesion_yield_bundled();
ALTER TABLE lesion_version ENABLE ALWAYS TRIGGER yield_bundled;
-- 0.2 let a model of a user's own have the name of the bundled ensemble.
CREATE TRIGGER yield_bundled BEFORE INSERT ON lesion_model
FOR EACH ROW WHEN (NEW.name = 'lesion' AND NOT NEW.bundled) EXECUTE FUNCTION lesion_yield_bundled();
ALTER TABLE lesion_model ENABLE ALWAYS TRIGGER yield_bundled;

-- Triggers fire without this right; who has it could hang them on tables of
-- their own.
REVOKE EXECUTE ON FUNCTION lesion_audit_write(), lesion_owner_only(), lesion_training_only(), lesion_functions_only(),
	lesion_version_immutable() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION lesion_check_references(), lesion_keep_references(), lesion_refuse_truncate(),
	lesion_skip_bundled(), lesion_yield_bundled() FROM PUBLIC;

-- What users made goes into dumps.
SELECT pg_catalog.pg_extension_config_dump('lesion_model', 'WHERE NOT bundled');
SELECT pg_catalog.pg_extension_config_dump('lesion_run', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_run_run_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_version', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_promotion', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_promotion_promotion_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_epoch', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_evaluation', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_evaluation_evaluation_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_image_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_robustness_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_fold', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit_entry_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_image_score_score_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_robustness_score_score_seq', '');

INSERT INTO lesion_model (name, architecture, bundled) VALUES
	('unet', 'unet', true), ('linknet', 'linknet', true), ('convmixer', 'convmixer', true),
	('maskrcnn', 'maskrcnn', true), ('lesion', 'ensemble', true);

-- Views

CREATE VIEW lesion_robustness_table AS
SELECT DISTINCT ON (s.model, s.version, s.images, s.subset, s.split_columns, s.n, s.seed, s.threshold, s.tta,
		s.image_column, s.mask_column, s.id_column, s.sampled, s.viewed_as, s.kept_snapshot, s.kind, s.severity,
		s.enhance)
	s.model, s.version, s.images, s.subset, s.kind, s.severity, s.enhance, s.dice, s."drop", s.n, s.evaluated_at,
	s.seed, s.threshold, s.tta, s.split_columns, s.image_column, s.mask_column, s.id_column, s.sampled,
	nullif(pg_catalog.concat_ws(', ',
		CASE WHEN s.subset <> 'all' AND CASE WHEN v.split_columns IS NULL THEN s.grouped
				ELSE s.split_columns::text IS DISTINCT FROM v.split_columns::text END
			THEN pg_catalog.format('split by %s',
				coalesce(pg_catalog.array_to_string(s.split_columns, ' '), 'unknown columns')) END,
		CASE WHEN s.subset IN ('test', 'validation') AND s.seen > 0::bigint
			THEN pg_catalog.format('%s that it was trained on', s.seen) END,
		CASE WHEN s.threshold <> v.threshold THEN pg_catalog.format('threshold %s', s.threshold) END,
		CASE WHEN s.tta THEN 'tta' END,
		CASE WHEN s.seed <> 0::bigint THEN pg_catalog.format('seed %s', s.seed) END,
		CASE WHEN s.image_column <> coalesce(r.options ->> 'image_column'::text, 'image')
			THEN pg_catalog.format('image_column %I', s.image_column) END,
		CASE WHEN s.mask_column <> coalesce(r.options ->> 'mask_column'::text, 'mask')
			THEN pg_catalog.format('mask_column %I', s.mask_column) END,
		CASE WHEN s.id_column <> coalesce(r.options ->> 'id_column'::text, '')
				AND NOT (ARRAY[s.id_column]::text IS NOT DISTINCT FROM v.split_columns::text AND (s.subset <> 'all'
					OR r.run IS NOT NULL AND r.options ->> 'group_column'::text IS NULL))
				OR s.subset = 'all' AND s.id_column IS NOT NULL AND s.skipped > 0::bigint
			THEN pg_catalog.format('id_column %I', s.id_column) END,
		CASE WHEN s.kept_snapshot THEN 'rows of a kept snapshot' END,
		CASE WHEN s.viewed_as IS NOT NULL THEN pg_catalog.format('as %I sees it', s.viewed_as) END,
		CASE WHEN s.too_large > 0::bigint
			THEN pg_catalog.format('%s left out as too large', s.too_large) END), '') AS differs,
	s.viewed_as, s.kept_snapshot
FROM lesion_robustness_score s LEFT JOIN lesion_version v ON v.model = s.model AND v.number = s.version
	LEFT JOIN lesion_run r ON r.run = v.run
ORDER BY s.model, s.version, s.images, s.subset, s.split_columns, s.n, s.seed, s.threshold, s.tta, s.image_column,
	s.mask_column, s.id_column, s.sampled, s.viewed_as, s.kept_snapshot, s.kind, s.severity, s.enhance,
	s.evaluated_at DESC;

COMMENT ON VIEW lesion_robustness_table IS
'the latest result of lesion_robustness for each version, table, part, split, columns, number of images, seed, '
'threshold, tta, kind, severity and enhancement';

CREATE VIEW lesion_models AS
SELECT m.name AS model, m.architecture, coalesce(v.config, m.config) AS config,
	a.version, n.versions, v.image_size, v.threshold, pg_catalog.encode(v.sha256, 'hex') AS sha256,
	pg_catalog.octet_length(v.weights) AS bytes, m.bundled, m.created_at, v.created_at AS version_created_at
FROM lesion_model m
CROSS JOIN LATERAL (
	SELECT coalesce(
		(SELECT p.version FROM lesion_promotion p WHERE p.model = m.name ORDER BY p.promotion DESC LIMIT 1),
		(SELECT min(b.number) FROM lesion_version b WHERE b.model = m.name AND b.number <= 0)) AS version) a
CROSS JOIN LATERAL (SELECT count(*) AS versions FROM lesion_version w WHERE w.model = m.name) n
LEFT JOIN lesion_version v ON v.model = m.name AND v.number = a.version;

COMMENT ON VIEW lesion_models IS 'models with their active version (NULL where there is none yet)';

CREATE VIEW lesion_training_log AS
SELECT e.run, r.model, r.version, e.epoch, e.train_loss, e.val_loss, e.val_dice, e.learning_rate,
	e.images_per_second, e.at
FROM lesion_epoch e JOIN lesion_run r USING (run);

COMMENT ON VIEW lesion_training_log IS 'a row per epoch of every training run';

-- A run is running where a process holds its lock (src/pg/work_lock.h),
-- whatever its row says.
CREATE VIEW lesion_runs AS
SELECT r.run, r.model, r.version,
	CASE WHEN r.state = 'finished' THEN r.state WHEN l.pid IS NOT NULL THEN 'running'
		WHEN r.state = 'running' THEN 'lost' ELSE r.state END AS state,
	CASE WHEN l.pid IS NULL AND (r.started_by = CURRENT_USER
			OR pg_catalog.has_column_privilege('lesion_run'::regclass::oid, 'error', 'SELECT'))
		THEN r.error END AS error,
	CASE WHEN l.pid IS NULL THEN r.sqlstate END AS sqlstate,
	r.stopped_by, r.images, r.epochs, e.epoch AS epochs_done, r.best_epoch, e.val_dice, r.resumed,
	l.pid IS NULL AND c.run IS NOT NULL AS resumable,
	r.training_images, r.validation_images, r.test_images, r.skipped, r.broken, r.seconds, r.images_per_second,
	l.pid, r.started_at, CASE WHEN l.pid IS NULL THEN coalesce(r.finished_at, e.at, r.started_at) END AS finished_at,
	r.started_by,
	CASE WHEN r.started_by = CURRENT_USER
			OR pg_catalog.has_column_privilege('lesion_run'::regclass::oid, 'data_sha256', 'SELECT')
		THEN r.data_sha256 END AS data_sha256,
	CASE WHEN r.started_by = CURRENT_USER
			OR pg_catalog.has_column_privilege('lesion_run'::regclass::oid, 'masks', 'SELECT')
		THEN r.masks END AS masks
FROM lesion_run r
LEFT JOIN LATERAL (
	SELECT max(epoch) AS epoch, max(val_dice) AS val_dice, max(at) AS at
	FROM lesion_epoch WHERE lesion_epoch.run = r.run) e ON true
LEFT JOIN lesion_checkpoint c ON c.run = r.run
LEFT JOIN (
	SELECT DISTINCT ON (objid) objid, pid FROM pg_catalog.pg_locks
	WHERE locktype = 'object' AND classid = 'lesion_run'::regclass::oid AND objsubid = 0
		AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) l
	ON r.state <> 'finished' AND l.objid = (r.run % 4294967296)::oid;

COMMENT ON VIEW lesion_runs IS
'training runs and their state: running, finished, cancelled, failed, or lost (its process is gone)';
COMMENT ON COLUMN lesion_runs.error IS
'NULL where the run is another role''s and lesion_run.error was not granted: it may quote keys of images';
COMMENT ON COLUMN lesion_runs.val_dice IS 'the best so far';
COMMENT ON COLUMN lesion_runs.resumable IS 'lesion_retrain with the same arguments goes on with it';
COMMENT ON COLUMN lesion_runs.pid IS 'server process of a run that is running';

CREATE FUNCTION lesion_training_slots(OUT pid int, OUT run bigint, OUT model text, OUT phase text, OUT epoch int,
	OUT epochs int, OUT batch bigint, OUT batches bigint, OUT images_per_second float8, OUT train_loss float8,
	OUT val_dice float8, OUT seconds_left float8, OUT at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_training_slots'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 4;

COMMENT ON FUNCTION lesion_training_slots() IS
'what processes that train say in shared memory; no rows unless lesionseg is in shared_preload_libraries';

CREATE VIEW lesion_training_progress AS
WITH slot AS MATERIALIZED (SELECT * FROM lesion_training_slots())
SELECT run, model, 'running' AS state, phase, epoch, epochs, batch, batches, images_per_second, train_loss, val_dice,
	pg_catalog.make_interval(secs => greatest(0,
		seconds_left - extract(epoch FROM pg_catalog.clock_timestamp() - at)::float8)) AS eta,
	pid, at, 'memory' AS source
FROM slot
UNION ALL
SELECT r.run, r.model, r.state,
	CASE WHEN w.reading THEN 'reading' WHEN r.epochs_done = r.epochs THEN 'scoring' ELSE 'training' END,
	CASE WHEN NOT w.reading THEN least(coalesce(r.epochs_done, 0) + 1, r.epochs) END,
	r.epochs, NULL, NULL, e.images_per_second, e.train_loss, r.val_dice,
	pg_catalog.make_interval(secs => e.seconds * (r.epochs - r.epochs_done)::float8), r.pid,
	coalesce(e.at, r.started_at), 'log'
FROM lesion_runs r
JOIN (SELECT run, training_images IS NULL OR state <> 'running' AS reading FROM lesion_run) w ON w.run = r.run
LEFT JOIN lesion_epoch e ON e.run = r.run AND e.epoch = r.epochs_done
WHERE r.state = 'running' AND NOT EXISTS (SELECT FROM slot WHERE slot.pid = r.pid);

COMMENT ON VIEW lesion_training_progress IS 'the trainings that are running now';
COMMENT ON COLUMN lesion_training_progress.epoch IS 'the one at work on';
COMMENT ON COLUMN lesion_training_progress.batch IS 'batches of the epoch that are done; rows, while reading';
COMMENT ON COLUMN lesion_training_progress.val_dice IS 'the best so far';
COMMENT ON COLUMN lesion_training_progress.eta IS 'time left';
COMMENT ON COLUMN lesion_training_progress.at IS 'when this was so';
COMMENT ON COLUMN lesion_training_progress.source IS
'''memory'': shared memory, after every batch; ''log'': what the run has committed, after every epoch, '
'because lesionseg is not in shared_preload_libraries';

CREATE FUNCTION lesion_segmentation_slots(OUT pid int, OUT leader int, OUT model text, OUT version int,
	OUT images bigint, OUT images_per_second float8, OUT began timestamptz, OUT at timestamptz, OUT activity text,
	OUT total bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_segmentation_slots'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 16;

COMMENT ON FUNCTION lesion_segmentation_slots() IS
'what processes that segment say in shared memory; no rows unless lesionseg is in shared_preload_libraries';

CREATE VIEW lesion_segmentation_progress AS
SELECT leader AS pid, max(model) AS model, max(version) AS version, sum(images)::bigint AS images,
	sum(images_per_second) AS images_per_second, min(began) AS began, max(at) AS at, count(*)::int AS processes,
	max(activity) AS activity, max(total) AS total,
	pg_catalog.make_interval(secs => greatest(max(total)::numeric - sum(images), 0::numeric)::float8 /
		nullif(sum(images_per_second), 0::float8)) AS eta
FROM lesion_segmentation_slots()
GROUP BY leader;

COMMENT ON VIEW lesion_segmentation_progress IS
'queries and jobs that segment now; no rows unless lesionseg is in shared_preload_libraries';
COMMENT ON COLUMN lesion_segmentation_progress.images IS 'done so far';
COMMENT ON COLUMN lesion_segmentation_progress.began IS 'when the first image was done';
COMMENT ON COLUMN lesion_segmentation_progress.at IS 'when the latest image was done';
COMMENT ON COLUMN lesion_segmentation_progress.processes IS 'of a parallel query';
COMMENT ON COLUMN lesion_segmentation_progress.activity IS
'segment: a query calls lesion_segment; predict, evaluate, robustness, ensemble_fit: the function of that name';
COMMENT ON COLUMN lesion_segmentation_progress.total IS 'images in all; NULL where that is not known, as in a query';
COMMENT ON COLUMN lesion_segmentation_progress.eta IS 'time left';

-- What shows one evaluation of a version takes the latest whose "differs" is NULL, and another only where there is
-- none. Else anyone who may evaluate could choose, by a threshold or a split, the score that all see.
CREATE VIEW lesion_evaluations AS
SELECT e.evaluation, e.model, e.version, e.images, e.subset, e.by_column, e.n, e.dice, e.evaluated_at,
	nullif(pg_catalog.concat_ws(', ',
		CASE WHEN e.subset <> 'all' AND (e.split_seed <> coalesce(v.split_seed, 0::bigint)
				OR e.test_fraction <> coalesce(v.test_fraction, 0.2::float8) OR e.fold <> coalesce(v.fold, 0)
				OR e.subset <> 'test' AND e.validation_fraction <> coalesce(v.validation_fraction, 0.1::float8)
				OR CASE WHEN v.split_columns IS NULL THEN e.grouped
					ELSE e.split_columns::text IS DISTINCT FROM v.split_columns::text END)
			THEN pg_catalog.format('split by %s, split_seed %s, test_fraction %s, validation_fraction %s, fold %s',
				coalesce(pg_catalog.array_to_string(e.split_columns, ' '), 'unknown columns'), e.split_seed,
				e.test_fraction, e.validation_fraction, e.fold) END,
		CASE WHEN e.subset IN ('test', 'validation') AND e.seen > 0::bigint
			THEN pg_catalog.format('%s that it was trained on', e.seen) END,
		CASE WHEN e.threshold <> v.threshold THEN pg_catalog.format('threshold %s', e.threshold) END,
		CASE WHEN e.options <> CASE WHEN v.enhance <> 'off'
				THEN pg_catalog.jsonb_build_object('enhance', v.enhance) ELSE '{}' END
			THEN pg_catalog.format('options %s', e.options) END,
		CASE WHEN e.image_column <> coalesce(r.options ->> 'image_column'::text, 'image')
			THEN pg_catalog.format('image_column %I', e.image_column) END,
		CASE WHEN e.mask_column <> coalesce(r.options ->> 'mask_column'::text, 'mask')
			THEN pg_catalog.format('mask_column %I', e.mask_column) END,
		CASE WHEN e.id_column <> coalesce(r.options ->> 'id_column'::text, '')
				AND NOT (ARRAY[e.id_column]::text IS NOT DISTINCT FROM v.split_columns::text AND (e.subset <> 'all'
					OR r.run IS NOT NULL AND r.options ->> 'group_column'::text IS NULL))
				OR e.subset = 'all' AND e.id_column IS NOT NULL AND e.skipped > 0::bigint
			THEN pg_catalog.format('id_column %I', e.id_column) END,
		CASE WHEN e.too_large > 0::bigint
			THEN pg_catalog.format('%s left out as too large', e.too_large) END,
		CASE WHEN e.kept_snapshot THEN 'rows of a kept snapshot' END,
		CASE WHEN e.viewed_as IS NOT NULL THEN pg_catalog.format('as %I sees it', e.viewed_as) END), '') AS differs
FROM lesion_evaluation e LEFT JOIN lesion_version v ON v.model = e.model AND v.number = e.version
	LEFT JOIN lesion_run r ON r.run = v.run;

COMMENT ON VIEW lesion_evaluations IS
'evaluations, and in what each differs from how its version segments and was split';
COMMENT ON COLUMN lesion_evaluations.differs IS
'split, threshold, options or columns, where they are not the version''s own or, of a classical method, the defaults; '
'how many images of a test or validation part the version was trained on, or a limit of the session left out; '
'who evaluated, where others may see other rows; else NULL';
COMMENT ON COLUMN lesion_evaluations.evaluation IS 'tells evaluations apart';
COMMENT ON COLUMN lesion_evaluations.model IS 'that was scored';
COMMENT ON COLUMN lesion_evaluations.version IS 'and its version; NULL of a classical method';
COMMENT ON COLUMN lesion_evaluations.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_evaluations.subset IS 'which rows were scored: test, validation, train or all';
COMMENT ON COLUMN lesion_evaluations.by_column IS 'what the groups are of; NULL where none were asked for';
COMMENT ON COLUMN lesion_evaluations.n IS 'images scored';
COMMENT ON COLUMN lesion_evaluations.dice IS 'mean over images of Dice';
COMMENT ON COLUMN lesion_evaluations.evaluated_at IS 'when';

CREATE VIEW lesion_leaderboard AS
SELECT model, version, images, subset, n, dice, iou, jaccard, f1, threshold_jaccard, images_per_second, evaluated_at,
	options, split_columns, seen, hausdorff95, assd, surface_dice, differs, image_column, mask_column
FROM (
	SELECT DISTINCT ON (model, version, images, subset, split_columns, split_seed, test_fraction, fold,
		validation_fraction, threshold, options, differs) e.*, l.differs
	FROM lesion_evaluation e JOIN (SELECT evaluation, differs FROM lesion_evaluations) l USING (evaluation)
	ORDER BY model, version, images, subset, split_columns, split_seed, test_fraction, fold, validation_fraction,
		threshold, options, differs, evaluated_at DESC, evaluation DESC) latest
ORDER BY images, subset, image_column, mask_column, dice DESC;

COMMENT ON VIEW lesion_leaderboard IS
'the latest scores of each version on each table and its columns, the best first';

CREATE VIEW lesion_worst_cases AS
SELECT e.model, e.version, e.images, e.subset, s.id, s.dice, s.jaccard, s.sensitivity, s.specificity, s.predicted_dice,
	pg_catalog.row_number() OVER (PARTITION BY e.model, e.images, e.subset, e.evaluation
		ORDER BY s.dice, s.id COLLATE pg_catalog."C") AS rank, e.evaluation,
	e.evaluated_at, s.hausdorff95, s.assd, s.surface_dice,
	EXISTS (SELECT FROM lesion_models m WHERE m.model = e.model AND m.version = e.version) AS active, e.differs
FROM (
	SELECT DISTINCT ON (model, version, images, subset) evaluation, model, version, images, subset, evaluated_at,
		differs
	FROM lesion_evaluations
	ORDER BY model, version, images, subset, differs IS NOT NULL, evaluated_at DESC, evaluation DESC) e
JOIN lesion_image_score s USING (evaluation);

COMMENT ON VIEW lesion_worst_cases IS
'the images of one evaluation of each version on each table and part, the latest with the version''s own settings '
'if there is one; the worst of each first by rank';
COMMENT ON COLUMN lesion_worst_cases.active IS 'is the version the active one of its model now?';
COMMENT ON COLUMN lesion_worst_cases.differs IS 'as in lesion_evaluations';

CREATE FUNCTION lesion_bootstrap(figures float8[], draws int DEFAULT 2000, confidence float8 DEFAULT 0.95,
	seed bigint DEFAULT 0, OUT mean float8, OUT low float8, OUT high float8)
AS 'MODULE_PATHNAME', 'lesion_bootstrap'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION lesion_bootstrap(float8[], int, float8, bigint) IS
'the mean of figures and its bootstrap interval; the same arguments give the same interval';

-- 30: with fewer images, an interval says little of the next 30.
-- The model is part of the windows, so that a condition on it is one of the evaluations, too. A column may tell each
-- image apart: intervals of that many groups would take minutes.
CREATE VIEW lesion_subgroups AS
WITH scored AS (
	SELECT e.evaluation, e.model, e.version, e.images, e.subset, e.by_column, s.subgroup, count(*) AS n,
		avg(CASE WHEN s.jaccard >= 0.65::float8 THEN s.jaccard ELSE 0::float8 END) AS threshold_jaccard,
		pg_catalog.array_agg(s.dice ORDER BY s.score) AS figures, e.evaluated_at, e.differs,
		pg_catalog.row_number() OVER (PARTITION BY e.model, e.evaluation ORDER BY count(*) DESC, s.subgroup) AS place
	FROM (
		SELECT DISTINCT ON (model, version, images, subset, by_column) evaluation, model, version, images, subset,
			by_column, evaluated_at, differs
		FROM lesion_evaluations
		WHERE by_column IS NOT NULL
		ORDER BY model, version, images, subset, by_column, differs IS NOT NULL, evaluated_at DESC, evaluation DESC) e
	JOIN (SELECT i.evaluation, i.score, i.dice, i.jaccard, i.subgroup COLLATE pg_catalog."C" AS subgroup
		FROM lesion_image_score i) s USING (evaluation)
	GROUP BY e.evaluation, e.model, e.version, e.images, e.subset, e.by_column, s.subgroup, e.evaluated_at,
		e.differs),
bounded AS (
	SELECT s.*, b.mean, b.low, b.high, s.n < 30::bigint AS small
	FROM scored s CROSS JOIN LATERAL lesion_bootstrap(s.figures, 2000, 0.95::float8, 0::bigint) b
	WHERE s.place <= 200::bigint),
compared AS (
	SELECT b.*, pg_catalog.first_value(b.mean) OVER best AS best_mean,
		pg_catalog.first_value(b.low) OVER best AS best_low,
		pg_catalog.count(*) FILTER (WHERE NOT b.small) OVER (PARTITION BY b.model, b.evaluation) AS judged
	FROM bounded b
	WINDOW best AS (PARTITION BY b.model, b.evaluation ORDER BY b.small, b.mean DESC))
SELECT model, version, images, subset, by_column, subgroup COLLATE pg_catalog."default" AS subgroup, n, mean AS dice,
	low AS dice_low, high AS dice_high,
	threshold_jaccard, CASE WHEN NOT small THEN best_mean - mean END AS gap,
	CASE WHEN small THEN 'too small to judge' WHEN judged = 1::bigint THEN 'nothing to compare with'
		WHEN mean = best_mean THEN 'best' WHEN high < best_low THEN 'worse' ELSE 'as good as the best' END AS finding,
	evaluation, evaluated_at, differs
FROM compared;

COMMENT ON VIEW lesion_subgroups IS
'scores by each by_column, group by group, of one evaluation of each version on each table and part: the latest with '
'the version''s own settings if there is one';
COMMENT ON COLUMN lesion_subgroups.differs IS 'as in lesion_evaluations';
COMMENT ON COLUMN lesion_subgroups.dice_low IS 'bounds the 95 % bootstrap interval of dice, as dice_high does';
COMMENT ON COLUMN lesion_subgroups.gap IS 'dice of the best group that can be judged, less dice';
COMMENT ON COLUMN lesion_subgroups.finding IS
'best, as good as the best, worse (the two intervals do not meet), nothing to compare with, or too small to judge '
'(fewer than 30 images)';

CREATE VIEW lesion_folds AS
SELECT f.model, f.setting, f.fold, f.fold_model, f.learning_rate, f.image_size, f.config, r.run,
	coalesce(r.state, 'planned') AS state, r.epochs_done, r.version, e.evaluation, e.n, e.dice, e.jaccard,
	e.threshold_jaccard, f.folds, e.differs
FROM lesion_fold f
LEFT JOIN LATERAL (
	SELECT l.run, l.state, l.epochs_done, l.version, l.images, l.started_by FROM lesion_runs l
	WHERE l.model = f.fold_model AND (l.run = f.run OR f.run IS NULL AND l.state <> 'finished')
	ORDER BY l.run DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (
	SELECT s.*, l.differs FROM lesion_evaluation s JOIN (SELECT evaluation, differs FROM lesion_evaluations) l
		USING (evaluation)
	WHERE f.run IS NOT NULL AND s.model = f.fold_model AND s.version = r.version AND s.subset = 'test'
		AND s.images = r.images AND s.fold = f.fold AND s.evaluated_by = r.started_by
	ORDER BY s.evaluation LIMIT 1) e ON true;

COMMENT ON VIEW lesion_folds IS
'the networks of each lesion_cross_validate, how far they are, and the scores of each on its fold';
COMMENT ON COLUMN lesion_folds.model IS 'the folds'' ensemble';
COMMENT ON COLUMN lesion_folds.setting IS 'number of the combination of learning rate, image size and config';
COMMENT ON COLUMN lesion_folds.state IS 'of its run, as in lesion_runs; planned: there is none yet';
COMMENT ON COLUMN lesion_folds.folds IS 'of the setting in all';
COMMENT ON COLUMN lesion_folds.differs IS 'as in lesion_evaluations';

CREATE VIEW lesion_cross_validations AS
WITH scored AS (
	SELECT f.model, f.setting, min(f.learning_rate) AS learning_rate, min(f.image_size) AS image_size,
		(pg_catalog.array_agg(f.config))[1] AS config, max(f.folds)::bigint AS folds,
		pg_catalog.count(f.version) AS folds_done, sum(f.n)::bigint AS n, avg(f.dice) AS fold_dice,
		min(f.dice) AS worst_fold_dice, string_agg(pg_catalog.format('fold %s: %s', f.fold, f.differs), '; '
			ORDER BY f.fold) FILTER (WHERE f.differs IS NOT NULL) AS differs
	FROM lesion_folds f GROUP BY f.model, f.setting),
pooled AS (
	SELECT f.model, f.setting, pg_catalog.array_agg(s.dice ORDER BY f.fold, s.score) AS dice,
		pg_catalog.array_agg(CASE WHEN s.jaccard >= 0.65::float8 THEN s.jaccard ELSE 0::float8 END
			ORDER BY f.fold, s.score) AS threshold_jaccard
	FROM lesion_folds f JOIN lesion_image_score s USING (evaluation) GROUP BY f.model, f.setting)
SELECT s.model, s.setting, s.learning_rate, s.image_size, s.config, s.folds, s.folds_done, s.n,
	d.mean AS dice, d.low AS dice_low, d.high AS dice_high,
	t.mean AS threshold_jaccard, t.low AS threshold_jaccard_low, t.high AS threshold_jaccard_high,
	s.fold_dice, s.worst_fold_dice,
	s.folds_done = s.folds AND d.mean IS NOT NULL AND pg_catalog.row_number() OVER (
		PARTITION BY s.model ORDER BY s.folds_done < s.folds, d.mean DESC NULLS LAST, s.setting) = 1 AS best,
	s.differs
FROM scored s
LEFT JOIN pooled p USING (model, setting)
LEFT JOIN LATERAL lesion_bootstrap(p.dice, 2000, 0.95::float8, 0::bigint) d ON true
LEFT JOIN LATERAL lesion_bootstrap(p.threshold_jaccard, 2000, 0.95::float8, 0::bigint) t ON true;

COMMENT ON VIEW lesion_cross_validations IS
'the out-of-fold scores of each setting of each lesion_cross_validate: every image is scored by the network whose '
'fold it is in';
COMMENT ON COLUMN lesion_cross_validations.model IS 'the ensemble of the best setting''s folds';
COMMENT ON COLUMN lesion_cross_validations.n IS 'images scored so far';
COMMENT ON COLUMN lesion_cross_validations.dice IS
'mean over images; dice_low and dice_high bound its 95 % bootstrap interval';
COMMENT ON COLUMN lesion_cross_validations.fold_dice IS 'mean over folds';
COMMENT ON COLUMN lesion_cross_validations.differs IS
'what lesion_folds.differs says, fold by fold; NULL where it says nothing';
COMMENT ON COLUMN lesion_cross_validations.best IS
'has it the highest dice of the settings whose folds are all trained? The ensemble is of its folds';

GRANT SELECT ON lesion_model, lesion_promotion, lesion_epoch, lesion_evaluation, lesion_audit,
	lesion_fold, lesion_folds, lesion_cross_validations,
	lesion_models, lesion_training_log, lesion_runs, lesion_training_progress,
	lesion_segmentation_progress, lesion_leaderboard, lesion_evaluations, lesion_robustness_score,
	lesion_robustness_table TO PUBLIC;

-- But not which images a version was trained on: whoever has a file could ask whether it is among them.
REVOKE SELECT ON lesion_version FROM PUBLIC;
GRANT SELECT (model, number, config, weights, sha256, image_size, threshold, split_seed, test_fraction, run, metadata,
	extension_version, created_at, created_by, temperature, review_below, enhance, split_columns,
	validation_fraction, fold, dice_coefficients, images_unknown) ON lesion_version TO PUBLIC;

-- Nor what ended a run: an error may quote what stands in a row of images. Nor the digest of what it saw and the masks'
-- mean share of lesion: who has all of these files but a few could try which of the others were among them.
REVOKE SELECT ON lesion_run FROM PUBLIC;
GRANT SELECT (run, model, version, state, sqlstate, stopped_by, images, epochs, seed, options, training_images,
	validation_images, test_images, skipped, broken, best_epoch, seconds, images_per_second, pid, resumed,
	started_at, finished_at, started_by) ON lesion_run TO PUBLIC;

-- Training and evaluation

CREATE FUNCTION lesion_split(id text, seed bigint DEFAULT 0, test_fraction float8 DEFAULT 0.2)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_split'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION lesion_split(text, bigint, float8) IS
'the part a row belongs to, ''train'' or ''test'': a hash of its id, so it stays the same when other rows come and go';

CREATE FUNCTION lesion_split(id text, seed bigint, test_fraction float8, validation_fraction float8)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_split_in_three'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION lesion_split(text, bigint, float8, float8) IS
'the part a row belongs to, ''train'', ''validation'' or ''test'', as a training tells them apart';

CREATE TYPE lesion_training_result AS (
	run bigint,
	model text,
	version int,
	promoted boolean,
	epochs int,
	best_epoch int,
	train_loss float8,
	val_loss float8,
	val_dice float8,
	dice float8,
	iou float8,
	jaccard float8,
	f1 float8,
	threshold_jaccard float8,
	training_images int,
	validation_images int,
	test_images int,
	skipped int,
	broken int,
	seconds float8,
	images_per_second float8,
	sha256 text
);

COMMENT ON TYPE lesion_training_result IS 'what a training run came to';
COMMENT ON COLUMN lesion_training_result.train_loss IS 'at the best epoch, as are val_loss and val_dice';
COMMENT ON COLUMN lesion_training_result.dice IS
'mean over test images; it and the scores that follow are NULL where there are none';

CREATE FUNCTION lesion_train(images regclass, model text, epochs int DEFAULT 30,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	image_size int DEFAULT 256, batch_size int DEFAULT 8, learning_rate float8 DEFAULT NULL,
	test_fraction float8 DEFAULT 0.2, seed bigint DEFAULT 0, augment jsonb DEFAULT '{}',
	promote text DEFAULT 'if_better', config jsonb DEFAULT '{}', architecture text DEFAULT NULL,
	split_seed bigint DEFAULT 0, options jsonb DEFAULT '{}', init text DEFAULT NULL,
	group_column text DEFAULT NULL, weight_column text DEFAULT NULL)
RETURNS lesion_training_result
AS 'MODULE_PATHNAME', 'lesion_train'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000000000;

COMMENT ON FUNCTION lesion_train(regclass, text, int, text, text, text, int, int, float8, float8, bigint, jsonb, text,
	jsonb, text, bigint, jsonb, text, text, text) IS
'train a model on the images and masks of a table, score it on the part held back and store the result as '
'a new version';

CREATE PROCEDURE lesion_retrain(images regclass, model text, epochs int DEFAULT 30,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	image_size int DEFAULT 256, batch_size int DEFAULT 8, learning_rate float8 DEFAULT NULL,
	test_fraction float8 DEFAULT 0.2, seed bigint DEFAULT 0, augment jsonb DEFAULT '{}',
	promote text DEFAULT 'if_better', config jsonb DEFAULT '{}', architecture text DEFAULT NULL,
	split_seed bigint DEFAULT 0, options jsonb DEFAULT '{}', init text DEFAULT NULL,
	resume boolean DEFAULT true, max_minutes float8 DEFAULT NULL, patience int DEFAULT NULL,
	group_column text DEFAULT NULL, weight_column text DEFAULT NULL)
AS 'MODULE_PATHNAME', 'lesion_retrain'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_retrain(regclass, text, int, text, text, text, int, int, float8, float8, bigint, jsonb,
	text, jsonb, text, bigint, jsonb, text, boolean, float8, int, text, text) IS
'train like lesion_train, committing after every epoch; a run that was stopped goes on when called again';

CREATE PROCEDURE lesion_cross_validate(images regclass, architecture text, folds int DEFAULT 5,
	model text DEFAULT NULL, epochs int DEFAULT 30, image_column text DEFAULT 'image', mask_column text DEFAULT 'mask',
	id_column text DEFAULT NULL, group_column text DEFAULT NULL, learning_rates float8[] DEFAULT ARRAY[NULL]::float8[],
	image_sizes int[] DEFAULT '{256}', configs jsonb DEFAULT '[{}]', batch_size int DEFAULT 8, seed bigint DEFAULT 0,
	split_seed bigint DEFAULT 0, augment jsonb DEFAULT '{}', options jsonb DEFAULT '{}',
	weight_column text DEFAULT NULL)
AS 'MODULE_PATHNAME', 'lesion_cross_validate'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_cross_validate(regclass, text, int, text, int, text, text, text, text, float8[], int[],
	jsonb, int, bigint, bigint, jsonb, jsonb, text) IS
'train a network for each fold of a table, score each image by the one that has not seen it, for each of the given '
'settings, and make an ensemble of the best one''s folds; called again it goes on';

CREATE FUNCTION lesion_evaluate(images regclass, model text, subset text DEFAULT 'test',
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	split_seed bigint DEFAULT NULL, test_fraction float8 DEFAULT NULL, threshold float8 DEFAULT NULL,
	version int DEFAULT NULL, tta boolean DEFAULT false, options jsonb DEFAULT '{}', enhance text DEFAULT NULL,
	group_column text DEFAULT NULL, validation_fraction float8 DEFAULT NULL, by_column text DEFAULT NULL)
RETURNS lesion_evaluation
AS 'MODULE_PATHNAME', 'lesion_evaluate'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_evaluate(regclass, text, text, text, text, text, bigint, float8, float8, int, boolean, jsonb,
	text, text, float8, text) IS
'score a model, or classical:otsu and its like, on images and masks of a table, and keep the scores';

CREATE FUNCTION lesion_compare(images regclass, model text, version_a int, version_b int DEFAULT NULL,
	subset text DEFAULT 'test', image_column text DEFAULT 'image', mask_column text DEFAULT 'mask',
	id_column text DEFAULT NULL, tta boolean DEFAULT false, draws int DEFAULT 2000, confidence float8 DEFAULT 0.95,
	seed bigint DEFAULT 0, group_column text DEFAULT NULL,
	OUT first int, OUT second int, OUT n bigint, OUT dice_a float8, OUT dice_b float8,
	OUT dice_difference float8, OUT dice_low float8, OUT dice_high float8,
	OUT jaccard_difference float8, OUT jaccard_low float8, OUT jaccard_high float8, OUT better int)
AS 'MODULE_PATHNAME', 'lesion_compare'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_compare(regclass, text, int, int, text, text, text, text, boolean, int, float8, bigint,
	text) IS
'score two versions of a model on the same rows; differences are b less a, with a paired bootstrap interval';

-- Robustness

CREATE FUNCTION lesion_robustness(images regclass, model text, subset text DEFAULT 'test', kinds text[] DEFAULT NULL,
	severities int[] DEFAULT '{1,2,3,4,5}', modes text[] DEFAULT '{off,auto}', max_images int DEFAULT NULL,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	version int DEFAULT NULL, threshold float8 DEFAULT NULL, tta boolean DEFAULT false, seed bigint DEFAULT 0,
	group_column text DEFAULT NULL,
	OUT kind text, OUT severity int, OUT enhance text, OUT dice float8, OUT "drop" float8, OUT n bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_robustness'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000000000 ROWS 132;

COMMENT ON FUNCTION lesion_robustness(regclass, text, text, text[], int[], text[], int, text, text, text, int, float8,
	boolean, bigint, text) IS
'score a model on the images of a table made worse in every way, as they are and enhanced, and keep the scores';

CREATE FUNCTION lesion_heat_map(row_names text[], column_names text[], cells float8[], worst float8 DEFAULT NULL,
	title text DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_heat_map'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION lesion_heat_map(text[], text[], float8[], float8, text) IS
'a table of numbers as PNG, row by row, the darker the larger, with a scale and a title; worst is the number that is '
'darkest, the largest one unless given';

CREATE FUNCTION lesion_robustness_cells(model text, version int DEFAULT NULL, images regclass DEFAULT NULL,
	OUT row_names text[], OUT column_names text[], OUT cells float8[], OUT measured_on text, OUT measured_how text,
	OUT measured_version int)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20000
SET quote_all_identifiers = off
BEGIN ATOMIC
	WITH active AS MATERIALIZED (
		SELECT m.version FROM lesion_models m WHERE m.model = lesion_robustness_cells.model),
	trained AS MATERIALIZED (
		SELECT v.number AS version, r.images
		FROM lesion_version v JOIN lesion_version t ON t.sha256 = v.sha256
			JOIN lesion_runs r ON r.model = t.model AND r.version = t.number
		WHERE v.model = lesion_robustness_cells.model AND r.images IS NOT NULL),
	spoken AS (
		SELECT s.version, s.images, s.subset, s.split_columns, s.n, s.seed, s.threshold, s.tta, s.image_column,
			s.mask_column, s.id_column, s.sampled, s.viewed_as, s.kept_snapshot, s.differs
		FROM lesion_robustness_table s
		WHERE s.model = lesion_robustness_cells.model
			AND (lesion_robustness_cells.version IS NULL OR s.version = lesion_robustness_cells.version)
			AND (lesion_robustness_cells.images IS NULL OR s.images = (
				SELECT pg_catalog.quote_ident(n.nspname::text) || '.'::text
					|| pg_catalog.quote_ident(c.relname::text)
				FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE c.oid = lesion_robustness_cells.images::oid))
		ORDER BY s.differs IS NOT NULL, s.version NOT IN (SELECT a.version FROM active a WHERE a.version IS NOT NULL),
			(s.version, s.images) NOT IN (SELECT t.version, t.images FROM trained t),
			s.sampled IS DISTINCT FROM false, s.subset <> 'test', s.n DESC, s.evaluated_at DESC LIMIT 1),
	latest AS (
		SELECT t.kind, t.severity, t.enhance, t."drop"
		FROM lesion_robustness_table t JOIN spoken l
		ON (t.version, t.images, t.subset, t.n, t.seed, t.threshold, t.tta)
			= (l.version, l.images, l.subset, l.n, l.seed, l.threshold, l.tta)
			AND (t.split_columns::text, t.image_column, t.mask_column, t.id_column, t.sampled, t.viewed_as,
				t.kept_snapshot)
			IS NOT DISTINCT FROM (l.split_columns::text, l.image_column, l.mask_column, l.id_column, l.sampled,
				l.viewed_as, l.kept_snapshot)
		WHERE t.model = lesion_robustness_cells.model AND (t.kind = 'clean') = (t.severity = 0)),
	kinds AS (
		SELECT k.kind, k.n FROM (
			SELECT 'clean' AS kind, 0 AS n
			UNION ALL
			SELECT d.kind, d.number
			FROM lesion_degradations() WITH ORDINALITY AS d (kind, description, number)) k
		WHERE EXISTS (SELECT FROM latest l WHERE l.kind = k.kind)),
	columns AS (
		SELECT e.enhance, e.n AS mode, s.severity
		FROM (VALUES ('off', 1), ('auto', 2), ('always', 3)) AS e (enhance, n),
			pg_catalog.generate_series(1, 5) AS s (severity)
		WHERE EXISTS (SELECT FROM latest l WHERE l.enhance = e.enhance AND (l.severity = s.severity)))
	SELECT
		(SELECT pg_catalog.array_agg(k.kind ORDER BY k.n) FROM kinds k),
		(SELECT pg_catalog.array_agg(c.enhance || ' ' OPERATOR(pg_catalog.||) c.severity ORDER BY c.mode, c.severity)
			FROM columns c),
		(SELECT pg_catalog.array_agg(100::float8 * l."drop" ORDER BY k.n, c.mode, c.severity)
			FROM kinds k CROSS JOIN columns c
			LEFT JOIN latest l ON l.kind = k.kind AND l.enhance = c.enhance
				AND (l.severity = c.severity OR k.kind = 'clean')),
		l.images,
		pg_catalog.concat_ws(', ', l.subset, pg_catalog.format(
			CASE WHEN l.sampled THEN 'a sample of %s images' ELSE '%s images' END, l.n), l.differs),
		l.version
	FROM spoken l;
END;

COMMENT ON FUNCTION lesion_robustness_cells(text, int, regclass) IS
'one robustness table of a model, by the version''s own settings, of the active version, on the table that it was '
'trained on and that of most images before others: what each kind (row) and severity (column) costs in Dice points, '
'row by row; the table of images that it was measured on, how, and which version; NULLs where there is none';

CREATE FUNCTION lesion_robustness_picture(model text, version int DEFAULT NULL, images regclass DEFAULT NULL)
RETURNS bytea
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20000
BEGIN ATOMIC
	SELECT lesion_heat_map(c.row_names, c.column_names, c.cells, NULL::float8,
		pg_catalog.format('Dice points lost by %s %s, %s (%s)', lesion_robustness_picture.model, c.measured_version,
			c.measured_on, c.measured_how))
	FROM lesion_robustness_cells(lesion_robustness_picture.model, lesion_robustness_picture.version,
		lesion_robustness_picture.images) c
	WHERE c.cells IS NOT NULL;
END;

COMMENT ON FUNCTION lesion_robustness_picture(text, int, regclass) IS
'the robustness table of lesion_robustness_cells as PNG: what each kind and severity costs in Dice points; '
'NULL where there is none';

-- Segmentation

CREATE FUNCTION lesion_segment(image bytea, model text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_segment'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2000000;

COMMENT ON FUNCTION lesion_segment(bytea, text, float8, boolean, text, jsonb) IS
'the mask of the lesion in an image, PNG of the image''s size; NULL for a NULL image; '
'the model is lesionseg.default_model unless named';

-- The mask of an image by weights that are named by what they are: nothing else of the
-- database counts. A pin has no collation, so postgres_fdw sends a call with one; the call
-- of lesion_segment_pinned becomes that when it is planned.

CREATE FUNCTION lesion_pin(weights_sha256 text, threshold float8 DEFAULT 0.5, image_size int DEFAULT 256,
	"precision" text DEFAULT 'f32', tta boolean DEFAULT false, enhance text DEFAULT 'off',
	options jsonb DEFAULT '{}')
RETURNS jsonb
AS 'MODULE_PATHNAME', 'lesion_pin'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_pin(text, float8, int, text, boolean, text, jsonb) IS
'all that a mask of lesion_segment_pinned follows from beside the image, checked, for lesion_segment_by_pin';

CREATE FUNCTION lesion_segment_by_pin(image bytea, pin jsonb)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_segment_by_pin'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2000000;

COMMENT ON FUNCTION lesion_segment_by_pin(bytea, jsonb) IS
'what lesion_segment_pinned returns, with its other arguments as one pin';

CREATE FUNCTION lesion_segment_pinned(image bytea, weights_sha256 text, threshold float8 DEFAULT 0.5,
	image_size int DEFAULT 256, "precision" text DEFAULT 'f32', tta boolean DEFAULT false,
	enhance text DEFAULT 'off', options jsonb DEFAULT '{}')
RETURNS bytea
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2000000
RETURN lesion_segment_by_pin(image, lesion_pin(weights_sha256, threshold, image_size, "precision", tta, enhance,
	options));

COMMENT ON FUNCTION lesion_segment_pinned(bytea, text, float8, int, text, boolean, text, jsonb) IS
'the mask of the lesion in an image by the weights of that SHA-256, or an error where they are not here; '
'depends on no setting, name or promotion';

CREATE TYPE lesion_segmentation AS (
	mask bytea,
	probability bytea,
	confidence float8,
	uncertain float8,
	area float8,
	box int[],
	components int,
	model text,
	version int,
	sha256 text,
	disagreement float8,
	predicted_dice float8,
	quality float8,
	needs_review boolean
);

COMMENT ON TYPE lesion_segmentation IS 'a mask and what is known about it';
COMMENT ON COLUMN lesion_segmentation.mask IS 'PNG, 0 or 255, the size of the image';
COMMENT ON COLUMN lesion_segmentation.probability IS 'PNG, 255 times each pixel''s calibrated probability to be lesion';
COMMENT ON COLUMN lesion_segmentation.confidence IS 'mean over pixels of |2p - 1|, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.uncertain IS 'share of pixels with a probability strictly between 0.25 and 0.75';
COMMENT ON COLUMN lesion_segmentation.area IS 'share of pixels that are lesion, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.box IS
'{x, y, width, height} of the lesion in pixels from the upper left corner; NULL when there is none';
COMMENT ON COLUMN lesion_segmentation.components IS
'connected parts of the lesion; pixels that touch at a corner are connected';
COMMENT ON COLUMN lesion_segmentation.disagreement IS
'how much the masks of an ensemble''s members, or the eight views of test-time augmentation, differ: 1 - Dice between '
'two of them, over all pairs; NULL for a network without tta';
COMMENT ON COLUMN lesion_segmentation.predicted_dice IS
'the Dice that the mask may expect, from its calibrated probabilities';
COMMENT ON COLUMN lesion_segmentation.quality IS 'lesion_quality''s score of the image, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.needs_review IS
'predicted_dice is below the version''s review threshold: someone should look at the mask';

CREATE FUNCTION lesion_segment_detail(image bytea, model text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS lesion_segmentation
AS 'MODULE_PATHNAME', 'lesion_segment_detail'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2500000;

COMMENT ON FUNCTION lesion_segment_detail(bytea, text, float8, boolean, text, jsonb) IS
'like lesion_segment, with the probabilities, how sure the model is, the lesion''s extent, and which weights made it';

-- Predictions

CREATE FUNCTION lesion_segment_version(image bytea, model text, version int, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS lesion_segmentation
AS 'MODULE_PATHNAME', 'lesion_segment_version'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2500000;

COMMENT ON FUNCTION lesion_segment_version(bytea, text, int, float8, boolean, text, jsonb) IS
'like lesion_segment_detail, with a version that need not be the active one';

CREATE FUNCTION lesion_instances(image bytea, model text DEFAULT 'maskrcnn',
	OUT instance int, OUT score float8, OUT box int[], OUT mask bytea)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_instances'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2500000 ROWS 1;

COMMENT ON FUNCTION lesion_instances(bytea, text) IS
'the lesions that a model of architecture maskrcnn finds in an image, best first: '
'score 0 to 1, box {x, y, width, height} in pixels, mask (PNG of the image''s size)';

CREATE TYPE lesion_prediction AS (
	images text,
	id text,
	mask bytea,
	area float8,
	confidence float8,
	uncertain float8,
	disagreement float8,
	predicted_dice float8,
	quality float8,
	needs_review boolean,
	error text,
	model text,
	version int,
	weights_sha256 bytea,
	image_sha256 bytea,
	options jsonb,
	extension_version text,
	backend text,
	precision text,
	predicted_at timestamptz,
	predicted_by text
);

COMMENT ON TYPE lesion_prediction IS
'a mask and what made it: CREATE TABLE masks (LIKE lesion_prediction) for lesion_predict to write to';
COMMENT ON COLUMN lesion_prediction.images IS 'the table of the image';
COMMENT ON COLUMN lesion_prediction.id IS 'the image''s key there, as text';
COMMENT ON COLUMN lesion_prediction.mask IS
'as lesion_segment_detail gives it, as is what follows; NULL where the image cannot be segmented';
COMMENT ON COLUMN lesion_prediction.error IS 'why there is no mask';
COMMENT ON COLUMN lesion_prediction.weights_sha256 IS 'of the version''s weights';
COMMENT ON COLUMN lesion_prediction.image_sha256 IS 'of the image''s bytes';
COMMENT ON COLUMN lesion_prediction.options IS
'what else the mask depends on: columns, threshold (absent: the version''s own), tta, enhance, '
'the options of lesion_segment as options, threads';
COMMENT ON COLUMN lesion_prediction.backend IS 'what computed it, as is precision';

CREATE PROCEDURE lesion_predict(images regclass, model text, into_table regclass,
	image_column text DEFAULT 'image', id_column text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, batch_size int DEFAULT 100, max_minutes float8 DEFAULT NULL,
	options jsonb DEFAULT '{}', part_of regclass DEFAULT NULL)
AS 'MODULE_PATHNAME', 'lesion_predict'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_predict(regclass, text, regclass, text, text, float8, boolean, text, int, float8, jsonb,
	regclass) IS
'segment the images that have no mask from the active version yet, committing in batches';

CREATE FUNCTION lesion_reproduce(prediction record, OUT agrees boolean, OUT reason text)
AS 'MODULE_PATHNAME', 'lesion_reproduce'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 2500000;

COMMENT ON FUNCTION lesion_reproduce(record) IS
'make a mask that lesion_predict stored again and compare its bytes and figures: agrees is NULL where it cannot be '
'made again, and reason says why';

CREATE FUNCTION lesion_reproduce(prediction record, image bytea, OUT agrees boolean, OUT reason text)
AS 'MODULE_PATHNAME', 'lesion_reproduce_image'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 2500000;

COMMENT ON FUNCTION lesion_reproduce(record, bytea) IS
'the same of an image that the caller gives, so that nothing is read by the name in the row';

CREATE FUNCTION lesion_drift(predictions regclass, every_version boolean DEFAULT false,
	OUT week date, OUT model text, OUT version int, OUT images bigint, OUT errors bigint,
	OUT area float8, OUT confidence float8, OUT quality float8, OUT predicted_dice float8, OUT review float8,
	OUT area_shift float8, OUT confidence_shift float8, OUT quality_shift float8, OUT invalid bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_drift'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 52;

COMMENT ON FUNCTION lesion_drift(regclass, boolean) IS
'by the week in which images came: means of their masks, and how far they are from those of the weeks before, '
'in standard deviations of an image';

CREATE TYPE lesion_verdict AS (
	images text,
	id text,
	verdict text,
	reason text,
	corrected_mask bytea,
	mask_sha256 bytea,
	model text,
	version int,
	decided_at timestamptz,
	decided_by text
);

COMMENT ON TYPE lesion_verdict IS
'what a reviewer says of a mask: CREATE TABLE verdicts (LIKE lesion_verdict) for lesion_verdict_add to write to';
COMMENT ON COLUMN lesion_verdict.images IS 'the table of the image';
COMMENT ON COLUMN lesion_verdict.id IS 'the image''s key there, as text';
COMMENT ON COLUMN lesion_verdict.verdict IS 'accept, correct or reject';
COMMENT ON COLUMN lesion_verdict.corrected_mask IS 'the mask as it should be, where the verdict is correct';
COMMENT ON COLUMN lesion_verdict.mask_sha256 IS 'of the mask that was looked at; NULL where the image had none';
COMMENT ON COLUMN lesion_verdict.model IS 'what made that mask, as is version';

CREATE FUNCTION lesion_verdict_add(verdicts regclass, predictions regclass, id text, verdict text,
	reason text DEFAULT NULL, corrected_mask bytea DEFAULT NULL, images text DEFAULT NULL,
	mask_sha256 bytea DEFAULT NULL)
RETURNS lesion_verdict
AS 'MODULE_PATHNAME', 'lesion_verdict_add'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION lesion_verdict_add(regclass, regclass, text, text, text, bytea, text, bytea) IS
'accept, correct or reject the latest mask of an image, and keep who did it, when, and the SHA-256 of the mask';

CREATE FUNCTION lesion_review_queue(predictions regclass, verdicts regclass DEFAULT NULL,
	OUT rank bigint, OUT images text, OUT id text, OUT model text, OUT version int, OUT predicted_dice float8,
	OUT disagreement float8, OUT quality float8, OUT needs_review boolean, OUT error text, OUT priority float8,
	OUT predicted_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_review_queue'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 100000 ROWS 1000;

COMMENT ON FUNCTION lesion_review_queue(regclass, regclass) IS
'the latest mask of each image that has no verdict yet, in the order in which to look at them';

CREATE FUNCTION lesion_reviewed_masks(predictions regclass, verdicts regclass,
	OUT images text, OUT id text, OUT mask bytea, OUT verdict text, OUT decided_at timestamptz, OUT decided_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_reviewed_masks'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 1000;

COMMENT ON FUNCTION lesion_reviewed_masks(regclass, regclass) IS
'the masks that people stand behind, for training: accepted ones and corrections, one for each image';

CREATE FUNCTION lesion_cache_stats(OUT loads bigint, OUT hits bigint, OUT entries int, OUT bytes bigint)
AS 'MODULE_PATHNAME', 'lesion_cache_stats'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION lesion_cache_stats() IS
'models this session loaded and found ready since it began, and those it holds now (lesionseg.model_cache)';

-- Report

CREATE FUNCTION lesion_report(models text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL, predictions regclass[] DEFAULT NULL, verdicts regclass DEFAULT NULL,
	images regclass[] DEFAULT NULL, pictures int DEFAULT 9, image_column text DEFAULT 'image',
	mask_column text DEFAULT 'mask', id_column text DEFAULT NULL, title text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_report'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 10000000;

COMMENT ON FUNCTION lesion_report(text[], timestamptz, timestamptz, regclass[], regclass, regclass[], int, text, text,
	text, text) IS
'one HTML page about models, their scores, the masks they made in a period and what was said of them; it needs '
'no script and nothing from elsewhere';

-- The registry

CREATE FUNCTION lesion_model_create(name text, architecture text, config jsonb DEFAULT '{}')
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_create'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_create(text, text, jsonb) IS 'make a model without a version yet';

CREATE FUNCTION lesion_model_import(name text, weights bytea, architecture text DEFAULT NULL,
	config jsonb DEFAULT '{}', image_size int DEFAULT NULL, threshold float8 DEFAULT NULL,
	promote boolean DEFAULT true, weights_sha256 text DEFAULT NULL, traits jsonb DEFAULT NULL)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_import'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_import(text, bytea, text, jsonb, int, float8, boolean, text, jsonb) IS
'add a safetensors file as a version of a model, which is made if need be; returns the version; '
'refuses weights that have not weights_sha256, where it is given';

CREATE FUNCTION lesion_model_export(name text, version int DEFAULT NULL, dtype text DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_model_export'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_model_export(text, int, text) IS
'the weights of a version, of the active one unless named, as a safetensors file; '
'dtype f32, bf16 or f16 writes them anew';

CREATE FUNCTION lesion_model_traits(name text, version int DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'lesion_model_traits'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_model_traits(text, int) IS
'how a version is used, the active one unless named: image_size, threshold, temperature, review_below, enhance and the '
'coefficients of the predicted Dice; for lesion_model_import where the weights go';

CREATE FUNCTION lesion_ensemble_fit(model text, images regclass, image_column text DEFAULT 'image',
	mask_column text DEFAULT 'mask', id_column text DEFAULT NULL, validation_fraction float8 DEFAULT NULL,
	tta boolean DEFAULT false, promote boolean DEFAULT true, group_column text DEFAULT NULL, seed bigint DEFAULT 0,
	OUT version int, OUT members text[], OUT weights float8[], OUT threshold float8, OUT n bigint, OUT jaccard float8,
	OUT equal_jaccard float8)
AS 'MODULE_PATHNAME', 'lesion_ensemble_fit'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_ensemble_fit(text, regclass, text, text, text, float8, boolean, boolean, text, bigint) IS
'find the weights of an ensemble''s members on the validation rows of a table and add a version of their active '
'versions with these';

CREATE FUNCTION lesion_model_promote(name text, version int)
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_promote'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_promote(text, int) IS 'make a version the one that is used, from the next query on';

CREATE FUNCTION lesion_model_rollback(name text)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_rollback'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_rollback(text) IS
'make the version active again that was so before the active one, and return its number';

CREATE FUNCTION lesion_model_drop(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_drop'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_drop(text) IS 'remove a model with its versions, runs and scores';

-- Training across hospitals

-- The mean of weights has no combine function: sums of doubles depend on their order, and its rows are in one
-- order only where one process adds them all.

CREATE FUNCTION lesion_weights_mean_add(state internal, weights bytea, n float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'lesion_weights_mean_add'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_weights_mean_add(internal, bytea, float8) IS
'transition function of lesion_weights_mean: the state with one weight file added';

CREATE FUNCTION lesion_weights_mean_final(state internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_weights_mean_final'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_weights_mean_final(internal) IS
'final function of lesion_weights_mean: the mean as a weight file';

CREATE AGGREGATE lesion_weights_mean(weights bytea, n float8) (
	SFUNC = lesion_weights_mean_add,
	STYPE = internal,
	SSPACE = 10000000,
	FINALFUNC = lesion_weights_mean_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_weights_mean(bytea, float8) IS
'the mean of weight files of one network, each counted n times, as a weight file; depends on the order of rows';

CREATE FUNCTION lesion_weights_keep_norms(weights bytea, own bytea, scales boolean DEFAULT false)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_weights_keep_norms'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_weights_keep_norms(bytea, bytea, boolean) IS
'weights with the running statistics of batch norms of a hospital''s own file; with scales, their scales and shifts';

CREATE FUNCTION lesion_weights_clip(weights bytea, start bytea, clip_norm float8, noise_multiplier float8 DEFAULT 0)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_weights_clip'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_weights_clip(bytea, bytea, float8, float8) IS
'weights whose distance from the start of training is limited, with random noise: what may leave a hospital';

CREATE FUNCTION lesion_weights_distance(weights bytea, start bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_weights_distance'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION lesion_weights_distance(bytea, bytea) IS
'the L2 norm of what training changed, without running statistics: what lesion_weights_clip limits';

CREATE FUNCTION lesion_calibrate(model text, images regclass, subset text DEFAULT 'validation',
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	group_column text DEFAULT NULL, version int DEFAULT NULL, split_seed bigint DEFAULT NULL,
	test_fraction float8 DEFAULT NULL, validation_fraction float8 DEFAULT NULL, promote text DEFAULT 'if_better',
	threshold float8 DEFAULT NULL,
	OUT new_version int, OUT promoted boolean, OUT n bigint, OUT threshold float8, OUT temperature float8,
	OUT review_below float8)
AS 'MODULE_PATHNAME', 'lesion_calibrate'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_calibrate(text, regclass, text, text, text, text, text, int, bigint, float8, float8, text,
	float8) IS
'fit threshold, temperature, coefficients of the predicted Dice and review threshold of a version that came from '
'elsewhere to rows of a table, and add a version with them and the same weights';

CREATE PROCEDURE lesion_train_across(servers text[], images text[], model text, rounds int DEFAULT 10,
	epochs int DEFAULT 1, image_column text DEFAULT 'image', mask_column text DEFAULT 'mask',
	id_column text DEFAULT NULL, image_size int DEFAULT 256, batch_size int DEFAULT 8,
	learning_rate float8 DEFAULT NULL, test_fraction float8 DEFAULT 0.2, seed bigint DEFAULT 0,
	augment jsonb DEFAULT '{}', promote text DEFAULT 'if_better', config jsonb DEFAULT '{}',
	architecture text DEFAULT NULL, split_seed bigint DEFAULT 0, options jsonb DEFAULT '{}', init text DEFAULT NULL,
	group_column text DEFAULT NULL, weight_column text DEFAULT NULL, clip_norm float8 DEFAULT NULL,
	noise_multiplier float8 DEFAULT 0)
AS 'MODULE_PATHNAME', 'lesion_train_across'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_train_across(text[], text[], text, int, int, text, text, text, int, int, float8, float8,
	bigint, jsonb, text, jsonb, text, bigint, jsonb, text, text, text, float8, float8) IS
'train a network across hospitals by federated averaging: images stay where they are, weights and scores travel; '
'the same call goes on when it was stopped';

-- ==== What columns hold ====

COMMENT ON COLUMN lesion_score_result.iou IS 'pooled: TP / (TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_score_result.f1 IS 'pooled: 2TP / (2TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_evaluation.evaluation IS 'tells evaluations apart';
COMMENT ON COLUMN lesion_evaluation.model IS 'model that was scored, or classical:otsu and its like';
COMMENT ON COLUMN lesion_evaluation.version IS 'and its version; NULL of a classical method';
COMMENT ON COLUMN lesion_evaluation.subset IS 'which rows were scored: test, validation, train or all';
COMMENT ON COLUMN lesion_evaluation.split_seed IS 'seed of the split';
COMMENT ON COLUMN lesion_evaluation.test_fraction IS 'share of rows that are held out';
COMMENT ON COLUMN lesion_evaluation.threshold IS
'probability above which a pixel is lesion; NULL of a classical method';
COMMENT ON COLUMN lesion_evaluation.dice IS 'mean over images of Dice';
COMMENT ON COLUMN lesion_evaluation.iou IS 'pooled: TP / (TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_evaluation.jaccard IS 'mean over images of TP / (TP + FP + FN)';
COMMENT ON COLUMN lesion_evaluation.f1 IS 'pooled: 2TP / (2TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_evaluation.threshold_jaccard IS
'mean over images of Jaccard, values below 0.65 counted as 0';
COMMENT ON COLUMN lesion_evaluation.sensitivity IS 'mean over images';
COMMENT ON COLUMN lesion_evaluation.specificity IS 'mean over images';
COMMENT ON COLUMN lesion_evaluation."precision" IS 'mean over images';
COMMENT ON COLUMN lesion_evaluation.accuracy IS 'mean over images';
COMMENT ON COLUMN lesion_evaluation.seconds IS 'of everything';
COMMENT ON COLUMN lesion_evaluation.evaluated_at IS 'when it began: rows are no older';
COMMENT ON COLUMN lesion_evaluation.evaluated_by IS 'role that called it';
COMMENT ON COLUMN lesion_evaluation.validation_fraction IS 'share of the other rows that are for validation';
COMMENT ON COLUMN lesion_image_score.evaluation IS 'that it belongs to';
COMMENT ON COLUMN lesion_image_score.id IS 'the image''s key, as text';
COMMENT ON COLUMN lesion_image_score.dice IS 'of this image';
COMMENT ON COLUMN lesion_image_score.jaccard IS 'of this image';
COMMENT ON COLUMN lesion_image_score.sensitivity IS 'of this image';
COMMENT ON COLUMN lesion_image_score.specificity IS 'of this image';
COMMENT ON COLUMN lesion_image_score.surface_dice IS 'of this image';
COMMENT ON COLUMN lesion_training_result.run IS 'of lesion_run';
COMMENT ON COLUMN lesion_training_result.model IS 'that was trained';
COMMENT ON COLUMN lesion_training_result.version IS 'that the run made';
COMMENT ON COLUMN lesion_training_result.promoted IS 'is it the active version now?';
COMMENT ON COLUMN lesion_training_result.epochs IS 'that were run';
COMMENT ON COLUMN lesion_training_result.best_epoch IS 'whose weights were kept';
COMMENT ON COLUMN lesion_training_result.iou IS 'pooled over the pixels of all test images';
COMMENT ON COLUMN lesion_training_result.f1 IS 'pooled over the pixels of all test images';
COMMENT ON COLUMN lesion_training_result.jaccard IS 'mean over test images';
COMMENT ON COLUMN lesion_training_result.threshold_jaccard IS 'mean over test images, values below 0.65 counted as 0';
COMMENT ON COLUMN lesion_training_result.training_images IS 'images trained on';
COMMENT ON COLUMN lesion_training_result.validation_images IS 'that chose the epoch';
COMMENT ON COLUMN lesion_training_result.test_images IS 'held out';
COMMENT ON COLUMN lesion_training_result.skipped IS 'rows with a NULL, or with an id or a group that is too long';
COMMENT ON COLUMN lesion_training_result.broken IS 'rows whose image or mask cannot be used';
COMMENT ON COLUMN lesion_training_result.seconds IS 'of everything';
COMMENT ON COLUMN lesion_training_result.images_per_second IS 'of training alone';
COMMENT ON COLUMN lesion_training_result.sha256 IS 'of the weights, in hexadecimal digits';
COMMENT ON COLUMN lesion_segmentation.model IS 'that made the mask';
COMMENT ON COLUMN lesion_segmentation.version IS 'of the model';
COMMENT ON COLUMN lesion_segmentation.sha256 IS 'of the version''s weights, in hexadecimal digits';
COMMENT ON COLUMN lesion_prediction.area IS 'share of pixels that are lesion, 0 to 1';
COMMENT ON COLUMN lesion_prediction.confidence IS 'mean over pixels of |2p - 1|, 0 to 1';
COMMENT ON COLUMN lesion_prediction.uncertain IS 'share of pixels with a probability between 0.25 and 0.75';
COMMENT ON COLUMN lesion_prediction.disagreement IS
'how much the members of an ensemble, or the eight views of test-time augmentation, differ; NULL without either';
COMMENT ON COLUMN lesion_prediction.predicted_dice IS 'the Dice that the mask may expect';
COMMENT ON COLUMN lesion_prediction.quality IS 'lesion_quality''s score of the image, 0 to 1';
COMMENT ON COLUMN lesion_prediction.needs_review IS
'predicted_dice is below the version''s review threshold: someone should look at the mask';
COMMENT ON COLUMN lesion_prediction.model IS 'that made the mask';
COMMENT ON COLUMN lesion_prediction.version IS 'of the model';
COMMENT ON COLUMN lesion_prediction.extension_version IS 'of lesionseg';
COMMENT ON COLUMN lesion_prediction."precision" IS 'number format that it was computed in';
COMMENT ON COLUMN lesion_prediction.predicted_at IS 'when';
COMMENT ON COLUMN lesion_prediction.predicted_by IS 'role that called lesion_predict';
COMMENT ON COLUMN lesion_leaderboard.model IS 'that was scored';
COMMENT ON COLUMN lesion_leaderboard.version IS 'and its version; NULL of a classical method';
COMMENT ON COLUMN lesion_leaderboard.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_leaderboard.subset IS 'which rows were scored: test, validation, train or all';
COMMENT ON COLUMN lesion_leaderboard.n IS 'images scored';
COMMENT ON COLUMN lesion_leaderboard.dice IS 'mean over images of Dice';
COMMENT ON COLUMN lesion_leaderboard.iou IS 'pooled: TP / (TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_leaderboard.jaccard IS 'mean over images of TP / (TP + FP + FN)';
COMMENT ON COLUMN lesion_leaderboard.f1 IS 'pooled: 2TP / (2TP + FP + FN) over the pixels of all images';
COMMENT ON COLUMN lesion_leaderboard.threshold_jaccard IS
'mean over images of Jaccard, values below 0.65 counted as 0';
COMMENT ON COLUMN lesion_leaderboard.images_per_second IS 'decoding, network and resizing';
COMMENT ON COLUMN lesion_leaderboard.evaluated_at IS 'when';
COMMENT ON COLUMN lesion_leaderboard.options IS 'how it segmented, where not by default: {"tta": true}';
COMMENT ON COLUMN lesion_leaderboard.split_columns IS 'what the rows were split by';
COMMENT ON COLUMN lesion_leaderboard.seen IS
'images scored that the version was trained on; NULL where that is not known';
COMMENT ON COLUMN lesion_leaderboard.hausdorff95 IS 'mean over images, in pixels of the truth';
COMMENT ON COLUMN lesion_leaderboard.assd IS 'mean over images, in pixels of the truth';
COMMENT ON COLUMN lesion_leaderboard.surface_dice IS 'mean over images';
COMMENT ON COLUMN lesion_leaderboard.differs IS 'as in lesion_evaluations';
COMMENT ON COLUMN lesion_leaderboard.image_column IS 'what was scored';
COMMENT ON COLUMN lesion_leaderboard.mask_column IS 'the truth; scores of other masks cannot be compared with these';
COMMENT ON COLUMN lesion_worst_cases.model IS 'that was scored';
COMMENT ON COLUMN lesion_worst_cases.version IS 'and its version; NULL of a classical method';
COMMENT ON COLUMN lesion_worst_cases.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_worst_cases.subset IS 'which rows were scored';
COMMENT ON COLUMN lesion_worst_cases.id IS 'the image''s key, as text';
COMMENT ON COLUMN lesion_worst_cases.dice IS 'of this image';
COMMENT ON COLUMN lesion_worst_cases.jaccard IS 'of this image';
COMMENT ON COLUMN lesion_worst_cases.sensitivity IS 'of this image';
COMMENT ON COLUMN lesion_worst_cases.specificity IS 'of this image';
COMMENT ON COLUMN lesion_worst_cases.predicted_dice IS
'what the mask was expected to come to; NULL of a classical method';
COMMENT ON COLUMN lesion_worst_cases.rank IS '1 is the worst of the evaluation';
COMMENT ON COLUMN lesion_worst_cases.evaluation IS 'that it belongs to';
COMMENT ON COLUMN lesion_worst_cases.evaluated_at IS 'when';
COMMENT ON COLUMN lesion_worst_cases.hausdorff95 IS 'of this image, in pixels of the truth';
COMMENT ON COLUMN lesion_worst_cases.assd IS 'of this image, in pixels of the truth';
COMMENT ON COLUMN lesion_worst_cases.surface_dice IS 'of this image';
COMMENT ON COLUMN lesion_models.model IS 'its name';
COMMENT ON COLUMN lesion_models.architecture IS 'unet, linknet, convmixer, maskrcnn or ensemble';
COMMENT ON COLUMN lesion_models.config IS 'width and depth of the network';
COMMENT ON COLUMN lesion_models.version IS 'the active one; NULL: none yet';
COMMENT ON COLUMN lesion_models.versions IS 'how many there are';
COMMENT ON COLUMN lesion_models.image_size IS 'pixels, width and height at which the active version sees images';
COMMENT ON COLUMN lesion_models.threshold IS 'probability above which a pixel is lesion';
COMMENT ON COLUMN lesion_models.sha256 IS 'of the active version''s weights';
COMMENT ON COLUMN lesion_models.bytes IS 'of the active version''s weights';
COMMENT ON COLUMN lesion_models.bundled IS 'did it come with the extension?';
COMMENT ON COLUMN lesion_models.created_at IS 'when the model was made';
COMMENT ON COLUMN lesion_models.version_created_at IS 'when the active version was made';
COMMENT ON COLUMN lesion_robustness_table.model IS 'that was scored';
COMMENT ON COLUMN lesion_robustness_table.version IS 'and its version';
COMMENT ON COLUMN lesion_robustness_table.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_robustness_table.subset IS 'which rows were scored';
COMMENT ON COLUMN lesion_robustness_table.kind IS 'of degradation; clean: none';
COMMENT ON COLUMN lesion_robustness_table.severity IS '1 to 5; 0: none';
COMMENT ON COLUMN lesion_robustness_table.enhance IS 'off, auto or always';
COMMENT ON COLUMN lesion_robustness_table.dice IS 'mean over images';
COMMENT ON COLUMN lesion_robustness_table."drop" IS 'Dice of clean images that are not enhanced, less dice';
COMMENT ON COLUMN lesion_robustness_table.n IS 'images scored';
COMMENT ON COLUMN lesion_robustness_table.evaluated_at IS 'when';
COMMENT ON COLUMN lesion_robustness_table.seed IS 'of the degradations and the sample';
COMMENT ON COLUMN lesion_robustness_table.threshold IS 'probability above which a pixel is lesion';
COMMENT ON COLUMN lesion_robustness_table.tta IS 'with test-time augmentation?';
COMMENT ON COLUMN lesion_robustness_table.split_columns IS 'what the rows were split by';
COMMENT ON COLUMN lesion_robustness_table.image_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_table.mask_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_table.id_column IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_table.sampled IS 'was a part of the subset''s images drawn, and not all taken?';
COMMENT ON COLUMN lesion_robustness_table.differs IS
'split, threshold, tta, seed or columns, where they are not the version''s own or the default; how many images of a '
'test or validation part the version was trained on; who measured, where others may see other rows; else NULL';
COMMENT ON COLUMN lesion_robustness_table.viewed_as IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_robustness_table.kept_snapshot IS 'as in lesion_evaluation';
COMMENT ON COLUMN lesion_runs.run IS 'tells runs apart';
COMMENT ON COLUMN lesion_runs.model IS 'that is trained';
COMMENT ON COLUMN lesion_runs.version IS 'that it made; NULL: none';
COMMENT ON COLUMN lesion_runs.state IS 'running, finished, cancelled, failed or lost';
COMMENT ON COLUMN lesion_runs.sqlstate IS 'of the error';
COMMENT ON COLUMN lesion_runs.stopped_by IS 'patience or max_minutes; NULL: neither';
COMMENT ON COLUMN lesion_runs.images IS 'the table it learns from';
COMMENT ON COLUMN lesion_runs.epochs IS 'asked for';
COMMENT ON COLUMN lesion_runs.epochs_done IS 'so far';
COMMENT ON COLUMN lesion_runs.best_epoch IS 'whose weights are kept';
COMMENT ON COLUMN lesion_runs.resumed IS 'how often it went on';
COMMENT ON COLUMN lesion_runs.training_images IS 'images trained on';
COMMENT ON COLUMN lesion_runs.validation_images IS 'that choose the epoch';
COMMENT ON COLUMN lesion_runs.test_images IS 'held out';
COMMENT ON COLUMN lesion_runs.skipped IS 'rows with a NULL, or with an id or a group that is too long';
COMMENT ON COLUMN lesion_runs.broken IS 'rows whose image or mask cannot be used';
COMMENT ON COLUMN lesion_runs.seconds IS 'of everything';
COMMENT ON COLUMN lesion_runs.images_per_second IS 'of training alone';
COMMENT ON COLUMN lesion_runs.started_at IS 'when it began';
COMMENT ON COLUMN lesion_runs.finished_at IS 'when it ended';
COMMENT ON COLUMN lesion_runs.started_by IS 'role that called it';
COMMENT ON COLUMN lesion_runs.data_sha256 IS
'digest of all ids, images and masks that it saw; NULL where the run is another role''s and the column was not granted';
COMMENT ON COLUMN lesion_runs.masks IS
'lesion_run.masks; NULL where the run is another role''s and the column was not granted';
COMMENT ON COLUMN lesion_segmentation_progress.pid IS 'of the process; of a parallel query, of its leader';
COMMENT ON COLUMN lesion_segmentation_progress.model IS 'of the latest image';
COMMENT ON COLUMN lesion_segmentation_progress.version IS 'of the latest image; 0 of a classical method';
COMMENT ON COLUMN lesion_segmentation_progress.images_per_second IS 'since the first image';
COMMENT ON COLUMN lesion_training_log.run IS 'of lesion_runs';
COMMENT ON COLUMN lesion_training_log.model IS 'that is trained';
COMMENT ON COLUMN lesion_training_log.version IS 'that the run made; NULL: none yet';
COMMENT ON COLUMN lesion_training_log.epoch IS 'from 1';
COMMENT ON COLUMN lesion_training_log.train_loss IS 'mean over the epoch';
COMMENT ON COLUMN lesion_training_log.val_loss IS 'on the validation rows';
COMMENT ON COLUMN lesion_training_log.val_dice IS 'on the validation rows';
COMMENT ON COLUMN lesion_training_log.learning_rate IS 'at the epoch''s end';
COMMENT ON COLUMN lesion_training_log.images_per_second IS 'of training alone';
COMMENT ON COLUMN lesion_training_log.at IS 'when the epoch ended';
COMMENT ON COLUMN lesion_training_progress.run IS 'of lesion_runs';
COMMENT ON COLUMN lesion_training_progress.model IS 'that is trained';
COMMENT ON COLUMN lesion_training_progress.state IS 'running';
COMMENT ON COLUMN lesion_training_progress.phase IS 'reading, training, validating or scoring';
COMMENT ON COLUMN lesion_training_progress.epochs IS 'asked for';
COMMENT ON COLUMN lesion_training_progress.batches IS 'of the epoch';
COMMENT ON COLUMN lesion_training_progress.images_per_second IS 'of training alone';
COMMENT ON COLUMN lesion_training_progress.train_loss IS 'of the epoch so far';
COMMENT ON COLUMN lesion_training_progress.pid IS 'of the process';

-- Weights that were installed beside this script become version 0 of the model
-- of their architecture. Files are read in C, those of a fixed list and only
-- while a script of the extension runs, and the function is gone when it ends:
-- no SQL function reads server files. A later release that brings other
-- weights numbers them -1 and keeps these, because dumps refer to them.
CREATE FUNCTION lesion_register_bundled()
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_register_bundled'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

SELECT lesion_register_bundled();
DROP FUNCTION lesion_register_bundled();

-- Planning: what calls cost. The library gives parallel workers a share of a table
-- whose images stand in TOAST where a query calls one of these functions.

CREATE FUNCTION lesion_segment_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'lesion_segment_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_segment_support(internal) IS
'tells the planner what a function that runs a network costs: which network, how large are the images';

CREATE FUNCTION lesion_image_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'lesion_image_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_image_support(internal) IS
'tells the planner what a function that decodes an image costs: how large are the images';

CREATE FUNCTION lesion_mask_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'lesion_mask_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_mask_support(internal) IS
'tells the planner that a function of masks may run in parallel over a small table';

ALTER FUNCTION lesion_segment(bytea, text, float8, boolean, text, jsonb) SUPPORT lesion_segment_support;
ALTER FUNCTION lesion_segment_by_pin(bytea, jsonb) SUPPORT lesion_segment_support;
ALTER FUNCTION lesion_segment_detail(bytea, text, float8, boolean, text, jsonb) SUPPORT lesion_segment_support;
ALTER FUNCTION lesion_segment_version(bytea, text, int, float8, boolean, text, jsonb) SUPPORT lesion_segment_support;
ALTER FUNCTION lesion_instances(bytea, text) SUPPORT lesion_segment_support;

ALTER FUNCTION lesion_image_error(bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_overlay(bytea, bytea, bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_overlay(bytea, bytea, bytea, boolean) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_panel(bytea, bytea, bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_probability_picture(bytea, bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_degrade(bytea, text, int, bigint) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_quality(bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_enhance(bytea, text[], jsonb) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_enhance_plan(bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_crop(bytea, bytea, float8) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_skin_tone(bytea, bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_segment_classical(bytea, text, jsonb) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_follow(bytea, bytea, bytea, bytea, float8[]) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_follow_picture(bytea, bytea, bytea, bytea) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_dicom_frame(bytea, int) SUPPORT lesion_image_support;
ALTER FUNCTION lesion_dicom_picture(bytea, bytea, text, text, int) SUPPORT lesion_image_support;

ALTER FUNCTION lesion_mask_error(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_dice(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_dice_or_null(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_f1(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_jaccard(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_iou(bytea, bytea) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_metrics(bytea, bytea, float8[], float8) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_measure(bytea, bytea, float8[]) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_dicom_mask(bytea, int) SUPPORT lesion_mask_support;
ALTER FUNCTION lesion_dicom_seg(bytea, bytea, text, int) SUPPORT lesion_mask_support;
