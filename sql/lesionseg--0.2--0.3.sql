-- lesionseg 0.2 to 0.3. What this makes of 0.2's objects is what
-- lesionseg--0.3.sql makes from nothing: test/t/upgrade.pl compares the two.

\echo Use "ALTER EXTENSION lesionseg UPDATE" to load this file. \quit
