-- The settings: defaults, units, ranges, and no others.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lesionseg;
RESET client_min_messages;
LOAD 'lesionseg';
SELECT name, setting, unit, context, vartype, min_val, max_val, enumvals
FROM pg_settings WHERE name LIKE 'lesionseg.%' ORDER BY name COLLATE "C";
SELECT count(*) FROM pg_settings WHERE name LIKE 'lesionseg.%' AND short_desc = '';
SET lesionseg.max_memory = '2GB';
SHOW lesionseg.max_memory;
\set VERBOSITY sqlstate
-- The message names the range: with its unit from PostgreSQL 17 on.
SET lesionseg.max_memory = '1MB';
\set VERBOSITY default
SET lesionseg.max_pixels = 0;
SET lesionseg.threads = -1;
SET lesionseg.backend = 'abacus';
SET lesionseg.precision = 'f8';
SET lesionseg.max_memroy = '2GB';
RESET ALL;
