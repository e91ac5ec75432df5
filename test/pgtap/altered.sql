-- Tables and types that their owner altered: an error, and no value is taken for one of another type.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(11);

-- Columns that were dropped stay in a table's description, without a type.
CREATE TABLE archive AS
SELECT 0 AS gone, seed AS id, 'a'::text AS lesion, s.image, 0 AS gone_too, current_date AS visited, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 16, 16) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id), DROP COLUMN gone, DROP COLUMN gone_too;
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16);
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 16, promote => 'always');
CREATE TABLE masks OF lesion_prediction;
CREATE TABLE stored (gone int, LIKE lesion_prediction);
ALTER TABLE stored DROP COLUMN gone;
CREATE TABLE verdicts (gone int, LIKE lesion_verdict);
ALTER TABLE verdicts DROP COLUMN gone;
CALL lesion_predict('archive', 'net', 'masks');
CREATE TABLE kept AS SELECT * FROM masks;
CREATE VIEW half AS SELECT id, image, mask FROM archive WHERE id <= 2;

-- What a query says once a change was made; the change is taken back.
CREATE FUNCTION after_change(change text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := 'no error';
BEGIN
	EXECUTE change;
	BEGIN
		EXECUTE query;
	EXCEPTION WHEN OTHERS THEN
		said := SQLSTATE || ' ' || SQLERRM;
	END;
	RAISE SQLSTATE 'AB000' USING MESSAGE = said;
EXCEPTION WHEN SQLSTATE 'AB000' THEN
	RETURN SQLERRM;
END $$;

CALL lesion_predict('archive', 'net', 'stored');
SELECT is((SELECT string_agg(query || ': ' || said, E'\n') FROM (SELECT query, after_change('SELECT 1', query) AS said
	FROM unnest(ARRAY[
		$$SELECT lesion_evaluate('archive', 'net', 'all')$$,
		$$SELECT lesion_compare('archive', 'net', 1, 2, subset => 'all')$$,
		$$SELECT lesion_robustness('archive', 'net', 'all', '{noise}', '{1}', '{off}')$$,
		$$SELECT lesion_calibrate('net', 'archive', 'all')$$,
		$$SELECT lesion_model_create('both', 'ensemble', '{"members": ["net", "linknet"]}');
			SELECT lesion_ensemble_fit('both', 'archive', validation_fraction => 0.5)$$,
		$$CALL lesion_cross_validate('archive', 'unet', 2, 'folded', 1, image_sizes => '{16}',
			configs => '[{"base": 4, "depth": 1}]')$$,
		$$SELECT lesion_visits('archive', 'lesion', 'visited')$$,
		$$SELECT lesion_drift('stored')$$,
		$$SELECT lesion_reproduce(stored) FROM stored$$,
		$$SELECT lesion_review_queue('stored', 'verdicts')$$,
		$$SELECT lesion_verdict_add('verdicts', 'stored', '1', 'accept')$$,
		$$SELECT lesion_reviewed_masks('stored', 'verdicts')$$,
		$$SELECT lesion_report(predictions => '{stored}', verdicts => 'verdicts', images => '{archive}')$$
		]) AS query) AS calls WHERE said <> 'no error'), NULL, 'every call on tables that have columns no more');

SELECT is(after_change('DROP TABLE masks; ALTER TYPE lesion_prediction ALTER ATTRIBUTE images TYPE int CASCADE',
	$$SELECT lesion_reproduce(ROW(1, k.id, k.mask, k.area, k.confidence, k.uncertain, k.disagreement, k.predicted_dice,
		k.quality, k.needs_review, k.error, k.model, k.version, k.weights_sha256, k.image_sha256, k.options,
		k.extension_version, k.backend, k."precision", k.predicted_at, k.predicted_by)::lesion_prediction)
		FROM kept k LIMIT 1$$), '42804 column "images" is of type integer, not text',
		'a prediction of an altered type');
SELECT is(after_change('DROP TABLE masks; ALTER TYPE lesion_prediction DROP ATTRIBUTE backend CASCADE',
	$$SELECT lesion_reproduce(ROW(k.images, k.id, k.mask, k.area, k.confidence, k.uncertain, k.disagreement,
		k.predicted_dice, k.quality, k.needs_review, k.error, k.model, k.version, k.weights_sha256, k.image_sha256,
		k.options, k.extension_version, k."precision", k.predicted_at, k.predicted_by)::lesion_prediction)
		FROM kept k LIMIT 1$$), '42804 column "backend" is missing', '... and of one that lacks an attribute');
SELECT is(after_change('ALTER TABLE masks NOT OF; ALTER TABLE masks ALTER model TYPE int USING 7',
	$$SELECT lesion_drift('masks')$$), '42809 public.masks is not a table of predictions',
	'a table that no longer is one of predictions');

-- A view's function may not close the cursors of the call that reads the view.
CREATE FUNCTION close_all() RETURNS void LANGUAGE plpgsql VOLATILE AS $$BEGIN EXECUTE 'CLOSE ALL'; END$$;
CREATE FUNCTION closing(image bytea) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM close_all(); RETURN image; END $$;
SELECT alike(after_change('CREATE VIEW closed AS SELECT id, closing(image) AS image, mask FROM archive',
	$$SELECT lesion_evaluate('closed', 'net', 'all', id_column => 'id')$$),
	'24000 cannot drop pinned portal "<unnamed portal%"', 'cursors closed from within');

-- Every column of the extension's tables, of a type that it is not and NULL, under what reads the tables.
-- What stands in the way of altering them goes first.
DO $$
DECLARE
	change text;
	views text[] := (SELECT array_agg(relname) FROM pg_class
		WHERE relkind = 'v' AND relname LIKE 'lesion\_%');
	-- Functions whose body names a column of our tables and views, and those that call them.
	functions text[] := (WITH RECURSIVE found AS (
		SELECT d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
		WHERE d.classid = 'pg_proc'::regclass AND d.refobjsubid > 0 AND relkind IN ('r', 'v')
			AND relname LIKE 'lesion\_%'
		UNION SELECT d.objid FROM pg_depend d JOIN found f ON f.objid = d.refobjid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_proc'::regclass)
		SELECT coalesce(array_agg(objid::regprocedure::text), '{}') FROM found);
BEGIN
	FOR change IN
		SELECT format('ALTER EXTENSION lesionseg DROP FUNCTION %s', f) FROM unnest(functions) f
		UNION ALL SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', f) FROM unnest(functions) f
		UNION ALL SELECT format('ALTER EXTENSION lesionseg DROP VIEW %s', oid::regclass) FROM pg_class
		WHERE relkind = 'v' AND relname = ANY (views)
		UNION ALL SELECT 'DROP VIEW ' || array_to_string(views, ', ')
		UNION ALL SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname)
		FROM pg_constraint WHERE conrelid::regclass::text LIKE 'lesion\_%' AND contype IN ('p', 'u', 'c', 'f')
		UNION ALL SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
		FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'lesion\_%' AND NOT tgisinternal
		AND (tgqual IS NOT NULL OR tgattr <> ''
			OR tgname NOT LIKE 'lesion\_audit%')
		UNION ALL SELECT format('ALTER TABLE %1$s ALTER %2$I DROP DEFAULT, ALTER %2$I DROP NOT NULL', oid::regclass,
			attname)
		FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attidentity = ''
		WHERE relkind = 'r' AND relname LIKE 'lesion\_%'
	LOOP
		EXECUTE change;
	END LOOP;
END $$;

-- Altering a table writes all of it anew.
DELETE FROM lesion_version WHERE number <= 0;

CREATE TABLE readers (query text);
INSERT INTO readers VALUES
	($$SELECT lesion_segment(image, 'net') FROM archive WHERE id = 1$$),
	($$CALL lesion_retrain('half', 'net', epochs => 1, image_size => 16)$$),
	($$SELECT lesion_evaluate('half', 'net', subset => 'all')$$),
	($$SELECT lesion_compare('half', 'net', 1, 2, subset => 'all')$$),
	($$SELECT lesion_model_promote('net', 1)$$),
	($$SELECT lesion_model_rollback('net')$$),
	($$SELECT lesion_model_export('net')$$),
	($$SELECT lesion_model_import('other', lesion_model_export('net'), 'unet')$$),
	($$SELECT lesion_model_drop('net')$$),
	($$CALL lesion_predict('half', 'net', 'masks')$$),
	($$SELECT lesion_reproduce(masks) FROM masks LIMIT 1$$);

CREATE FUNCTION sweep(change text, tables text[]) RETURNS TABLE (place text, query text, said text) LANGUAGE sql AS $$
	SELECT format('%s.%s', c.relname, a.attname), r.query,
		after_change(format(change, c.oid::regclass, a.attname,
			CASE WHEN a.attidentity <> '' OR a.atttypid IN ('text'::regtype, 'bytea'::regtype,
				'jsonb'::regtype) THEN 'int' ELSE 'text' END, 7), r.query)
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped, readers r
	WHERE c.relkind = 'r' AND c.relname = ANY (tables) $$;

CREATE TABLE swept AS SELECT * FROM sweep('ALTER TABLE %1$s ALTER %2$I TYPE %3$s USING %4$L',
	ARRAY['lesion_model', 'lesion_version', 'lesion_promotion']);
SELECT cmp_ok((SELECT count(*) FROM swept WHERE said ~ '^42804 column "\w+" is of type \w+, not'), '>', 50::bigint,
	'types are looked at');
SELECT is((SELECT string_agg(place || ' ' || query || ' ' || said, E'\n') FROM swept WHERE said ~ '^XX'), NULL,
	'no error is an internal one');
SELECT is((SELECT string_agg(query, E'\n')
	FROM (SELECT query FROM swept GROUP BY 1 HAVING NOT bool_or(said = 'no error')) AS never),
	NULL, 'every query works where what it needs is left alone');

CREATE TABLE emptied AS SELECT * FROM sweep('UPDATE %1$s SET %2$I = NULL', ARRAY['lesion_model', 'lesion_version']);
SELECT cmp_ok((SELECT count(*) FROM emptied WHERE said ~ '^22004 column "\w+" is NULL'), '>', 50::bigint,
	'NULLs are looked at');
SELECT is((SELECT string_agg(place || ' ' || query || ' ' || said, E'\n') FROM emptied WHERE said ~ '^XX'), NULL,
	'no error is an internal one');
SELECT is(after_change('SELECT 1', $$INSERT INTO lesion_promotion (model, version, reason) VALUES ('net', 1, NULL)$$),
	'22004 reason is NULL or missing', 'a promotion without a reason');
SELECT finish();
ROLLBACK;
