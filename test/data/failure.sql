-- What a query fails with, for tests: SQLSTATE, what the message is about
-- (the part before its colon) and whether a hint says what to do. The wording
-- is left to the library's own tests.

CREATE FUNCTION failure(query text, OUT state text, OUT about text, OUT hinted boolean)
LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	state := 'none';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, about = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	about := split_part(about, ':', 1);
	hinted := hint <> '';
END
$$;
