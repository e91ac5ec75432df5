-- Casts: the owner of a type makes ids into text by a function of their own;
-- it runs with nobody else's rights.
BEGIN;
SELECT plan(8);

CREATE ROLE mallory;
CREATE SCHEMA mal AUTHORIZATION mallory;
GRANT USAGE, CREATE ON SCHEMA mal TO PUBLIC;
CREATE TABLE seen (who text);
GRANT INSERT ON seen TO PUBLIC;
SET ROLE mallory;
CREATE TYPE mal.key AS (x int);
CREATE FUNCTION mal.steal(mal.key) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.seen VALUES (current_user); RETURN 'id-' || ($1).x; END $$;
CREATE CAST (mal.key AS text) WITH FUNCTION mal.steal(mal.key);
CREATE TABLE mal.keyed (id mal.key PRIMARY KEY, image bytea, mask bytea);
INSERT INTO mal.keyed SELECT ROW(g)::mal.key, s.image, s.mask
	FROM generate_series(1, 6) AS g, lesion_synthetic(g, 32, 32) AS s;
CREATE TABLE mal.masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version));
RESET ROLE;

CREATE FUNCTION refused(sql text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(sql, '42501', 'column "id" of keyed is cast by a function of another role', sql) $$;
SELECT refused($$SELECT lesion_evaluate('mal.keyed', 'convmixer', 'all')$$);
SELECT refused($$SELECT lesion_train('mal.keyed', 'net', 1, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32)$$);
SELECT refused($$SELECT lesion_compare('mal.keyed', 'convmixer', 0, 0, 'all')$$);
SELECT refused($$SELECT lesion_robustness('mal.keyed', 'convmixer', 'all')$$);
SELECT refused($$CALL lesion_predict('mal.keyed', 'convmixer', 'mal.masks')$$);
SELECT is((SELECT count(*) FROM seen), 0::bigint, 'no code of the type''s owner ran');

-- Casts of a superuser, such as an extension's, and one's own are fine.
SET ROLE mallory;
SELECT lives_ok($$CALL lesion_predict('mal.keyed', 'convmixer', 'mal.masks')$$, 'the owner of the type predicts');
RESET ROLE;
ALTER FUNCTION mal.steal(mal.key) OWNER TO postgres;
SELECT lives_ok($$SELECT lesion_evaluate('mal.keyed', 'convmixer', 'all')$$, 'a superuser''s cast runs');

SELECT * FROM finish();
ROLLBACK;
