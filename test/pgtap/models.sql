-- The registry: create, import, export, promote, drop.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(153);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

-- What a new database holds.
SELECT is((SELECT count(*) FROM lesion_models WHERE bundled AND (model = architecture OR model = 'lesion')
		AND coalesce(version, 0) = 0),
	(SELECT count(*) FROM lesion_models),
	'a model for each architecture and an ensemble, with the weights that came with the extension or none');

-- Create.
SELECT lesion_model_create('small', 'unet', '{"base": 4, "depth": 1}');
SELECT row_eq($$SELECT architecture, config -> 'base', version, versions FROM lesion_models WHERE model = 'small'$$,
	ROW('unet'::text, '4'::jsonb, NULL::int, 0::bigint), 'a model without a version');
SELECT throws_ok($$SELECT lesion_model_create('small', 'unet')$$, '42710', 'model "small" exists already',
	'a name that is taken');
SELECT throws_ok($$SELECT lesion_model_create('x', 'vgg')$$, '42704', NULL, 'an architecture that does not exist');
SELECT throws_ok($$SELECT lesion_model_create('x', 'unet', '{"bass": 1}')$$, '22023', NULL,
	'a config key that does not exist');
SELECT throws_ok($$SELECT lesion_model_create('x', 'unet', '{"base": "wide"}')$$, '22023', NULL,
	'a config value that is no number');
SELECT throws_ok($$SELECT lesion_model_create('', 'unet')$$, '42602', NULL, 'an empty name');
SELECT throws_ok($$SELECT lesion_model_create(repeat('x', 64), 'unet')$$, '42602', NULL, 'a name that is too long');
SELECT throws_ok(format('SELECT lesion_model_create(%L, %L)', name, 'unet'), '42602', NULL,
	'a name that looks like another one: ' || quote_literal(encode(name::bytea, 'escape')))
FROM unnest(ARRAY['unet ', ' unet', E'a\nb', E'a\x1b[31m', E'\x7f', U&'a\0085b', U&'unet\200B', U&'\202Etenu',
	U&'un\034Fet', U&'un\115Fet', U&'un\1160et', U&'un\17B4et', U&'un\17B5et', U&'un\180Bet', U&'un\180Fet',
	U&'un\2065et', U&'un\3164et', U&'un\FE0Fet', U&'un\FFA0et', U&'un\FFF0et', U&'un\FFF8et', U&'un\+01BCA0et',
	U&'un\+01BCA3et', U&'un\+01D173et', U&'un\+01D17Aet', U&'un\+0E0000et', U&'un\+0E0FFFet',
	U&'unet\00A0', U&'\3000unet', U&'a\2028b', U&'un\FEFFet', U&'u\00ADnet', 'my  net',
	U&'my\00A0net', U&'my\2003net', U&'cafe\0301', U&'net\E000', U&'net\FFFC', U&'net\FFFF', U&'net\+01D159',
	U&'net\+013430', U&'net\+10FFFD',
	U&'un\070Fet', U&'un\+016FE4et', U&'un\06DDet']) AS name;
SELECT throws_ok($$SELECT lesion_model_create('Classical:otsu', 'unet')$$, '42939', NULL, '... a classical method''s');
SELECT lives_ok(format('SELECT lesion_model_create(%L, %L)', name, 'unet'), 'other names may have spaces and letters')
FROM unnest(ARRAY['my net 2', U&'\00E9t\00E9 \76AE\819A']) AS name;
SELECT throws_ok($$SELECT lesion_model_create('linknet', 'unet')$$, NULL, NULL, 'the name of another architecture');
SELECT throws_ok($$SELECT lesion_model_export('small')$$, '55000', NULL, 'there is nothing to export yet');

-- Export and import.
SELECT lesion_train('archive', 'small', epochs => 20, image_size => 16, learning_rate => 0.01);
CREATE TEMP TABLE file AS SELECT lesion_model_export('small') AS weights;
SELECT is(lesion_model_export('small', 1), weights, 'export by number') FROM file;
SELECT throws_ok(format('SELECT lesion_model_import(%L, %L)', E'co\npy', weights), '42602', NULL,
	'an import under a name that looks like another one') FROM file;
SELECT is(lesion_model_import('copy', weights), 1, 'an import is version 1 of a new model') FROM file;
SELECT is(lesion_model_export('copy'), weights, 'what comes out is what went in, byte for byte') FROM file;
SELECT row_eq($$SELECT architecture, config, version, image_size, threshold FROM lesion_models WHERE model = 'copy'$$,
	(SELECT ROW(architecture, config, 1, 16, 0.5::float8) FROM lesion_models WHERE model = 'small'),
	'the file says all there is to know');
SELECT is((SELECT count(*) FROM archive WHERE lesion_segment(image, 'copy') <> lesion_segment(image, 'small')),
	0::bigint, 'the copy gives the same masks');
SELECT is(lesion_model_import('copy', weights, threshold => 0.3, promote => false), 2, 'another version') FROM file;
SELECT is((SELECT version FROM lesion_models WHERE model = 'copy'), 1, '... that is not promoted');
SELECT ok((SELECT run IS NULL FROM lesion_version WHERE model = 'copy' AND number = 1), 'an import has no run');

-- Number formats.
SELECT is(length(lesion_model_export('small', dtype => 'f32')), length(weights), 'f32 is as large as trained weights')
FROM file;
SELECT ok(length(lesion_model_export('small', dtype => name)) < 0.7 * length(weights), name || ' is smaller')
FROM file, unnest('{bf16,f16}'::text[]) name;
SELECT is(lesion_model_import('small ' || name, lesion_model_export('small', 1, name)), 1, name || ' comes in again')
FROM unnest('{f32,bf16,f16}'::text[]) name;
SELECT is((SELECT min(lesion_dice(lesion_segment(image, 'small ' || name), lesion_segment(image, 'small')))
	FROM archive) > 0.9, true, name || ' gives about the same masks')
FROM unnest('{f32,bf16,f16}'::text[]) name;
SELECT is(lesion_model_export('small bf16', dtype => 'bf16'), lesion_model_export('small bf16'),
	'written anew in its own format it is the same file');
SELECT throws_ok($$SELECT lesion_model_export('small', dtype => 'f8')$$, '22023', 'dtype "f8" does not exist',
	'a format that does not exist');
SELECT lesion_model_drop('small ' || name) FROM unnest('{f32,bf16,f16}'::text[]) name;

-- Files that cannot be used.
SELECT throws_ok($$SELECT lesion_model_import('copy', '')$$, '22P03', NULL, 'an empty file');
SELECT throws_ok($$SELECT lesion_model_import('copy', 'no weights')$$, '22P03', NULL, 'bytes that are no weights');
SELECT throws_ok($$SELECT lesion_model_import('copy', substr(weights, 1, length(weights) - 4)) FROM file$$, '22P03',
	NULL, 'a truncated file');
SELECT throws_ok($$SELECT lesion_model_import('copy', weights || '\x00') FROM file$$, '22P03', NULL,
	'a file that is too long');
SELECT throws_ok($$SELECT lesion_model_import('wide', weights, config => '{"base": 8}') FROM file$$, '22P03', NULL,
	'tensors of another shape');
SELECT throws_matching($$SELECT lesion_model_import('wide', weights, config => '{"base": 8}') FROM file$$,
	'weights: tensor "down.0.0.weight" has shape \(4, 3, 3, 3\), the network needs \(8, 3, 3, 3\)', '... are named');
SELECT throws_matching($$SELECT lesion_model_import('deeper', weights, config => '{"depth": 2}') FROM file$$,
	'weights: tensor "[a-z.0-9]+": it ', 'a missing tensor is named');
SELECT lesion_train('archive', 'two levels', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 16);
SELECT throws_matching($$SELECT lesion_model_import('flat', lesion_model_export('two levels'),
	config => '{"depth": 1}')$$, 'weights: tensor "[a-z.0-9]+": the network has no such tensor',
	'a tensor too many is named');
SELECT throws_ok($$SELECT lesion_model_import('flat', lesion_model_export('two levels'), config => '{"depth": 1}')$$,
	'22P03', NULL, '... with the same SQLSTATE');
SELECT lesion_model_drop('two levels');
SELECT throws_matching($$SELECT lesion_model_import('other', weights, architecture => 'linknet') FROM file$$,
	'weights: the file is for "unet", not for "linknet"', 'a file of another architecture');
SELECT lesion_model_create('mixer', 'convmixer', '{"dim": 16, "depth": 1, "patch": 2, "kernel": 3}');
SELECT throws_matching($$SELECT lesion_model_import('mixer', weights) FROM file$$,
	'weights: the file is for "unet", not for "convmixer"', '... into a model of its own');
SELECT throws_matching($$SELECT lesion_model_import('copy', substr(weights, 1, length(weights) - 4)) FROM file$$,
	'weights: tensor "[a-z.0-9]+"', 'a truncated file: the tensor is named');
SELECT throws_ok($$SELECT lesion_model_import('copy', weights, image_size => 33) FROM file$$, '22023', NULL,
	'a size that does not fit the network');
SELECT throws_ok($$SELECT lesion_model_import('copy', weights, image_size => 16384) FROM file$$, '54000', NULL,
	'a size at which nothing can run');
SELECT throws_matching($$SELECT lesion_model_import('copy',
	set_byte(weights, octet_length(weights) - 4, 1 # get_byte(weights, octet_length(weights) - 4))) FROM file$$,
	'tensor "[a-z0-9.]+": it does not have the checksum', 'a damaged file');
SELECT throws_ok($$SELECT lesion_model_import('copy', weights, image_size => 0) FROM file$$, '22023', NULL, 'size 0');
SELECT throws_ok($$SELECT lesion_model_import('copy', weights, threshold => 1) FROM file$$, '22023', NULL,
	'a threshold out of range');
SELECT throws_ok($$SELECT lesion_model_import(NULL, weights) FROM file$$, '22004', NULL, 'no name');
SELECT throws_ok($$SELECT lesion_model_import('copy', NULL)$$, '22004', NULL, 'no file');
SELECT lesion_model_create('deep', 'unet', '{"base": 4, "depth": 2}');
SELECT throws_ok($$SELECT lesion_model_import('deep', weights) FROM file$$, '22023', NULL,
	'a file of another config than the model''s');
SELECT is((SELECT count(*) FROM lesion_version WHERE number > 0), 3::bigint, 'nothing was left by any of these');

-- Promote.
SELECT lesion_model_promote('copy', 2);
SELECT row_eq($$SELECT version, threshold FROM lesion_models WHERE model = 'copy'$$, ROW(2, 0.3::float8),
	'promoted by hand');
SELECT throws_ok($$SELECT lesion_model_promote('copy', 3)$$, '42704', 'model "copy" has no version 3',
	'a version that does not exist');
-- A hint names the model that was meant.
CREATE FUNCTION hint_of(statement text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
END
$$;
SELECT is(hint_of(format($$SELECT lesion_model_promote(%L, 1)$$, typo)), 'Perhaps you meant "linknet".', typo)
FROM unnest('{linkent,LinkNet,linknet1}'::text[]) AS typo;
SELECT matches(hint_of($$SELECT lesion_model_promote('nothing', 1)$$), '^To train a new model', 'no name is like it');
SELECT is(hint_of($$SELECT lesion_model_promote('copy', 3)$$), 'Name one of these.', 'one of the versions that exist');
SELECT throws_ok($$SELECT lesion_model_promote('nobody', 1)$$, '42704', NULL, 'a model that does not exist');
SELECT is((SELECT array_agg(version ORDER BY promotion) FROM lesion_promotion WHERE model = 'copy'), '{1,2}',
	'promotions are kept');

-- What rows refer to is there, unless their owner brings back what was before.
CREATE ROLE lesion_test_writer;
GRANT INSERT ON lesion_promotion, lesion_version TO lesion_test_writer;
PREPARE refers(int, timestamptz) AS INSERT INTO lesion_promotion (model, version, reason, promoted_at)
	VALUES ('copy', $1, 'by hand', $2);
SELECT throws_ok($$EXECUTE refers(9, clock_timestamp())$$, '23503',
	'a row of lesion_promotion refers to a row of lesion_version that is not there: (copy, 9)',
	'a promotion of no version');
SELECT throws_ok($$INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
	SELECT 'nobody', 1, config, weights, sha256, image_size, extension_version
	FROM lesion_version LIMIT 1$$, '23503', NULL, 'a version of no model');
SELECT throws_ok($$DELETE FROM lesion_run WHERE model = 'small'$$, '23503', NULL, 'the run of a version stays');
SELECT throws_ok($$UPDATE lesion_model SET name = 'renamed' WHERE name = 'copy'$$, '23503', NULL,
	'a model that has versions keeps its name');
SELECT throws_ok($$TRUNCATE lesion_model$$, '0A000', NULL, 'models are not truncated');
SELECT throws_ok($$TRUNCATE lesion_version CASCADE$$, '0A000', NULL, '... nor are versions');
SET LOCAL ROLE lesion_test_writer;
SELECT throws_ok($$EXECUTE refers(9, '2020-01-01')$$, NULL, NULL, 'nobody but the owner brings back old rows');
RESET ROLE;
SELECT lives_ok($$EXECUTE refers(9, '2020-01-01')$$, 'the owner brings back old rows');
DELETE FROM lesion_promotion WHERE version = 9;
SELECT is((SELECT string_agg(c.relname, ' ') FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	WHERE c.relkind = 'r' AND c.relname LIKE 'lesion_%'
	AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)), NULL,
	'every table has a primary key');

-- Drop.
SELECT lesion_evaluate('archive', 'small', 'all');
SELECT lesion_model_drop('small');
SELECT is((SELECT count(*) FROM lesion_models WHERE model = 'small'), 0::bigint, 'a dropped model is gone');
SELECT is((SELECT count(*) FROM lesion_version WHERE model = 'small')
	+ (SELECT count(*) FROM lesion_run WHERE model = 'small')
	+ (SELECT count(*) FROM lesion_evaluation WHERE model = 'small')
	+ (SELECT count(*) FROM lesion_promotion WHERE model = 'small')
	+ (SELECT count(*) FROM lesion_epoch), 0::bigint, '... with all that belonged to it');
SELECT throws_ok($$SELECT lesion_model_drop('small')$$, '42704', NULL, 'it cannot be dropped twice');

SELECT lesion_model_import('dropped', lesion_model_export('copy'));
SELECT lesion_evaluate('archive', 'dropped', 'all');
GRANT DELETE ON lesion_model TO lesion_test_writer;
SET LOCAL ROLE lesion_test_writer;
SELECT lives_ok($$SELECT lesion_model_drop('dropped')$$, 'who may delete models needs no right on what goes with them');
SELECT throws_ok($$DELETE FROM lesion_version WHERE model = 'copy'$$, '42501', NULL, '... and has none');
RESET ROLE;
SELECT is((SELECT count(*) FROM lesion_version WHERE model = 'dropped')
	+ (SELECT count(*) FROM lesion_evaluation WHERE model = 'dropped')
	+ (SELECT count(*) FROM lesion_promotion WHERE model = 'dropped'), 0::bigint, 'all of it is gone');
SELECT is((SELECT string_agg(event, ', ' ORDER BY event) FROM lesion_audit
	WHERE model = 'dropped' AND role = 'lesion_test_writer'), 'drop, drop version',
	'... and on record as that role''s work');

-- What goes to another server: weights as they are, and how they are used.
SELECT lesion_model_import('sent', lesion_model_export('copy'),
	traits => '{"image_size": 48, "threshold": 0.30000000000000004, "temperature": 1.7320508075688772,
	"review_below": 0.1, "enhance": "always", "dice_constant": 0.1, "dice_expected": 0.30000000000000004,
	"dice_scattered": -1.7320508075688772}');
SELECT lesion_model_import('come', lesion_model_export(model, version), weights_sha256 => sha256,
	traits => lesion_model_traits(model, version)) FROM lesion_models WHERE model = 'sent';
SELECT is((SELECT sha256 FROM lesion_version WHERE model = 'come'),
	(SELECT sha256 FROM lesion_version WHERE model = 'copy' AND number = 1), 'weights arrive');
SELECT row_eq($$SELECT image_size, threshold, temperature, review_below, enhance, dice_coefficients FROM lesion_version
	WHERE model = 'come'$$,
	ROW(48, 0.30000000000000004::float8, 1.7320508075688772::float8, 0.1::float8, 'always'::text,
	'{0.1,0.30000000000000004,0,0,0,-1.7320508075688772}'::float8[]),
	'... and traits, to the last bit');
SELECT is(lesion_model_traits('come'), lesion_model_traits('sent', 1), '... and can be sent on');
SELECT lesion_model_import('come', lesion_model_export('sent'), traits => lesion_model_traits('sent'), threshold => 0.6,
	image_size => 40, promote => false);
SELECT is(lesion_model_traits('come', 2), lesion_model_traits('come', 1) || '{"threshold": 0.6, "image_size": 40}',
	'arguments of their own count more');
SELECT throws_ok(format($$SELECT lesion_model_import('come', lesion_model_export('sent', dtype => 'bf16'),
	weights_sha256 => %L)$$, sha256), 'XX001', NULL, 'other weights than those that were meant are refused')
FROM lesion_models WHERE model = 'sent';
SELECT throws_ok(format('SELECT lesion_model_import(%L, lesion_model_export(%L), %s)', 'come', 'sent', wrong), '22023',
	NULL, wrong)
FROM unnest(ARRAY[$$weights_sha256 => 'abc'$$, $$traits => '[]'$$, $$traits => '{"size": 1}'$$,
	$$traits => '{"threshold": 1}'$$, $$traits => '{"threshold": 0}'$$, $$traits => '{"temperature": 0}'$$,
	$$traits => '{"image_size": 0}'$$, $$traits => '{"dice_core": "1"}'$$,
	$$traits => '{"dice_area": 1e7}'$$]) AS wrong;
SELECT is((SELECT versions FROM lesion_models WHERE model = 'come'), 2::bigint, '... and nothing changes');
SELECT throws_ok($$SELECT lesion_model_traits('nobody')$$, '42704', NULL, 'traits of no model');

-- Who may do what. PUBLIC may read and segment.
CREATE ROLE lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT lives_ok($$SELECT lesion_segment((lesion_synthetic(1, 32, 32)).image, 'copy')$$, 'anyone may segment');
SELECT throws_ok($$SELECT lesion_model_create('mine', 'unet')$$, '42501', NULL, 'not anyone may make a model');
SELECT throws_ok($$SELECT lesion_model_promote('copy', 1)$$, '42501', NULL, '... or promote');
SELECT throws_ok($$SELECT lesion_model_drop('copy')$$, '42501', NULL, '... or drop');
SELECT throws_ok($$SELECT lesion_model_import('copy', lesion_model_export('copy'))$$, '42501', NULL, '... or import');
RESET ROLE;

-- No number is given twice: masks and verdicts by a version that is gone stay, and name it.
SELECT is(lesion_model_import('again', lesion_model_export('linknet')), 1, 'the first version');
SELECT lesion_model_drop('again');
SELECT is(lesion_model_import('again', lesion_model_export('linknet')), 2, 'another model under its name goes on');
SELECT is(lesion_model_import('again', lesion_model_export('linknet', dtype => 'f16'), promote => false), 3,
	'... and on');
DELETE FROM lesion_version WHERE model = 'again' AND number = 3;
SELECT is(lesion_model_import('again', lesion_model_export('linknet', dtype => 'f16')), 4,
	'... also where the latest is gone');
REVOKE SELECT ON lesion_audit FROM PUBLIC;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion TO lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT is(lesion_model_import('again', lesion_model_export('linknet')), 5,
	'who may not read the log counts what is there');
RESET ROLE;

-- Every object says what it is for.
SELECT is((SELECT string_agg(pg_describe_object(classid, objid, 0), ', ')
	FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname = 'lesionseg' AND d.deptype = 'e'
	AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
	AND NOT EXISTS (SELECT FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid
		AND c.relkind NOT IN ('r', 'v'))
	AND obj_description(d.objid, d.classid::regclass::text) IS NULL), NULL,
	'every function, table and view has a comment');

-- A promotion that was copied without its sequence, or written by hand, would stay the latest for ever.
INSERT INTO lesion_promotion (promotion, model, version, reason) OVERRIDING SYSTEM VALUE
VALUES (9223372036854775806, 'linknet', 0, 'by hand');
SELECT throws_like($$SELECT lesion_model_promote('linknet', 0)$$,
	'promotion 9223372036854775806 of model "linknet" would stay the latest', 'what would not count is an error');
SELECT lives_ok($$SELECT lesion_model_promote('unet', 0)$$, '... of that model alone');

SELECT * FROM finish();
ROLLBACK;
