-- Casts: the owner of a type may make its text by a function of their own. It
-- runs for nobody: the text of such a type is what its output function gives.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(12);

CREATE ROLE mallory;
CREATE SCHEMA mal AUTHORIZATION mallory;
GRANT USAGE, CREATE ON SCHEMA mal TO PUBLIC;
CREATE TABLE seen (who text);
GRANT INSERT ON seen TO PUBLIC;
SET ROLE mallory;
CREATE TYPE mal.key AS (x int);
CREATE TYPE mal.site AS ENUM ('arm', 'leg', 'back');
CREATE DOMAIN mal.part AS mal.site;
CREATE FUNCTION mal.steal(mal.key) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.seen VALUES (current_user); RETURN 'id-' || ($1).x; END $$;
CREATE FUNCTION mal.steal(mal.site) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.seen VALUES (current_user); RETURN 'stolen'; END $$;
CREATE CAST (mal.key AS text) WITH FUNCTION mal.steal(mal.key);
CREATE CAST (mal.site AS text) WITH FUNCTION mal.steal(mal.site);
CREATE TABLE mal.keyed (id mal.key PRIMARY KEY, image bytea, mask bytea, site mal.site, part mal.part);
INSERT INTO mal.keyed SELECT ROW(g)::mal.key, s.image, s.mask, n.site, CASE WHEN g > 3 THEN n.site END
	FROM generate_series(1, 30) AS g, lesion_synthetic(g, 32, 32) AS s,
		LATERAL (SELECT (ARRAY['arm', 'leg', 'back']::mal.site[])[1 + g % 3]) AS n (site);
CREATE TABLE mal.masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
RESET ROLE;

-- A call by another role, and what its code left behind.
CREATE FUNCTION runs_nothing(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT lives_ok(sql);
	RETURN NEXT is((SELECT count(*) FROM seen), 0::bigint, '... and no code of the type''s owner ran');
END $$;
SELECT runs_nothing($$SELECT lesion_evaluate('mal.keyed', 'convmixer', 'all', group_column => 'site',
	by_column => 'part')$$);
SELECT runs_nothing($$SELECT lesion_train('mal.keyed', 'net', 1, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, group_column => 'site')$$);
SELECT runs_nothing($$SELECT lesion_compare('mal.keyed', 'convmixer', 0, 0, 'all')$$);
SELECT runs_nothing($$SELECT lesion_robustness('mal.keyed', 'convmixer', 'all')$$);
SELECT runs_nothing($$CALL lesion_predict('mal.keyed', 'convmixer', 'mal.masks')$$);

SELECT is((SELECT array_agg(id ORDER BY id) FROM mal.masks WHERE id < '(2'),
	ARRAY['(1)', '(10)', '(11)', '(12)', '(13)', '(14)', '(15)', '(16)', '(17)', '(18)', '(19)'],
	'an id is the type''s own text');
SELECT is((SELECT array_agg(subgroup ORDER BY subgroup) FROM lesion_subgroups WHERE model = 'convmixer'),
	ARRAY['arm', 'back', 'leg', NULL], 'so is a group, and NULL stays NULL');

SELECT * FROM finish();
ROLLBACK;
