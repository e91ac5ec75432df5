-- How queries over images are planned: parallel workers for small tables with images in TOAST, and what calls cost.
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT plan(29);

CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
CREATE FUNCTION cost_of(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Total Cost';
END $$;
CREATE FUNCTION shared(query text) RETURNS boolean LANGUAGE sql AS $$SELECT plan_of(query) ~ 'Workers Planned: 2'$$;
CREATE FUNCTION serial(query text) RETURNS boolean LANGUAGE sql AS $$SELECT plan_of(query) !~ 'Gather'$$;

-- Two hundred pages of two rows; the images, and the masks, are elsewhere.
CREATE TABLE archive (id int PRIMARY KEY, image bytea NOT NULL, mask bytea, padding text DEFAULT repeat('-', 3900));
ALTER TABLE archive ALTER padding SET STORAGE PLAIN;
ALTER TABLE archive ALTER image SET STORAGE EXTERNAL;
INSERT INTO archive (id, image, mask) SELECT id, s.image, s.mask
FROM (SELECT seed, x.* FROM generate_series(1, 5) AS seed, lesion_synthetic(seed, 64, 64) AS x) AS s,
	generate_series(1, 400) AS id WHERE id % 5 + 1 = seed;
ANALYZE archive;
SELECT cmp_ok(relpages, '<', 300, 'the table is small') FROM pg_class WHERE oid = 'archive'::regclass;

SELECT ok(shared('SELECT id, lesion_segment(image) FROM archive'), 'workers are planned for lesion_segment');
SELECT ok(shared('SELECT sum(length(lesion_segment(image))) FROM archive'), '... in an aggregate');
SELECT ok(shared('SELECT id, d.area FROM archive, lesion_segment_detail(image) AS d'), '... in FROM');
SELECT ok(shared('SELECT id FROM archive ORDER BY (lesion_quality(image)).score LIMIT 3'), '... in ORDER BY');
SELECT ok(shared('SELECT id FROM archive WHERE lesion_image_error(image) IS NULL'), '... in WHERE');
SELECT ok(shared('SELECT 1 FROM archive HAVING avg((lesion_quality(image)).score) > 0'), '... in HAVING');
SELECT ok(shared('CREATE TABLE masks AS SELECT id, lesion_segment(image) AS mask FROM archive'), '... to make a table');

SELECT ok(serial('SELECT id, lesion_segment(image) FROM archive LIMIT 1'), 'not for one image');
SELECT ok(serial('SELECT id, lesion_segment(image) FROM archive WHERE id = 7'), '... that is found by its key');
SELECT ok(serial('SELECT id, d.area FROM archive, lesion_segment_detail(image) AS d WHERE id = 7'), '... in FROM, too');
SELECT ok(serial('SELECT id, lesion_segment(image) FROM archive WHERE id < 8'),
	'... nor for rows that may stand on a few pages');
CREATE TABLE narrow AS SELECT id, image FROM archive;
SELECT ok(serial('SELECT id, lesion_segment(image) FROM narrow'), 'nor for a new table of a few pages');
ANALYZE narrow;
SELECT ok(serial('SELECT id, lesion_segment(image) FROM narrow'), '... of many rows');
CREATE TABLE others AS TABLE archive;
ANALYZE others;
SELECT ok(plan_of('SELECT a.id, lesion_segment(a.image) FROM archive AS a JOIN others AS b USING (id)')
	!~ 'Parallel Seq Scan on others', 'a table whose images no function reads is scanned as ever');

ALTER TABLE archive SET (parallel_workers = 1);
SELECT matches(plan_of('SELECT id, lesion_segment(image) FROM archive'), 'Workers Planned: 1',
	'a number that is set for a table counts');
ALTER TABLE archive SET (parallel_workers = 0);
SELECT ok(serial('SELECT id, lesion_segment(image) FROM archive'), '... and so does 0');
ALTER TABLE archive RESET (parallel_workers);
SET LOCAL lesionseg.parallel = off;
SELECT ok(serial('SELECT id, lesion_segment(image) FROM archive'), 'lesionseg.parallel = off takes the workers away');

-- Queries without our functions.
CREATE TEMP TABLE others AS SELECT query, plan_of(query) AS plan, cost_of(query) AS cost FROM unnest(ARRAY[
	'SELECT id, image FROM archive', 'SELECT sum(length(image)) FROM archive',
	'SELECT a.id, s FROM archive AS a, generate_series(1, a.id) AS s', 'SELECT count(*) FROM archive, archive AS b',
	'SELECT p.proname, t FROM pg_proc AS p, unnest(p.proargtypes) AS t']) AS query;
SET LOCAL lesionseg.parallel = on;
SELECT is(plan_of(query) || cost_of(query), plan || cost, query) FROM others;

-- Partitions are shared, too.
CREATE TABLE parts (id int, image bytea NOT NULL, padding text) PARTITION BY RANGE (id);
ALTER TABLE parts ALTER padding SET STORAGE PLAIN;
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (200);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (200) TO (401);
INSERT INTO parts SELECT id, image, padding FROM archive;
ANALYZE parts;
SELECT matches(plan_of('SELECT id, lesion_segment(image) FROM parts'), 'Workers Planned: [12]\n.*Parallel Append',
	'the partitions of a table are shared');

-- Workers give what one process gives.
SET LOCAL parallel_leader_participation = off;
CREATE FUNCTION of_some() RETURNS text LANGUAGE sql AS
	$$SELECT 'SELECT id, lesion_segment(image, ''linknet'') AS mask FROM archive WHERE id > 350'$$;
SELECT ok(shared(of_some()), 'some images are shared');
DO $$BEGIN EXECUTE 'CREATE TEMP TABLE made AS ' || of_some(); END$$;
SET LOCAL lesionseg.parallel = off;
SELECT results_eq('SELECT id, mask FROM made ORDER BY id', of_some() || ' ORDER BY id',
	'their masks are those of one process');
SET LOCAL lesionseg.parallel = on;

-- What calls cost.
SELECT cmp_ok(cost_of($$SELECT lesion_segment(image, 'linknet') FROM archive$$), '<',
	0.7 * cost_of($$SELECT lesion_segment(image, 'unet') FROM archive$$), 'LinkNet costs less than the U-Net');
SELECT cmp_ok(cost_of($$SELECT lesion_segment(image, 'unet', tta => true) FROM archive$$), '>',
	7 * cost_of($$SELECT lesion_segment(image, 'unet') FROM archive$$), 'test-time augmentation is eight runs');

SELECT cmp_ok(cost_of('SELECT lesion_segment(image) FROM archive LIMIT 100'), '<',
	current_setting('jit_optimize_above_cost')::float8, 'a hundred images are not worth the compiler''s best');

SELECT * FROM finish();
ROLLBACK;
