-- lesion_split: a hash of the id, the same everywhere and for ever.
BEGIN;
SELECT plan(16);

-- Exact values: SHA-256 of 'split:<seed>:<id>', its first 53 bits as a
-- fraction. They must never change, or a test part would leak into training.
CREATE FUNCTION reference_split(id text, seed bigint, test_fraction float8) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN (('x' || encode(substr(sha256(convert_to('split:' || seed || ':' || id, 'UTF8')), 1, 7), 'hex'))::bit(56)::bigint >> 3)
		/ 9007199254740992.0::float8 < test_fraction THEN 'test' ELSE 'train' END
$$;

SELECT is(lesion_split('ISIC_0000000'), 'train', 'a value that must never change');
SELECT is(lesion_split('ISIC_0000031', 7, 0.5), reference_split('ISIC_0000031', 7, 0.5), 'seed and fraction count');
SELECT is((SELECT count(*) FROM generate_series(1, 2000) g WHERE lesion_split(g::text, g % 5, 0.3) <> reference_split(g::text, g % 5, 0.3)),
	0::bigint, 'the hash is the documented one');
SELECT is(lesion_split('größe ✓', 0, 0.5), reference_split('größe ✓', 0, 0.5), 'ids are hashed in UTF-8');
SELECT is(lesion_split(''), reference_split('', 0, 0.2), 'an empty id is an id');

SELECT is(lesion_split('a'), lesion_split('a', 0, 0.2), 'the defaults are seed 0 and one fifth');
SELECT is(lesion_split('a', 0, 0), 'train', 'fraction 0 tests nothing');
SELECT is(lesion_split(NULL), NULL, 'NULL gives NULL');

SELECT ok((SELECT count(*) FILTER (WHERE lesion_split(g::text) = 'test') BETWEEN 1900 AND 2100 FROM generate_series(1, 10000) g),
	'a fifth of many rows is in the test part');
SELECT ok((SELECT count(*) FILTER (WHERE lesion_split(g::text, 1) <> lesion_split(g::text, 2)) > 2000 FROM generate_series(1, 10000) g),
	'another seed gives another split');
SELECT is((SELECT count(*) FROM generate_series(1, 1000) g WHERE lesion_split(g::text, 0, 0.1) = 'test' AND lesion_split(g::text, 0, 0.2) = 'train'),
	0::bigint, 'a smaller test part is within the larger one');

SELECT throws_ok($$SELECT lesion_split('a', 0, 1)$$, '22023', NULL, 'fraction 1 is refused');
SELECT throws_ok($$SELECT lesion_split('a', 0, -0.1)$$, '22023', NULL, 'a negative fraction is refused');
SELECT throws_ok($$SELECT lesion_split('a', 0, 'NaN')$$, '22023', NULL, 'NaN is refused');

SELECT is((SELECT provolatile FROM pg_proc WHERE proname = 'lesion_split'), 'i', 'it may stand in an index');
SELECT is((SELECT proparallel FROM pg_proc WHERE proname = 'lesion_split'), 's', 'it may run in parallel');

SELECT * FROM finish();
ROLLBACK;
