-- lesionseg 0.2 to 0.3. What this makes of 0.2's objects is what
-- lesionseg--0.3.sql makes from nothing: test/t/upgrade.pl compares the two.

\echo Use "ALTER EXTENSION lesionseg UPDATE" to load this file. \quit

CREATE FUNCTION lesion_reproduce(prediction lesion_prediction, image bytea, OUT agrees boolean, OUT reason text)
AS 'MODULE_PATHNAME', 'lesion_reproduce_image'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 2500000;

COMMENT ON FUNCTION lesion_reproduce(lesion_prediction, bytea) IS
'the same of an image that the caller gives, so that nothing is read by the name in the row';

-- What lesionseg--0.2.sql could not register: it may have been run by the
-- library of 0.3, in an update from 0.1 or by CREATE EXTENSION VERSION '0.2'.
CREATE FUNCTION lesion_register_bundled()
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_register_bundled'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

SELECT lesion_register_bundled();
DROP FUNCTION lesion_register_bundled();
