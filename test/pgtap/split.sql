-- lesion_split: a hash of the id, the same everywhere and for ever.
BEGIN;
SELECT plan(22);

-- Exact values: SHA-256 of 'split:<seed>:<id>', its first 53 bits as a
-- fraction. They must never change, or a test part would leak into training.
CREATE FUNCTION number_of(purpose text, seed bigint, id text) RETURNS float8 LANGUAGE sql AS $$
	SELECT (('x' || encode(substr(sha256(convert_to(purpose || ':' || seed || ':' || id, 'UTF8')), 1, 7),
		'hex'))::bit(56)::bigint >> 3)
		/ 9007199254740992.0::float8
$$;
CREATE FUNCTION reference_split(id text, seed bigint, test_fraction float8,
	validation_fraction float8 DEFAULT 0) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN number_of('split', seed, id) < test_fraction THEN 'test'
		WHEN number_of('validation', seed, id) < validation_fraction THEN 'validation' ELSE 'train' END
$$;

SELECT is(lesion_split('ISIC_0000000'), 'train', 'a value that must never change');
SELECT is(lesion_split('ISIC_0000031', 7, 0.5), reference_split('ISIC_0000031', 7, 0.5), 'seed and fraction count');
SELECT is((SELECT count(*) FROM generate_series(1, 2000) g
	WHERE lesion_split(g::text, g % 5, 0.3) <> reference_split(g::text, g % 5, 0.3)),
	0::bigint, 'the hash is the documented one');
SELECT is(lesion_split('größe ✓', 0, 0.5), reference_split('größe ✓', 0, 0.5), 'ids are hashed in UTF-8');
SELECT is(lesion_split(''), reference_split('', 0, 0.2), 'an empty id is an id');

SELECT is(lesion_split('a'), lesion_split('a', 0, 0.2), 'the defaults are seed 0 and one fifth');
SELECT is(lesion_split('a', 0, 0), 'train', 'fraction 0 tests nothing');
SELECT is(lesion_split(NULL), NULL, 'NULL gives NULL');

SELECT ok((SELECT count(*) FILTER (WHERE lesion_split(g::text) = 'test') BETWEEN 1900 AND 2100
	FROM generate_series(1, 10000) g), 'a fifth of many rows is in the test part');
SELECT ok((SELECT count(*) FILTER (WHERE lesion_split(g::text, 1) <> lesion_split(g::text, 2)) > 2000
	FROM generate_series(1, 10000) g), 'another seed gives another split');
SELECT is((SELECT count(*) FROM generate_series(1, 1000) g
	WHERE lesion_split(g::text, 0, 0.1) = 'test' AND lesion_split(g::text, 0, 0.2) = 'train'),
	0::bigint, 'a smaller test part is within the larger one');

SELECT is((SELECT count(*) FROM generate_series(1, 2000) g
	WHERE lesion_split(g::text, g % 5, 0.3, 0.4) <> reference_split(g::text, g % 5, 0.3, 0.4)),
	0::bigint, 'the rows held back for validation are told apart');
SELECT is((SELECT count(DISTINCT lesion_split(g::text, 0, 0.3, 0.4)) FROM generate_series(1, 100) g), 3::bigint,
	'... into three parts');
SELECT is((SELECT count(*) FROM generate_series(1, 2000) g
	WHERE lesion_split(g::text, 3, 0.3) <> lesion_split(g::text, 3, 0.3, 0)),
	0::bigint, '... into two where the fraction is 0');
SELECT is(lesion_split('a', 0, 0.2, NULL), NULL, '... and NULL gives NULL');
SELECT throws_ok($$SELECT lesion_split('a', 0, 0.2, 1)$$, '22023',
	'validation_fraction is 1, it must be at least 0 and below 1', 'a validation fraction of 1 is refused');
SELECT throws_ok($$SELECT lesion_split('a', 0, 1, 0.2)$$, '22023',
	'test_fraction is 1, it must be at least 0 and below 1', '... and a test fraction of 1');

SELECT throws_ok($$SELECT lesion_split('a', 0, 1)$$, '22023', NULL, 'fraction 1 is refused');
SELECT throws_ok($$SELECT lesion_split('a', 0, -0.1)$$, '22023', NULL, 'a negative fraction is refused');
SELECT throws_ok($$SELECT lesion_split('a', 0, 'NaN')$$, '22023', NULL, 'NaN is refused');

SELECT is((SELECT string_agg(provolatile::text, '') FROM pg_proc WHERE proname = 'lesion_split'), 'ii',
	'it may stand in an index');
SELECT is((SELECT string_agg(proparallel::text, '') FROM pg_proc WHERE proname = 'lesion_split'), 'ss',
	'it may run in parallel');

SELECT * FROM finish();
ROLLBACK;
