-- lesion_reproduce on rows of somebody who is after the rights of the reader: the relation that a row
-- names is made of code in every way there is, and none of it runs.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(90);

CREATE TABLE archive AS SELECT seed AS id, s.image, s.mask
	FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16);
CREATE TABLE picture AS SELECT (lesion_synthetic(1, 32, 32)).image;
GRANT SELECT ON picture TO PUBLIC;

CREATE ROLE lesion_test_evil;
CREATE ROLE lesion_test_auditor;
CREATE SCHEMA evil AUTHORIZATION lesion_test_evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE lesion_test_evil GRANT SELECT ON TABLES TO PUBLIC;

-- A row as somebody may write it: of an image that is there, with another mask. Where it is read, the masks differ.
CREATE FUNCTION forged(images text, id text, more jsonb DEFAULT '{}') RETURNS lesion_prediction
	LANGUAGE sql BEGIN ATOMIC
SELECT (jsonb_populate_record(NULL::lesion_prediction,
	jsonb_build_object('images', images, 'id', id, 'mask', '\x00', 'model', 'net', 'version', 1,
	'weights_sha256', v.sha256, 'image_sha256', sha256(p.image), 'options', '{}'::jsonb || more, 'extension_version',
	v.extension_version, 'backend', 'openblas', 'precision', 'f32', 'predicted_at', now(), 'predicted_by',
	'postgres'))).*
FROM lesion_version AS v, picture AS p WHERE v.model = 'net';
END;
-- What the reader of such a row is told; an error of the code of others is told too.
CREATE FUNCTION told(images text, id text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (public.lesion_reproduce(public.forged(images, id, more))).reason;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;

SET LOCAL ROLE lesion_test_evil;
-- The code: that it ran is an error with the name of whose rights it had.
CREATE FUNCTION evil.run() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
	IF current_user <> 'lesion_test_evil' THEN RAISE EXCEPTION 'code of others ran as %', current_user; END IF;
	RETURN true;
END$$;

-- Types of the key.
CREATE TYPE evil.pair AS (x int);
CREATE FUNCTION evil.totext(evil.pair) RETURNS text LANGUAGE sql AS $$SELECT 'x' WHERE evil.run()$$;
CREATE CAST (evil.pair AS text) WITH FUNCTION evil.totext(evil.pair);
CREATE TABLE evil.by_cast (id evil.pair PRIMARY KEY, image bytea);
INSERT INTO evil.by_cast SELECT ROW(1)::evil.pair, image FROM public.picture;
CREATE TYPE evil.letter AS ENUM ('x');
CREATE FUNCTION evil.totext(evil.letter) RETURNS text LANGUAGE sql AS $$SELECT 'x' WHERE evil.run()$$;
CREATE CAST (evil.letter AS text) WITH FUNCTION evil.totext(evil.letter);
CREATE TABLE evil.by_enum (id evil.letter PRIMARY KEY, image bytea);
INSERT INTO evil.by_enum SELECT 'x', image FROM public.picture;
CREATE TABLE evil.by_array (id evil.letter[] PRIMARY KEY, image bytea);
INSERT INTO evil.by_array SELECT '{x}', image FROM public.picture;
CREATE TABLE evil.by_row (a int, b evil.letter, image bytea, PRIMARY KEY (a, b));
INSERT INTO evil.by_row SELECT 1, 'x', image FROM public.picture;
CREATE DOMAIN evil.key AS text CHECK (VALUE = 'x' AND evil.run());
CREATE DOMAIN evil.bytes AS bytea CHECK (evil.run());
CREATE TABLE evil.by_domain (id evil.key PRIMARY KEY, image evil.bytes);
INSERT INTO evil.by_domain SELECT 'x', image FROM public.picture;

-- What belongs to a table.
CREATE TABLE evil.by_index (id text PRIMARY KEY, image bytea, CHECK (evil.run()));
INSERT INTO evil.by_index SELECT 'x', image FROM public.picture;
CREATE INDEX ON evil.by_index (id) WHERE evil.run();
CREATE INDEX ON evil.by_index ((evil.run() AND id = 'x'));
CREATE STATISTICS evil.by_statistics ON (evil.run() AND id = 'x'), image FROM evil.by_index;
ANALYZE evil.by_index;
CREATE FUNCTION evil.fire() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM evil.run(); RETURN NEW; END$$;
CREATE TRIGGER fire BEFORE INSERT OR UPDATE OR DELETE ON evil.by_index FOR EACH ROW EXECUTE FUNCTION evil.fire();
CREATE TABLE evil.by_default (id text GENERATED ALWAYS AS (CASE WHEN evil.run() THEN 'x' END) STORED PRIMARY KEY,
	image bytea, more boolean DEFAULT evil.run());
INSERT INTO evil.by_default (image) SELECT image FROM public.picture;
CREATE TABLE evil.by_policy (id text PRIMARY KEY, image bytea);
INSERT INTO evil.by_policy SELECT 'x', image FROM public.picture;
CREATE POLICY p ON evil.by_policy USING (evil.run());
ALTER TABLE evil.by_policy ENABLE ROW LEVEL SECURITY;
CREATE VIEW evil.by_view AS SELECT id, image FROM evil.by_index WHERE evil.run();
CREATE MATERIALIZED VIEW evil.by_matview AS SELECT id, image FROM evil.by_index WHERE evil.run();
CREATE RULE r AS ON INSERT TO evil.by_index DO ALSO SELECT evil.run();

-- Partitions and children.
CREATE FUNCTION evil.compare(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE
	AS $$BEGIN PERFORM evil.run(); RETURN $1 - $2; END$$;
CREATE FUNCTION evil.hash(int, bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE
	AS $$BEGIN PERFORM evil.run(); RETURN $1; END$$;
CREATE TABLE evil.by_partition (id int, image bytea) PARTITION BY LIST ((evil.run() AND id = 1));
CREATE TABLE evil.by_partition_1 PARTITION OF evil.by_partition DEFAULT;
INSERT INTO evil.by_partition SELECT 1, image FROM public.picture;
CREATE TABLE evil.by_child (id text PRIMARY KEY, image bytea);
CREATE TABLE evil.child (CHECK (evil.run())) INHERITS (evil.by_child);
INSERT INTO evil.child SELECT 'x', image FROM public.picture;
ALTER TABLE evil.child ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON evil.child USING (evil.run());
CREATE SEQUENCE evil.by_sequence;

-- Names that the reader may come upon.
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN evil.run(); END$$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN PERFORM evil.run(); RETURN $1; END$$;
CREATE FUNCTION evil.lesion_segment_version(bytea, text, int, float8, boolean, text, jsonb)
	RETURNS public.lesion_segmentation
	LANGUAGE plpgsql AS $$BEGIN PERFORM evil.run(); RETURN NULL; END$$;
RESET ROLE;

-- What only a superuser can have made, of what others can.
CREATE VIEW by_superusers_view AS SELECT * FROM evil.by_policy;
GRANT SELECT ON by_superusers_view TO PUBLIC;
CREATE FOREIGN DATA WRAPPER lesion_test_wrapper;
CREATE SERVER lesion_test_server FOREIGN DATA WRAPPER lesion_test_wrapper;
CREATE FOREIGN TABLE by_wrapper (id text, image bytea) SERVER lesion_test_server;
CREATE TABLE by_partition_elsewhere (id text, image bytea) PARTITION BY LIST (id);
CREATE FOREIGN TABLE elsewhere PARTITION OF by_partition_elsewhere FOR VALUES IN ('x') SERVER lesion_test_server;

-- The reader: a superuser.
SELECT is(current_setting('is_superuser'), 'on', 'the reader is a superuser');
SELECT throws_ok($$SELECT evil.run()$$, 'P0001', 'code of others ran as ' || current_user, 'the code would be noticed');
SELECT throws_ok($$SELECT id::text FROM evil.by_cast$$, 'P0001', NULL, '... in a query too');
SELECT matches(told('evil.by_cast', 'x'), 'type that did not come with the server; give the image too',
	'a cast of the key');
SELECT matches(told('evil.by_enum', 'x'), 'type that did not come with the server', '... of an enum');
SELECT matches(told('evil.by_array', '{x}'), 'type that did not come with the server', '... in an array');
SELECT matches(told('evil.by_row', '(1,x)'), 'type that did not come with the server', '... in a key of two columns');
SELECT is(told('evil.by_domain', 'x'), 'the masks differ', 'checks of domains are not run, the image is read');
SELECT is(told('evil.by_index', 'x'), 'the masks differ',
	'... nor predicates and expressions of indexes, statistics, constraints, triggers, rules');
SELECT is(told('evil.by_default', 'x'), 'the masks differ', '... nor a generated column''s and a default''s');
SELECT is(told('evil.by_policy', 'x'), 'the masks differ', '... nor a policy, which does not hold for superusers');
SELECT is(told('evil.by_matview', 'x', '{"id_column": "id"}'), 'the masks differ',
	'... nor the query of a materialised view');
SELECT is(told('evil.by_partition', '1', '{"id_column": "id"}'), 'the masks differ',
	'... nor an expression that rows are divided by');
SELECT is(told('evil.by_child', 'x'), 'the masks differ', '... nor what a child has');
SELECT matches(told('evil.by_view', 'x'), 'view or a foreign table; give the image too', 'a view');
SELECT matches(told('public.by_superusers_view', 'x'), 'view or a foreign table',
	'... of a superuser, on what is not his');
SELECT matches(told('public.by_wrapper', 'x'), 'view or a foreign table', 'a foreign table');
SELECT matches(told('public.by_partition_elsewhere', 'x', '{"id_column": "id"}'), 'view or a foreign table',
	'... as a partition');
SELECT matches(told('evil.by_sequence', 'x'), 'view or a foreign table', 'what is no table');
SELECT matches(told('evil.by_index_pkey', 'x'), 'view or a foreign table', '... or an index');
SELECT is(told('evil.by_index', 'x', '{"id_column": "ctid"}'), 'the table has no such column of ids',
	'a column of the system');
SELECT is(told('evil.by_index', 'x', '{"image_column": "id"}'), 'the table has no such column of images',
	'a column that holds no images');
SELECT is(told('evil.by_index', 'x', '{"image_column": "nosuch"}'), 'the table has no such column of images',
	'... or is not there');
SELECT is(told('evil.by_index', 'y'), 'the image is gone', 'an id that is not there');
SELECT is(told('evil.by_index.nosuch', 'x'),
	'it cannot be made again: cross-database references are not implemented: "evil.by_index.nosuch"',
	'a name of three parts');
SET LOCAL search_path = evil, pg_catalog, public;
CREATE TEMP TABLE planted AS SELECT public.told('by_index', 'x');
RESET search_path;
SELECT is(told, 'the masks differ', 'names that others planted in the search_path') FROM planted;

-- A reader without rights of its own.
SET LOCAL ROLE lesion_test_auditor;
SELECT matches(told('evil.by_policy', 'x'), 'row-level security of the images holds for this role; give the image too',
	'policies that hold for the reader');
SELECT is(told('public.archive', '1'), 'this role may not read the images', 'a table that he may not read');
RESET ROLE;
GRANT SELECT (image) ON archive TO lesion_test_auditor;
SET LOCAL ROLE lesion_test_auditor;
SELECT is(told('public.archive', '1'), 'this role may not read the images'' ids', '... or of which only the images');
RESET ROLE;
GRANT SELECT (id) ON archive TO lesion_test_auditor;
SET LOCAL ROLE lesion_test_auditor;
SELECT is(told('public.archive', '1'), 'the masks differ', '... and one of which he may read what is needed');
SELECT is((lesion_reproduce(forged('evil.by_cast', 'x'), image)).reason, 'the masks differ',
	'an image that he gives, whatever the table') FROM picture;
SELECT is((lesion_reproduce(forged('no.such', 'x'), 'x')).reason, 'the image has changed', '... must be the one');
RESET ROLE;

-- A row that is broken does not hide which it is, nor does it speak of this machine's settings.
SELECT is((lesion_reproduce(r)).reason, 'this machine has no such engine', 'an engine that there is not')
FROM (SELECT (jsonb_populate_record(forged('archive', '1'), '{"backend": "cuda"}')).*) r;
SELECT is(told('public.archive', '1', '{"threads": 1000000}'), 'this machine has no such engine',
	'... or so many threads');
-- A text of many bytes takes few in a table.
SELECT results_eq(format($$SELECT (lesion_reproduce(r)).* FROM (SELECT (jsonb_populate_record(forged('archive', '1'),
	jsonb_build_object(%L, %s))).*) r$$, name, value), format('VALUES (NULL::boolean, %L)',
	format('the row is none of lesion_predict: %s has more than 8192 bytes', name)), 'a long value: ' || name)
FROM (VALUES ('images', 'repeat(''x'', 8193)'), ('id', 'repeat(''x'', 8193)'), ('model', 'repeat(''x'', 8193)'),
	('backend', 'repeat(''x'', 8193)'), ('precision', 'repeat(''x'', 8193)'),
	('weights_sha256', '''\x'' || repeat(''00'', 8193)'), ('image_sha256', '''\x'' || repeat(''00'', 8193)'),
	('options', 'jsonb_build_object(''threshold'', repeat(''1'', 8193))')) AS v (name, value);
SELECT results_eq(format($$SELECT (lesion_reproduce(r)).* FROM (SELECT (jsonb_populate_record(forged('archive', '1'),
	%L)).*) r$$, broken), format('VALUES (NULL::boolean, %L)', reason), 'a row that is broken: ' || broken)
FROM (VALUES ('{"version": null}', 'the row is none of lesion_predict: version is NULL'),
	('{"id": null}', 'the row is none of lesion_predict: id is NULL'),
	('{"options": null}', 'the row is none of lesion_predict: options is NULL'),
	('{"error": "forged"}', 'the row is none of lesion_predict: it has a mask and an error'),
	('{"options": []}', 'the row is none of lesion_predict: its options are not an object'),
	('{"options": {"threshold": {}}}', 'the row is none of lesion_predict: its option threshold is not a single value'),
	('{"options": {"tta": [1]}}', 'the row is none of lesion_predict: its option tta is not a single value'),
	('{"image_sha256": "x"}',
		'it cannot be made again: the prediction''s image_sha256 has 1 bytes, not 32'),
	('{"images": "a.b.c"}',
		'it cannot be made again: cross-database references are not implemented: "a.b.c"'),
	('{"images": "."}', 'it cannot be made again: invalid name syntax'),
	('{"options": {"threshold": "x"}}',
		'it cannot be made again: invalid input syntax for type double precision: "x"'),
	('{"options": {"threshold": 1e400}}',
		format('it cannot be made again: "%s" is out of range for type double precision', 1e400)),
	('{"options": {"threshold": 2}}', 'it cannot be made again: threshold is 2, it must lie between 0 and 1'),
	('{"options": {"tta": "maybe"}}', 'it cannot be made again: invalid input syntax for type boolean: "maybe"'),
	('{"options": {"enhance": "x"}}', 'it cannot be made again: enhance is "x"'),
	('{"options": {"options": {"x": 1}}}', 'it cannot be made again: no key "x" in options')) AS row (broken, reason);
SELECT results_eq($$SELECT (lesion_reproduce(r, '\x00')).* FROM (SELECT (jsonb_populate_record(forged('archive', '1'),
	jsonb_build_object('image_sha256', sha256('\x00')))).*) r$$,
	$$VALUES (NULL::boolean, 'it cannot be made again: 1 bytes that are not an image of a known format')$$,
	'... and of an image that is none');
SELECT lesion_model_import('large', lesion_model_export('net'), image_size => 2048);
SET LOCAL lesionseg.max_memory = '16MB';
SELECT results_eq($$SELECT r.agrees, r.reason ~ '^it cannot be made again: model "large", version 1: .* MB'
	FROM archive AS a, forged('archive', '1') AS f,
	LATERAL (SELECT (jsonb_populate_record(f, '{"model": "large"}')).*) AS p, lesion_reproduce(p, a.image) AS r
	WHERE a.id = 1$$, $$VALUES (NULL::boolean, true)$$,
	'... or of a model that needs more memory than the reader may take');
RESET lesionseg.max_memory;

-- Keys of what came with the server: the text that a query gives.
CREATE TABLE keys AS SELECT 7::int8 AS a, 7.50::numeric AS b, true AS c, 'ab '::char(4) AS d, 'n'::name AS e,
	'2026-01-02 03:04:05+00'::timestamptz AS f, '0e37df36-f698-11e6-8dd4-cb9ced3df976'::uuid AS g, '\x00ff'::bytea AS h,
	'10.0.0.1'::inet AS i, 0.1::float8 AS j, 'v'::varchar AS k, 'q'::"char" AS l, image FROM picture;
SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL datestyle = 'German';
SET LOCAL bytea_output = 'escape';
SELECT set_eq($$SELECT u.c, told('keys', u.id, jsonb_build_object('id_column', u.c))
	FROM keys, unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[],
	ARRAY[a::text, b::text, c::text, d::text, e::text, '2026-01-02 03:04:05+00', g::text, '\x00ff', i::text, j::text,
		k::text, l::text]) AS u (c, id)$$, $$SELECT c, 'the masks differ'
		FROM unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[]) AS u (c)$$, 'keys of many types');
ALTER TABLE keys ADD PRIMARY KEY (c, d, h);
SELECT is(told('keys', '(t,"ab  ","\\x00ff")'), 'the masks differ', 'a key of several columns');
ALTER TABLE keys DROP CONSTRAINT keys_pkey;
SELECT is(told('keys', encode(sha256(image), 'hex')), 'the masks differ', 'no key') FROM keys;
SELECT is(told('keys', encode(sha256('x'), 'hex')), 'the image is gone', '... of another image');
CREATE TABLE same_id AS SELECT 'x'::text AS id, '\x01'::bytea AS image FROM generate_series(1, 10);
INSERT INTO same_id SELECT 'x', image FROM picture;
SELECT is(told('same_id', 'x', '{"id_column": "id"}'), 'the image has changed, or is none of 10 that have its id',
	'of many images of one id, some are read');
-- Each image is read once in a query, however many rows could mean it, and again where it may have changed.
CREATE TABLE zeros AS
SELECT decode(repeat('00', 10000000), 'hex') || int4send(n) AS image FROM generate_series(1, 25) AS n;
SET LOCAL statement_timeout = '5s';
SELECT is(string_agg(DISTINCT (lesion_reproduce(forged('zeros', encode(sha256('x'), 'hex'), '{}'))).reason, ','),
	'the image is gone', '25 rows and 25 images of 10 MB') FROM generate_series(1, 25);
RESET statement_timeout;
SELECT matches(told('pg_catalog.pg_largeobject', encode(sha256('x'), 'hex'), '{"image_column": "data"}'),
	'in a catalog of the server', 'the catalogs are not looked through');
-- An expression of PL/pgSQL keeps what its function knows. A table of this transaction is emptied in place: the next
-- row stands where the one before stood.
CREATE TABLE changing AS SELECT 'x'::text AS id, image FROM picture;
CREATE TABLE said (turn int, place tid, reason text);
DO $$
DECLARE
	reason text;
BEGIN
	FOR turn IN 1 .. 3 LOOP
		reason := (lesion_reproduce(forged('changing', 'x', '{"id_column": "id"}'))).reason;
		INSERT INTO said SELECT turn, ctid, reason FROM changing;
		TRUNCATE changing;
		INSERT INTO changing SELECT 'x', CASE WHEN turn = 1 THEN image || '\x00' ELSE image END FROM picture;
	END LOOP;
END
$$;
SELECT results_eq('SELECT place::text, reason FROM said ORDER BY turn', $$VALUES ('(0,1)', 'the masks differ'),
	('(0,1)', 'the image has changed'), ('(0,1)', 'the masks differ')$$,
	'an image that was read is read again when another stands in its place');
INSERT INTO keys (c, d, h, image) SELECT false, '', '', decode(repeat('00', 20 * 1024 * 1024), 'hex');
SELECT is(told('keys', encode(sha256('x'), 'hex')), 'the image is gone', '... which is not a large value');
SET LOCAL lesionseg.max_memory = '16MB';
SELECT matches(told('keys', encode(sha256('x'), 'hex')), 'is gone, or has more bytes than lesionseg.max_memory; give',
	'... and a value above the limit is not read');
SELECT is(told('keys', encode(sha256(image), 'hex')), 'the masks differ', '... on the way to the right one')
FROM keys WHERE c;
RESET lesionseg.max_memory;
RESET timezone; RESET datestyle; RESET bytea_output;
-- ... nor an id that would be of more digits than a text can have, or than the wanted one.
CREATE TABLE endless (a jsonb, image bytea);
SELECT matches(told('endless', '1', '{"id_column": "a"}'), 'ids are of jsonb, an array',
	'jsonb has digits without end');
CREATE FUNCTION too_long() RETURNS text LANGUAGE sql AS $$SELECT 'the image is gone, or its id has more than 8192 '
	'bytes; give the image too, by lesion_reproduce(prediction, image)'$$;
CREATE TABLE digits (a numeric, b numeric, image bytea);
INSERT INTO digits SELECT 1e131071 + n, -1e131070 - n, '\x00' FROM generate_series(1, 5000) AS n;
INSERT INTO digits SELECT 12, -1.50, image FROM picture;
INSERT INTO digits SELECT 'NaN', '-Infinity', image FROM picture;
ALTER TABLE digits ADD PRIMARY KEY (a, b);
SET LOCAL statement_timeout = '5s';
SELECT is(told('digits', id), 'the masks differ', 'numbers of many digits are not written out: ' || id)
FROM unnest('{"(12,-1.50)","(NaN,-Infinity)"}'::text[]) AS id;
RESET statement_timeout;
CREATE TABLE wide (a text, b text, image bytea, PRIMARY KEY (a, b));
INSERT INTO wide VALUES (repeat('x', 5000), repeat('y', 5000), '\x00');
SELECT is(told('wide', '(a,b)'), too_long(), 'nor columns that are too long together');
INSERT INTO wide SELECT 'a', 'b', image FROM picture;
SELECT is(told('wide', '(a,b)'), 'the masks differ', '... on the way to the right one');

-- The honest case, with what lesion_predict writes.
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE parted (clinic text, day date, image bytea, PRIMARY KEY (clinic, day)) PARTITION BY LIST (clinic);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_b (image bytea, more int, day date NOT NULL, clinic text NOT NULL);
ALTER TABLE parted_b DROP COLUMN more;
ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES IN ('b');
INSERT INTO parted SELECT c, date '2026-01-01' + id, image FROM archive, unnest('{a,b}'::text[]) AS c WHERE id < 4;
CREATE VIEW few AS SELECT * FROM archive WHERE id < 4;
CALL lesion_predict('archive', 'net', 'masks');
CALL lesion_predict('parted', 'net', 'masks');
CALL lesion_predict('few', 'net', 'masks', id_column => 'id');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r WHERE r.agrees AND images = 'public.archive'),
	12::bigint, 'masks of a table');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r WHERE r.agrees AND images = 'public.parted'),
	6::bigint, '... of partitions');
SELECT is((SELECT count(*) FROM masks AS m, lesion_reproduce(m) AS r
	WHERE r.reason ~ 'give the image' AND images = 'public.few'), 3::bigint,
	'... and of a view: not by its name');
SELECT is((SELECT count(*) FROM masks AS m JOIN few AS s ON s.id::text = m.id, lesion_reproduce(m, s.image) AS r
	WHERE r.agrees AND images = 'public.few'), 3::bigint,
	'... but by the images');
SELECT results_eq(format($$SELECT r.agrees, regexp_replace(r.reason, ' not .*', '')
	FROM masks AS m, LATERAL (SELECT (jsonb_populate_record(m, %L)).*) AS f, lesion_reproduce(f) AS r
	WHERE (m.images, m.id) = ('public.archive', '1')$$, jsonb_build_object(f.name, f.value)),
	format('VALUES (false, %L)',
	format('the masks agree, but %s is %s and', f.name, coalesce(f.value #>> '{}', 'NULL'))),
	'a figure beside a true mask: ' || f.name)
FROM masks AS m, unnest('{area,confidence,uncertain,disagreement,predicted_dice,quality}'::text[],
	'{2,0.5,1.1,0,1,null}'::jsonb[]) AS f (name, value)
WHERE (m.images, m.id) = ('public.archive', '1');
SELECT matches((SELECT (lesion_reproduce(f)).reason FROM masks AS m,
	LATERAL (SELECT (jsonb_populate_record(m, jsonb_build_object('needs_review', NOT m.needs_review))).*) AS f
	WHERE (m.images, m.id) = ('public.archive', '1')),
	'^the masks agree, but needs_review is (true and not false|false and not true)$', '... or whether to look at it');

-- Nobody has to wait for a model of somebody else, nor for a table.
CALL lesion_predict('few', 'linknet', 'masks', tta => true, id_column => 'id');
SET LOCAL lesionseg.remake_timeout = 1;
SELECT is((SELECT r.reason FROM masks AS m JOIN few AS s ON s.id::text = m.id, lesion_reproduce(m, s.image) AS r
	WHERE model = 'linknet' LIMIT 1),
	'it cannot be made again: the mask takes longer than lesionseg.remake_timeout, 1 ms', 'a model that takes long');
CREATE TABLE slow_ids AS SELECT p.id, ''::bytea AS image
FROM generate_series(1, 3000), (SELECT format('(%s)', string_agg('(0.1234567,0.7654321)', ','))::polygon AS id
	FROM generate_series(1, 300)) AS p;
SELECT is((SELECT (lesion_reproduce(f)).reason FROM masks AS m, LATERAL (SELECT (jsonb_populate_record(m,
		'{"images": "slow_ids", "id": "none", "options": {"id_column": "id"}}')).*) AS f
	WHERE (m.images, m.id) = ('public.archive', '1')),
	'looking for the image takes longer than lesionseg.remake_timeout, 1 ms; give the image too, by '
	'lesion_reproduce(prediction, image)', 'a table whose ids take long');
SET LOCAL lesionseg.remake_timeout = 0;
SELECT is((SELECT r.agrees FROM masks AS m JOIN few AS s ON s.id::text = m.id, lesion_reproduce(m, s.image) AS r
	WHERE model = 'linknet' LIMIT 1), true, '... for whom has time');

SELECT * FROM finish();
ROLLBACK;
