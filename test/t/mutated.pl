# mutated.pl: DICOM files with bytes that were changed, cut and doubled, through
# SQL: each call gives a value or one of a few errors, and the server lives.
#
# LESIONSEG_MUTATIONS says how many files (2000), LESIONSEG_SEED which ones.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use MIME::Base64 qw(encode_base64);
use Session qw(run_sql fresh_database server_alive);
use Test::More;

my $database = 'tap_mutated';
my $count = $ENV{LESIONSEG_MUTATIONS} // 2000;
my $seed = $ENV{LESIONSEG_SEED} // time % 100000;
note "LESIONSEG_SEED=$seed";
fresh_database($database);
run_sql($database, 'CREATE TABLE seed (number serial PRIMARY KEY, dicom bytea NOT NULL);
	CREATE TABLE outcome (call text, state text, n bigint, PRIMARY KEY (call, state))');
for my $name (glob "$FindBin::Bin/../data/dicom/*.dcm") {
	open my $file, '<:raw', $name or die "$name: $!\n";
	my $bytes = do { local $/ = undef; <$file> };
	close $file;
	next if length $bytes > 60000;	# of a command line
	run_sql($database, "INSERT INTO seed (dicom) VALUES (decode('" . encode_base64($bytes, '') . "', 'base64'))");
}
cmp_ok(run_sql($database, 'SELECT count(*) FROM seed'), '>', 80, 'the files of the tests are taken');

run_sql($database, <<'SQL');
-- A file with up to 8 bytes changed, most of them in its first half, where the attributes are; every third
-- one cut, every fifth one with a piece of it twice.
CREATE FUNCTION mutate(file bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	piece int;
BEGIN
	FOR i IN 1 .. 1 + floor(random() * 8) LOOP
		file := set_byte(file, floor(length(file) * random() * random())::int,
			(ARRAY[0, 255, 127, 128, floor(random() * 256)])[1 + floor(random() * 5)::int]::int);
	END LOOP;
	IF random() < 0.2 THEN
		piece := floor(random() * length(file));
		file := substr(file, 1, piece) || substr(file, 1 + floor(random() * piece)::int);
	END IF;
	IF random() < 0.33 THEN
		file := substr(file, 1, 1 + floor(random() * length(file))::int);
	END IF;
	RETURN file;
END $$;

CREATE PROCEDURE look(count int, start float8) LANGUAGE plpgsql AS $$
DECLARE
	files bytea[] := (SELECT array_agg(dicom ORDER BY number) FROM seed);
	file bytea;
	called text;
	said text;
BEGIN
	PERFORM setseed(start);
	FOR i IN 1 .. count LOOP
		file := mutate(files[1 + floor(random() * cardinality(files))::int]);
		FOREACH called IN ARRAY '{info, tags, frame, mask, quality}'::text[] LOOP
			said := '00000';
			BEGIN
				CASE called
					WHEN 'info' THEN PERFORM lesion_dicom_info(file);
					WHEN 'tags' THEN PERFORM lesion_dicom_tags(file);
					WHEN 'frame' THEN PERFORM lesion_dicom_frame(file);
					WHEN 'mask' THEN PERFORM lesion_dicom_mask(file);
					WHEN 'quality' THEN PERFORM lesion_quality(file);
				END CASE;
			EXCEPTION WHEN OTHERS THEN
				said := SQLSTATE;
			END;
			INSERT INTO outcome VALUES (called, said, 1)
			ON CONFLICT (call, state) DO UPDATE SET n = outcome.n + 1;
		END LOOP;
		IF i % 500 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
SQL
run_sql('postgres', "ALTER DATABASE $database SET lesionseg.max_pixels = 1000000");
run_sql($database, "CALL look($count, $seed / 100000.0)");
ok(server_alive(), "$count files, and the server lives");
note $_ for split /\n/, run_sql($database, 'SELECT call, state, n FROM outcome ORDER BY call, state');
is(run_sql($database, 'SELECT sum(n) FROM outcome'), 5 * $count, 'every call ended');
is(run_sql($database, q(SELECT string_agg(DISTINCT call || ' ' || state, ', ') FROM outcome
	WHERE state NOT IN ('00000', '22P03', '0A000', '54000', '22023'))), '',
	'... with a value, or with one of the errors that the reference names');
cmp_ok(run_sql($database, q(SELECT min(n) FROM outcome WHERE state = '00000' AND call <> 'mask')), '>', $count / 10,
	'some files are still good');
done_testing();
