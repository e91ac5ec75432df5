-- Rollback, and the record of what was done to models.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(50);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT is((SELECT count(*) FROM lesion_audit), 0::bigint, 'what comes with the extension is no event');

SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16);
SELECT throws_ok($$SELECT lesion_model_rollback('net')$$, '55000',
	'no version of model "net" was active before version 1',
	'there is no way back from the first version');
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 16, promote => 'never');
SELECT lesion_model_import('net', lesion_model_export('net', 1), promote => false);
SELECT lesion_model_promote('net', 2);
SELECT lesion_model_promote('net', 3);
SELECT lesion_model_promote('net', 3);
SELECT is(lesion_model_rollback('net'), 2, 'back to the version before');
SELECT is((SELECT version FROM lesion_models WHERE model = 'net'), 2, '... which is active then');
SELECT is((lesion_segment_detail(image, 'net')).version, 2, '... and used') FROM archive WHERE id = 1;
SELECT is(lesion_model_rollback('net'), 1, 'a second rollback goes further back');
SELECT throws_ok($$SELECT lesion_model_rollback('net')$$, '55000', NULL, '... until nothing is left');
SELECT lesion_model_promote('net', 3);
SELECT is(lesion_model_rollback('net'), 1, 'what was given up does not come back');
SELECT throws_ok($$SELECT lesion_model_rollback('nobody')$$, '42704', NULL, 'a model that does not exist');
SELECT lesion_model_create('untrained', 'unet');
SELECT throws_ok($$SELECT lesion_model_rollback('untrained')$$, '55000', NULL, 'a model without a version');
SELECT is(lesion_model_rollback(NULL), NULL, 'strict');

-- Events.
SELECT results_eq($$SELECT event, version, detail FROM lesion_audit WHERE model = 'net' ORDER BY entry$$,
	$$VALUES ('create', NULL::int, 'unet'), ('train', 1, 'run ' || (SELECT min(run) FROM lesion_run)),
		('promote', 1, 'first version'), ('train', 2, 'run ' || (SELECT max(run) FROM lesion_run)), ('import', 3, NULL),
		('promote', 2, 'by hand'), ('promote', 3, 'by hand'),
		('promote', 3, 'by hand'), ('rollback', 2, 'rollback'), ('rollback', 1, 'rollback'), ('promote', 3, 'by hand'),
		('rollback', 1, 'rollback')$$, 'every event, in order');
SELECT is((SELECT sha256 FROM lesion_audit WHERE event = 'import'),
	(SELECT sha256 FROM lesion_version WHERE model = 'net' AND number = 1),
	'the weights that came in are named');
SELECT ok((SELECT bool_and(role = current_user AND login = session_user AND at > now()) FROM lesion_audit),
	'who and when');
SELECT lesion_model_drop('net');
SELECT set_eq($$SELECT event, version FROM lesion_audit WHERE event LIKE 'drop%'$$,
	$$VALUES ('drop', NULL::int), ('drop version', 1), ('drop version', 2), ('drop version', 3)$$,
	'a drop, and what went with it');
SELECT is((SELECT count(*) FROM lesion_audit WHERE event = 'drop version' AND sha256 IS NOT NULL), 3::bigint,
	'... by its SHA-256');

-- Nobody but the owner changes the record, whatever was granted.
CREATE ROLE lesion_test_operator;
GRANT ALL ON ALL TABLES IN SCHEMA public TO lesion_test_operator;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO lesion_test_operator;
SET LOCAL ROLE lesion_test_operator;
SELECT throws_ok($$DELETE FROM lesion_audit$$, '42501', 'only the owner of lesion_audit may do this', 'no DELETE');
SELECT throws_ok($$UPDATE lesion_audit SET role = 'somebody'$$, '42501', NULL, 'no UPDATE');
SELECT throws_ok($$TRUNCATE lesion_audit$$, '42501', NULL, 'no TRUNCATE');
SELECT throws_ok($$INSERT INTO lesion_audit (event, model, role, login) VALUES ('drop', 'x', 'y', 'z')$$, '42501', NULL,
	'no INSERT');
SELECT throws_ok($$DELETE FROM lesion_promotion$$, '42501', NULL, 'no promotion is forgotten');
SELECT throws_ok($$UPDATE lesion_promotion SET version = 1$$, '42501', NULL, '... or rewritten');
SELECT throws_ok($$ALTER TABLE lesion_audit DISABLE TRIGGER ALL$$, '42501', NULL, 'the triggers stay on');
SELECT throws_ok($$SELECT lesion_audit_write()$$, '42501', NULL, 'a trigger cannot be called by hand');

SELECT throws_ok($$CREATE TEMP TABLE lesion_promotion (model bigint, version int, reason text, promoted_at timestamptz);
	CREATE TRIGGER forge AFTER INSERT ON lesion_promotion FOR EACH ROW EXECUTE FUNCTION public.lesion_audit_write()$$,
	'42501', 'permission denied for function public.lesion_audit_write', 'the triggers are not for other tables');

-- What they may do is recorded under their name, past the functions too.
SELECT lesion_model_create('mine', 'unet');
SELECT is((SELECT role || ' ' || login FROM lesion_audit ORDER BY entry DESC LIMIT 1),
	'lesion_test_operator ' || session_user, 'the role in effect and the one that logged in');
SELECT throws_ok($$INSERT INTO lesion_model (name, architecture, created_at) VALUES ('sly', 'unet', '2020-01-01')$$,
	'42501', 'only the functions of lesionseg may write to lesion_model', 'a model is not made by hand');
RESET ROLE;
INSERT INTO lesion_model (name, architecture, created_by) VALUES ('sly', 'unet', 'nobody');
SELECT is((SELECT model || ' ' || role FROM lesion_audit ORDER BY entry DESC LIMIT 1), 'sly ' || current_user,
	'an INSERT of the owner by hand is an event, whoever it names');
SET LOCAL ROLE lesion_test_operator;
SELECT throws_ok($$DELETE FROM lesion_model WHERE name = 'sly'$$,
	'42501', 'only the functions of lesionseg may write to lesion_model',
	'nor is one dropped by hand: it may be in training');
RESET ROLE;
DELETE FROM lesion_model WHERE name = 'sly';
SELECT is((SELECT event || ' ' || model FROM lesion_audit ORDER BY entry DESC LIMIT 1), 'drop sly',
	'so is a DELETE of the owner');

-- Not even by those who may hang them there: the record is not forged, and no column of another type is read.
CREATE TEMP TABLE lesion_promotion (model bigint, version int, reason text,
	promoted_at timestamptz DEFAULT clock_timestamp());
CREATE TRIGGER forge AFTER INSERT ON pg_temp.lesion_promotion FOR EACH ROW EXECUTE FUNCTION public.lesion_audit_write();
SELECT throws_ok($$INSERT INTO pg_temp.lesion_promotion VALUES (12345678, 99, 'rollback')$$, '39P01', NULL,
	'a table of the same name is another');
DROP TABLE pg_temp.lesion_promotion;
CREATE TRIGGER forge BEFORE UPDATE ON lesion_model FOR EACH ROW EXECUTE FUNCTION public.lesion_audit_write();
SELECT throws_ok($$UPDATE lesion_model SET name = name$$, '39P01', NULL, '... and another event');
DROP TRIGGER forge ON lesion_model;

-- A role that was granted everything, TRIGGER too, neither hides what is done nor has the owner run its code.
CREATE SCHEMA lesion_test_code AUTHORIZATION lesion_test_operator;
SET LOCAL ROLE lesion_test_operator;
CREATE FUNCTION lesion_test_code.hide() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE TRIGGER hide BEFORE INSERT ON lesion_audit FOR EACH ROW EXECUTE FUNCTION lesion_test_code.hide();
SELECT throws_ok($$SELECT lesion_model_create('hidden', 'unet')$$, '42501',
	'lesion_audit has a trigger that is not of its owner, "hide"',
	'the record has no triggers of others');
DROP FUNCTION lesion_test_code.hide CASCADE;
CREATE FUNCTION lesion_test_code.tell() RETURNS bool LANGUAGE plpgsql
	AS $$BEGIN RAISE EXCEPTION 'code of others ran as %', current_user; END$$;
CREATE TRIGGER tell BEFORE INSERT ON lesion_audit FOR EACH ROW WHEN (lesion_test_code.tell())
	EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT throws_ok($$SELECT lesion_model_create('hidden', 'unet')$$, '42501',
	'lesion_audit has a trigger that is not of its owner, "tell"', '... nor any whose condition is of others');
RESET ROLE;
DROP TRIGGER tell ON lesion_audit;
CREATE FUNCTION lesion_test_code.omit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
SET LOCAL ROLE lesion_test_operator;
CREATE TRIGGER omit BEFORE INSERT ON lesion_audit FOR EACH ROW EXECUTE FUNCTION lesion_test_code.omit();
SELECT throws_ok($$SELECT lesion_model_create('hidden', 'unet')$$, '09000', NULL,
	'... nor by a function of its owner that keeps rows out');
RESET ROLE;
DROP TRIGGER omit ON lesion_audit;
SELECT lesion_model_import('theirs', lesion_model_export('unet'), promote => false);
SET LOCAL ROLE lesion_test_operator;
CREATE FUNCTION lesion_test_code.take() RETURNS trigger LANGUAGE plpgsql
	AS $$BEGIN RAISE EXCEPTION 'code of others ran as %', current_user; END$$;
CREATE TRIGGER take BEFORE DELETE ON lesion_version FOR EACH ROW EXECUTE FUNCTION lesion_test_code.take();
SELECT throws_ok($$SELECT lesion_model_drop('theirs')$$, '42501',
	'lesion_version has a trigger that is not of its owner, "take"', 'nor have tables that rows go from with others');
RESET ROLE;
DROP TRIGGER take ON lesion_version;
SELECT lives_ok($$SELECT lesion_model_create('seen', 'unet')$$, '... and goes on when it is dropped');

-- Nor does a role that was given one of the tables: its triggers, constraints and views would run
-- as the functions' owner.
CREATE FUNCTION given(given_table text, query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %I OWNER TO lesion_test_operator', given_table);
	EXECUTE query;
	RAISE EXCEPTION 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION refusal(given_table text) RETURNS text LANGUAGE sql AS $$
	SELECT format('42501 %s belongs to "lesion_test_operator", whose code would run as "%s"', given_table,
		current_user) $$;
SELECT is(given('lesion_audit', $$SELECT lesion_model_create('given', 'unet')$$), refusal('lesion_audit'),
	'a record that was given away is not written');
SELECT is(given('lesion_version', $$SELECT lesion_model_drop('theirs')$$), refusal('lesion_version'),
	'... nor are versions deleted');
SELECT is(given('lesion_model', $$SELECT lesion_model_import('theirs', lesion_model_export('unet'),
	promote => false)$$), refusal('lesion_model'), '... nor models looked for');
SELECT is(given('lesion_version', $$SELECT lesion_model_create('given', 'unet')$$), refusal('lesion_version'),
	'... nor versions');

-- What a role without rights may read.
CREATE ROLE lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT lives_ok($$SELECT count(*) FROM lesion_audit$$, 'everyone may read it');
SELECT throws_ok($$DELETE FROM lesion_audit$$, '42501', 'permission denied for table lesion_audit', 'and no more');
SELECT throws_ok($$SELECT lesion_model_rollback('mine')$$, '42501', NULL, 'a rollback is a promotion');
RESET ROLE;
SELECT lives_ok($$DELETE FROM lesion_audit WHERE at < now()$$, 'the owner may remove what must go');

-- Whose code acts is who did it, whoever had it run: the server runs it as its owner.
CREATE ROLE actor;
CREATE ROLE passer_by;
CREATE SCHEMA stage AUTHORIZATION actor;
GRANT USAGE ON SCHEMA stage TO passer_by;
GRANT INSERT ON lesion_promotion TO actor;
GRANT DELETE ON lesion_model TO actor;
SELECT lesion_model_create('doomed', 'unet');
SET ROLE actor;
CREATE FUNCTION stage.act() RETURNS int LANGUAGE plpgsql AS $$
BEGIN PERFORM public.lesion_model_promote('unet', 0); RETURN 1; END $$;
CREATE MATERIALIZED VIEW stage.shown AS SELECT stage.act() WITH NO DATA;
CREATE FUNCTION stage.lent() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT stage.act()';
CREATE FUNCTION stage.drops() RETURNS void LANGUAGE sql SECURITY DEFINER
	AS $$SELECT public.lesion_model_drop('doomed')$$;
RESET ROLE;
CREATE FUNCTION last_role() RETURNS text LANGUAGE sql AS
$$SELECT event || ' by ' || role FROM lesion_audit ORDER BY entry DESC LIMIT 1$$;
SELECT throws_like('REFRESH MATERIALIZED VIEW stage.shown', '%within a security-restricted operation',
	'a view that a superuser refreshes changes nothing');
SET ROLE actor;
CREATE TABLE stage.analysed (x int);
CREATE FUNCTION stage.act_once(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN IF x = 50 AND current_setting('lesionseg_test.act', true) = 'on' THEN RETURN stage.act(); END IF;
RETURN x; END $$;
CREATE INDEX ON stage.analysed (stage.act_once(x));
INSERT INTO stage.analysed SELECT generate_series(1, 200);
RESET ROLE;
SET lesionseg_test.act = 'on';
SELECT throws_like('ANALYZE stage.analysed', '%within a security-restricted operation',
	'... nor does an index whose table a superuser, or nobody, analyses');
RESET lesionseg_test.act;
SET ROLE passer_by;
SELECT stage.lent();
RESET ROLE;
SELECT is(last_role(), 'promote by actor', 'a function that another role calls');
SET ROLE passer_by;
SELECT stage.drops();
RESET ROLE;
SELECT is(last_role(), 'drop by actor', '... and that drops');
SELECT lesion_model_import('owned', lesion_model_export('convmixer'));
SET ROLE actor;
SELECT lesion_model_drop('owned');
RESET ROLE;
SELECT is((SELECT string_agg(DISTINCT role, ' ') FROM lesion_audit WHERE model = 'owned' AND event LIKE 'drop%'),
	'actor', 'versions that go with their model, too');

SELECT * FROM finish();
ROLLBACK;
