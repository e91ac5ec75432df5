-- Masks drawn as text, for tests: drawn_mask('##. .#. ...') is a 24-bit BMP of
-- 3 x 3 pixels, '#' for lesion; drawn_image(..., 'b0c0e0', '203040') gives lesion
-- and skin colours (blue, green, red). BMP, because SQL can write it without help.

CREATE FUNCTION little_endian(value int) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT substring(b FROM 4 FOR 1) || substring(b FROM 3 FOR 1) || substring(b FROM 2 FOR 1)
		|| substring(b FROM 1 FOR 1)
	FROM int4send(value) AS b
$$;

CREATE FUNCTION drawn_image(drawing text, lesion text, skin text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT '\x424d' || little_endian(54 + length(pixels)) || little_endian(0) || little_endian(54)
		|| little_endian(40) || little_endian(width) || little_endian(height)
		|| '\x01001800' || decode(repeat('00', 24), 'hex') || pixels
	FROM (
		SELECT max(length(line)) AS width, count(*)::int AS height,
			-- rows stand bottom to top, each padded to a multiple of 4 bytes
			decode(string_agg(replace(replace(line, '#', lesion), '.', skin)
				|| repeat('00', (4 - length(line) * 3 % 4) % 4), '' ORDER BY number DESC), 'hex') AS pixels
		FROM string_to_table(drawing, ' ') WITH ORDINALITY AS rows (line, number)
	) AS bitmap
$$;

CREATE FUNCTION drawn_mask(drawing text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT drawn_image(drawing, 'ffffff', '000000') $$;
