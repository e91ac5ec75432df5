-- lesionseg 0.2 to 0.3. What this makes of 0.2's objects is what
-- lesionseg--0.3.sql makes from nothing: test/t/upgrade.pl compares the two.

\echo Use "ALTER EXTENSION lesionseg UPDATE" to load this file. \quit

CREATE FUNCTION lesion_reproduce(prediction lesion_prediction, image bytea, OUT agrees boolean, OUT reason text)
AS 'MODULE_PATHNAME', 'lesion_reproduce_image'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 2500000;

COMMENT ON FUNCTION lesion_reproduce(lesion_prediction, bytea) IS
'the same of an image that the caller gives, so that nothing is read by the name in the row';
