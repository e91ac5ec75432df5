-- weight_column: how often training sees a row. (How often that is exactly, test/unit/learn_order.c
-- says.)
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(16);

CREATE TABLE weighted AS
SELECT i AS id, s.image, s.mask, 1 AS same, 0.7::float8 AS even, CASE WHEN i % 3 = 0 THEN 2.5 ELSE 0.5 END AS uneven,
	0 AS none, CASE WHEN i = 7 THEN NULL ELSE 1::float4 END AS missing, -i AS negative, 'NaN'::float8 AS nan,
	'1'::text AS words
FROM generate_series(1, 30) AS i, lesion_synthetic(i, 32, 32) AS s;
ALTER TABLE weighted ADD PRIMARY KEY (id);

CREATE FUNCTION net(name text, args text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sha text;
BEGIN
	EXECUTE format($f$SELECT sha256 FROM lesion_train('weighted', %L, 2, architecture => 'unet',
		config => '{"base": 2, "depth": 1}', image_size => 16 %s)$f$, name, args) INTO sha;
	RETURN sha;
END $$;

CREATE TEMP TABLE w AS SELECT net('plain', '') AS plain, net('same', $$, weight_column => 'same'$$) AS same,
	net('even', $$, weight_column => 'even'$$) AS even, net('uneven', $$, weight_column => 'uneven'$$) AS uneven,
	net('again', $$, weight_column => 'uneven'$$) AS again;
SELECT is(same, plain, 'equal weights are none') FROM w;
SELECT is(even, plain, '... whatever they are') FROM w;
SELECT isnt(uneven, plain, 'other weights train another network') FROM w;
SELECT is(again, uneven, '... the same one again') FROM w;
SELECT is(options ->> 'weight_column', 'uneven', 'the run knows the column') FROM lesion_run WHERE model = 'uneven';
SELECT is(options ->> 'weight_column', NULL, '... and where there is none') FROM lesion_run WHERE model = 'plain';
SELECT is(count(DISTINCT training_images), 1::bigint, 'weights change no part') FROM lesion_run;
SELECT isnt((SELECT data_sha256 FROM lesion_run WHERE model = 'uneven'),
	(SELECT data_sha256 FROM lesion_run WHERE model = 'plain'), 'what training sees has the weights in it');

SELECT throws_ok($$SELECT net('x', ', weight_column => ''nowhere''')$$, '42703', '"weighted" has no column "nowhere"',
	'a column that is not there');
SELECT throws_ok($$SELECT net('x', ', weight_column => ''words''')$$, '42804',
	'column "words" of "weighted" is of type text, not a number', 'a column of text');
SELECT throws_like($$SELECT net('x', ', weight_column => ''missing''')$$,
	'row "7" of public.weighted has no weight: its "missing" is NULL', 'a row without a weight');
SELECT throws_like($$SELECT net('x', ', weight_column => ''negative''')$$,
	'the weight of row "%" of public.weighted is -%', 'a negative weight');
SELECT throws_like($$SELECT net('x', ', weight_column => ''nan''')$$,
	'the weight of row "%" of public.weighted is NaN', 'a weight that is no number');
SELECT throws_ok($$SELECT net('x', ', weight_column => ''none''')$$, '22023',
	'the weights of the training images add up to 0', 'weights that are all 0');

CREATE VIEW of_numbers AS SELECT id, image, mask, uneven::numeric AS weight FROM weighted;
SELECT lives_ok($$SELECT lesion_train('of_numbers', 'view', 1, architecture => 'unet', id_column => 'id',
	config => '{"base": 2, "depth": 1}', image_size => 16, weight_column => 'weight')$$, 'a view of numeric weights');
SELECT is(best_epoch, 1, '... makes a version') FROM lesion_run WHERE model = 'view';

SELECT * FROM finish();
ROLLBACK;
