-- What is refused, when, and with which words of advice.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(41);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE SEQUENCE counter;

-- Train a tiny network with other arguments.
CREATE FUNCTION train(images text, size int = 32, arguments text = '') RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT lesion_train(%L, ''net'', 1, architecture => ''unet'', image_size => %s, '
		'config => ''{"base": 4, "depth": 1}''%s)',
		images, size, arguments)
$$;

-- The error of a statement: sqlstate, message, detail, hint.
CREATE FUNCTION error_of(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
	hint = PG_EXCEPTION_HINT;
END $$;

-- A long text is cut between characters.
SELECT ok(octet_length(message) BETWEEN 252 AND 255 AND message ~ 'é$', 'a degradation of a long name')
FROM error_of($$SELECT lesion_degrade(image, repeat('é', 300), 1) FROM archive LIMIT 1$$);
SELECT ok(octet_length(message) BETWEEN 252 AND 255 AND message ~ 'é$', '... of another length')
FROM error_of($$SELECT lesion_degrade(image, 'a' || repeat('é', 300), 1) FROM archive LIMIT 1$$);
SELECT ok(octet_length(message) BETWEEN 252 AND 255 AND message ~ '✓$', 'a config key of a long name')
FROM error_of(format('SELECT lesion_model_create(''new'', ''unet'', %L)',
	jsonb_build_object('ab' || repeat('✓', 200), 1)));

-- Sizes.
SET LOCAL lesionseg.max_pixels = 1100;
SELECT is(state || ' ' || message, '54000 an image_size of 34 has 1156 pixels, above the limit of 1100',
	'a size above lesionseg.max_pixels')
FROM error_of(train('archive', 34));
SELECT ok(hint ~ 'lesionseg.max_pixels', '... with a hint') FROM error_of(train('archive', 34));
SELECT is(state, NULL, 'a size below it') FROM error_of(train('archive'));
RESET lesionseg.max_pixels;
SELECT is(state || ' ' || message || ' ' || hint,
	'22023 an image size of 33 x 33 does not fit this unet, which needs multiples of 2 Use 32 or 34.',
	'a size between two')
FROM error_of(train('archive', 33));
SELECT is(hint, 'Use 2 or 4.', 'a size below all') FROM error_of(train('archive', 1));
SET LOCAL lesionseg.max_pixels = 700000000;
SELECT is(hint, 'Use 16382 or 16384.', 'a size that the largest follows') FROM error_of(train('archive', 16383));
SELECT is(state || ' ' || message, '22023 an image size of 16386 x 16386 is above 16384 x 16384',
	'a size above the maximum')
FROM error_of(train('archive', 16386));
RESET lesionseg.max_pixels;
SELECT is(state, '54000', 'the largest int') FROM error_of(train('archive', 2147483647));
SELECT is(state || ' ' || message, '22023 weights: an image size of 2147483647 x 2147483647 is above 16384 x 16384',
	'an import of that size')
FROM error_of($$SELECT lesion_model_import('copy', lesion_model_export('net'), image_size => 2147483647)$$);

-- Memory is refused before an image is decoded: this one could not be.
CREATE TABLE undecodable AS SELECT g AS id, '\x00'::bytea AS image, '\x00'::bytea AS mask FROM generate_series(1, 12) g;
SET LOCAL lesionseg.max_memory = '16MB';
SELECT is(state, '54000', 'more memory than allowed') FROM error_of(train('undecodable', 2048));
SELECT is(state, '22000', 'where it suffices, the images are looked at') FROM error_of(train('undecodable', 32));
INSERT INTO undecodable SELECT g, '\x00', '\x00' FROM generate_series(13, 60) g;
SELECT is(state, '54000', 'more memory than allowed for the batches of a larger table')
FROM error_of(train('undecodable', 192));
SELECT is(state, '22000', '... in which one image fits') FROM error_of(train('undecodable', 192, ', batch_size => 1'));
RESET lesionseg.max_memory;

-- An image that needs more memory than allowed is a broken one: whoever may write a row could else end every call.
CREATE TABLE large AS TABLE archive;
ALTER TABLE large ADD PRIMARY KEY (id);
INSERT INTO large SELECT 'large', s.image, s.mask FROM lesion_synthetic(1, 2400, 2400) AS s;
SET LOCAL lesionseg.max_memory = '16MB';
SELECT is(broken, 1, 'an image that needs more memory than allowed is a broken row')
FROM lesion_evaluate('large', 'net', 'all', version => 1);
RESET lesionseg.max_memory;

-- So is one above lesionseg.max_pixels.
SET LOCAL lesionseg.max_pixels = 1000000;
SELECT is(broken, 1, 'an image above lesionseg.max_pixels is counted as broken')
FROM lesion_evaluate('large', 'net', 'all', version => 1);
RESET lesionseg.max_pixels;

-- Names.
SELECT is(state || ' ' || message, '42939 the name "' || name || '" is reserved', 'the reserved name ' || name)
FROM unnest(ARRAY['ensemble']) AS name, error_of(format('SELECT lesion_model_create(%L, ''unet'')', name));
SELECT ok(hint <> '', '... with a hint') FROM error_of($$SELECT lesion_model_create('ensemble', 'unet')$$);

-- Relations.
SELECT is(state || ' ' || message, '42P01 there is no table with OID 0', 'no OID')
FROM error_of($$SELECT lesion_train(0::regclass, 'unet')$$);
SELECT is(state, '42P01', 'an OID of no table, to evaluate')
FROM error_of($$SELECT lesion_evaluate(1::regclass, 'net', version => 1)$$);
SELECT ok(hint ~ 'archive', '... with a hint') FROM error_of($$SELECT lesion_train(0::regclass, 'unet')$$);
SELECT is(state, '42809', 'a sequence') FROM error_of(train('counter'));
SELECT ok(hint ~ 'table', '... with a hint') FROM error_of(train('counter'));

-- Values of JSON.
SELECT ok(hint ~ 'a whole number', 'a text for a number: a hint')
FROM error_of($$SELECT lesion_model_create('new', 'unet', '{"base": "16"}')$$);

-- Rights.
CREATE TABLE reserved AS TABLE archive;
ALTER TABLE reserved ENABLE ROW LEVEL SECURITY;
CREATE ROLE lesion_test_reader;
GRANT SELECT (image, mask) ON archive TO lesion_test_reader;
GRANT SELECT ON reserved TO lesion_test_reader;
GRANT INSERT ON lesion_evaluation, lesion_image_score TO lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT is(state || ' ' || message, '42501 permission denied for column "id" of "archive"',
	'a primary key that one may not read')
FROM error_of($$SELECT lesion_evaluate('archive', 'net', version => 1)$$);
SELECT ok(hint ~ 'GRANT SELECT', '... with a hint')
FROM error_of($$SELECT lesion_evaluate('archive', 'net', version => 1)$$);
SET LOCAL row_security = off;
SELECT is(state, '42501', 'policies and row_security = off')
FROM error_of($$SELECT lesion_evaluate('reserved', 'net', version => 1)$$);
SELECT ok(hint ~ 'row_security = on', '... with a hint')
FROM error_of($$SELECT lesion_evaluate('reserved', 'net', version => 1)$$);
RESET row_security;
RESET ROLE;
GRANT SELECT (id) ON archive TO lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT is(message, NULL, 'rights on the columns that are read are enough')
FROM error_of($$SELECT lesion_evaluate('archive', 'net', 'all', version => 1)$$);
RESET ROLE;

-- A search_path of the caller's decides nothing, not even what = means.
CREATE SCHEMA trap;
CREATE FUNCTION trap.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.never);
SELECT lesion_model_create('doomed', 'unet');
SET LOCAL search_path = trap, pg_catalog, public;
CREATE TABLE public.trapped AS
SELECT (public.error_of($$SELECT lesion_model_import('net', lesion_model_export('net', 1))$$)).message,
	current_setting('search_path') AS path;
SELECT lesion_model_drop('doomed');
RESET search_path;
SELECT is(message, NULL, 'an operator of the caller''s does not hide a model') FROM trapped;
SELECT is(path, 'trap, pg_catalog, public', '... and the search_path is as it was') FROM trapped;
SELECT is(array_agg(number ORDER BY number), '{1,2}', '... nor its versions') FROM lesion_version WHERE model = 'net';
SELECT is(count(*), 0::bigint, '... and it is dropped') FROM lesion_model WHERE name = 'doomed';

-- A trigger of the caller's runs with the caller's search_path.
CREATE TABLE promotions (version int);
CREATE FUNCTION note_promotion() RETURNS trigger
	LANGUAGE plpgsql AS 'BEGIN INSERT INTO promotions VALUES (NEW.version); RETURN NEW; END';
CREATE TRIGGER note_promotion AFTER INSERT ON lesion_promotion FOR EACH ROW EXECUTE FUNCTION note_promotion();
SELECT lives_ok($$SELECT lesion_model_promote('net', 1)$$, 'a trigger finds what it names');

-- Lists in messages end.
INSERT INTO lesion_model (name, architecture) SELECT 'model-' || to_char(g, 'FM000'), 'unet'
	FROM generate_series(1, 100) g;
SELECT ok(detail ~ '^Models that exist: ([-\w]+, ){19}[-\w]+ and \d+ more\.$', 'of many models, twenty are listed')
FROM error_of($$SELECT lesion_model_export('nobody')$$);

-- What comes with the extension stays.
SELECT is(state || ' ' || message, '2BP01 cannot drop model "unet", it comes with the extension',
	'a bundled model is not dropped')
FROM error_of($$SELECT lesion_model_drop('unet')$$);
SELECT lesion_model_import('unet', lesion_model_export('net', 1), config => '{"base": 4, "depth": 1}');
SELECT lives_ok(substring(hint FROM 'DELETE.*'), 'its hint can be followed')
FROM error_of($$SELECT lesion_model_drop('unet')$$);
SELECT is((SELECT count(*) FROM lesion_version WHERE model = 'unet' AND number > 0), 0::bigint,
	'... and does what it says');

-- In a transaction that may not write, nothing is scored first.
SET TRANSACTION READ ONLY;
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', version => 1)$$, '25006',
	'cannot execute lesion_evaluate() in a read-only transaction', 'scoring in a read-only transaction');

SELECT * FROM finish();
ROLLBACK;
