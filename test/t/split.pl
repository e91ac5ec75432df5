# split.pl: what a user is told where images that were trained on are scored: by
# another column, as copies under other ids, by a run that starts from or is compared
# with a version of another split, or where masks look wrong; and that a version knows its split after an update.
# Also how many rows of one id are read.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database);
use Test::More;

my $database = 'tap_split';
fresh_database($database);
run_sql($database, <<'SQL');
CREATE TABLE pat AS
SELECT (3 * p + k)::int AS id, 'patient-' || p AS patient, lesion_degrade(s.image, 'noise', 1, k) AS image, s.mask
FROM generate_series(1, 40) AS p, generate_series(1, 3) AS k, lesion_synthetic(p, 32, 32) AS s;
ALTER TABLE pat ADD PRIMARY KEY (id);
CREATE TABLE doubled AS SELECT c || '-' || id AS id, image, mask FROM pat, generate_series(1, 2) AS c WHERE id % 3 = 0;
ALTER TABLE doubled ADD PRIMARY KEY (id);
SQL
my $session = Session->new($database);
my $net = q{architecture => 'unet', config => '{"base": 2, "depth": 1}', image_size => 16};

# By patient: what follows is silent, but for another column.
unlike($session->query("SELECT lesion_train('pat', 'net', 1, id_column => 'patient', $net)"), qr/WARNING/,
	'training by patient');
unlike($session->query("SELECT lesion_evaluate('pat', 'net')"), qr/WARNING/, 'its evaluation');
unlike($session->query("SELECT lesion_evaluate('pat', 'net', 'all')"), qr/WARNING/,
	'all rows, which is what was asked for');
unlike($session->query("SELECT lesion_evaluate('pat', 'net', 'train', group_column => 'id')"), qr/WARNING/,
	'... as are training rows');
my $seen = run_sql($database, q{SELECT count(*) FROM pat WHERE lesion_split(id::text) = 'test'
	AND lesion_split(patient, 0, 0.2, 0.1) = 'train'});
my $n = run_sql($database, q{SELECT count(*) FROM pat WHERE lesion_split(id::text) = 'test'});
my $message = qr/version 1 of model "net" was trained on $seen of the $n images scored as "test"/;
my $detail = qr/The rows were split by "id" .*, by "patient" .* in its training\./;
my $warned = qr/WARNING:  01000: $message\nDETAIL:  $detail\nHINT: /;
like($session->query("SELECT lesion_evaluate('pat', 'net', group_column => 'id')"), $warned,
	'another column, with the number of rows');
like($session->query("SELECT lesion_compare('pat', 'net', 1, group_column => 'id', draws => 10)"), $warned,
	'... in lesion_compare');
like($session->query(q{SELECT lesion_robustness('pat', 'net', group_column => 'id', kinds => '{noise}',
	severities => '{1}', modes => '{off}')}), $warned,
	'... in lesion_robustness');
run_sql($database, q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["net"]}')});
like($session->query("SELECT lesion_ensemble_fit('both', 'pat', group_column => 'id', validation_fraction => 0.5)"),
	qr/WARNING:  01000: version 1 of model "net" was trained on \d+ of the \d+ images scored as "validation"/,
		'... in lesion_ensemble_fit');
like($session->query("SELECT lesion_evaluate('pat', 'net', 'validation', validation_fraction => 0.5)"),
	qr/scored as "validation"\nDETAIL:  The rows were split by .*, validation_fraction 0\.5 here, by .*fraction 0\.1 /,
		'a larger validation part has rows of the training');
like($session->query("SELECT lesion_evaluate('pat', 'net', split_seed => 5)"),
	qr/WARNING:  01000: version 1 of model "net" was trained on \d+ of/, 'another seed');

# The next run, by another column.
like($session->query("SELECT lesion_train('pat', 'net', 1, image_size => 16, group_column => 'id')"),
	qr/01000: version 1 of model "net" was trained on another split .*\nDETAIL:  $seen of the $n test rows of/,
	'promotion says what the active version has seen');
like($session->query("SELECT lesion_train('pat', 'tuned', 1, image_size => 16, init => 'net', group_column => 'id')"),
	qr/WARNING:  01000: $seen of the $n test images were among those that version 1 of model "net" was trained on/,
		'so does fine-tuning');
unlike($session->query("SELECT lesion_train('pat', 'tuned2', 1, image_size => 16, init => 'net')"), qr/WARNING/,
	'... which keeps the split by itself');
run_sql($database, 'CREATE VIEW without AS SELECT id, image, mask FROM pat');
like($session->query("SELECT lesion_train('without', 'net', 1, image_size => 16, promote => 'never')"),
	qr/WARNING:  01000: "without" has no column "patient", by which version 1 of model "net" was split/,
		'a table without the column');

# Copies.
my $copies = run_sql($database, q{SELECT count(*) FROM doubled d JOIN doubled c ON c.image = d.image AND c.id <> d.id
	WHERE lesion_split(d.id) = 'test' AND lesion_split(c.id, 0, 0.2, 0.1) = 'train'});
my $test = run_sql($database, q{SELECT count(*) FROM doubled WHERE lesion_split(id) = 'test'});
my $said = $session->query("SELECT lesion_train('doubled', 'copied', 1, $net)");
like($said, qr/WARNING:  01000: $copies of the $test test images are among the training images too, under other ids/,
	'copies in both parts are counted');
like($said, qr/WARNING:  01000: \d+ of the \d+ validation images are among the training images too/,
	'... in the validation part, too');
like($session->query("SELECT lesion_evaluate('doubled', 'copied')"),
	qr/01000: version 1 of model "copied" was trained on $copies of the $test images .*\nDETAIL:  They are copies/,
	'so they are in evaluation');
is(run_sql($database, q{SELECT differs FROM lesion_evaluations WHERE model = 'copied' AND images = 'public.doubled'
	ORDER BY evaluation DESC LIMIT 1}), "$copies that it was trained on", '... and in what shows it');
# A version may have another split than its weights were trained by.
run_sql($database, q{SELECT lesion_calibrate('net', 'pat', 'train', split_seed => 7, promote => 'always');
	SELECT lesion_evaluate('pat', 'net')});
like(run_sql($database, q{SELECT differs FROM lesion_evaluations ORDER BY evaluation DESC LIMIT 1}),
	qr/^\d+ that it was trained on$/, '... where it has the split of a calibration');
run_sql($database, q{SELECT lesion_robustness('pat', 'net', kinds => '{noise}', severities => '{1}',
	modes => '{off}')});
like(run_sql($database, q{SELECT DISTINCT differs FROM lesion_robustness_table WHERE version =
	(SELECT version FROM lesion_models WHERE model = 'net')}), qr/^\d+ that it was trained on$/,
	'... in lesion_robustness');
like($session->query("SELECT lesion_evaluate('pat', 'copied', group_column => 'patient')"),
	qr/WARNING:  01000: version 1 of model "copied" was trained on \d+ of/, '... of another table');

# Values of a group that are equal and have other texts: a patient in two parts.
run_sql($database, q{DO $$ BEGIN
	CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN
	CREATE COLLATION any_case FROM "C";
END $$});
my $icu = run_sql($database, q{SELECT collprovider = 'i' FROM pg_collation WHERE collname = 'any_case'}) eq 't';
run_sql($database, q{CREATE TABLE grouped AS
	SELECT id, image, mask, (id / 3 || repeat('.0', id % 2))::numeric AS number,
	(id / 3)::numeric(6, 1) AS fixed, NULL::json AS json,
		(CASE id % 2 WHEN 0 THEN 'p' ELSE 'P' END || id / 3) COLLATE any_case AS "any case" FROM pat});
sub grouped {
	my ($arguments) = @_;
	return $session->query("SELECT lesion_train('grouped', 'grouped', 1, $net, $arguments)");
}
like(grouped(q{id_column => 'id', group_column => 'number'}),
	qr/WARNING:  01000: "number" of public.grouped has 41 values that are written in 81 ways/,
	'numbers with other digits');
like(grouped(q{id_column => 'number'}), qr/WARNING:  01000: "number" of public.grouped has 41 values/, '... as id');
SKIP: {
	skip 'the server was built without ICU', 1 unless $icu;
	like(grouped(q{id_column => 'id', group_column => 'any case'}),
		qr/WARNING:  01000: "any case" of public.grouped has 41 values that are written in 81 ways/,
		'a collation without case');
}
unlike(grouped(q{id_column => 'id', group_column => 'fixed'}), qr/WARNING: [^\n]* ways/,
	'numbers of one scale are silent');
like(grouped(q{id_column => 'id', group_column => 'json'}), qr/ERROR:  55000: /,
	'a type without an order is not compared');

# What masks are: black and white bitmaps of 32 rows.
like($said,
	qr/NOTICE:  00000: 80 masks: [\d.]+ % of their pixels are lesion, 0 are empty, 0 full, \d+ more than half lesion\n/,
	'training says what masks are');
unlike($said, qr/WARNING: [^\n]*masks/, '... and warns of none that are well');
my $header = '424dbe000000000000003e000000' . '28000000' . '20000000' x 2 . '01000100' . '00' x 24 . '00000000ffffff00';
sub masked {
	my ($name, $rows) = @_;
	run_sql($database, "CREATE VIEW $name AS SELECT id, image, CASE WHEN id % 10 < 6 THEN decode('$header$rows', 'hex')
		ELSE mask END AS mask FROM pat");
	return $session->query("SELECT lesion_train('$name', '$name', 1, id_column => 'id', $net)");
}
like(masked('all_inverted', 'ffffffff' x 8 . 'ff0000ff' x 16 . 'ffffffff' x 8),
	qr/WARNING:  01000: 72 of the 120 masks look inverted: .*\nHINT:  Lesion must be white/, 'inverted masks');
like(masked('all_full', 'ffffffff' x 32), qr/WARNING:  01000: 72 of the 120 masks are lesion all over\nHINT: /,
	'masks that are lesion all over');
like(masked('all_empty', '00000000' x 32), qr/WARNING:  01000: 72 of the 120 masks are empty\nHINT: /, 'empty masks');
is(run_sql($database, q{SELECT string_agg(concat_ws(' ', model, masks -> 'count', masks -> 'inverted', masks -> 'full',
	masks -> 'empty', masks -> 'kinds'), E'\n' ORDER BY model)
	FROM lesion_run WHERE model IN ('all_inverted', 'all_full', 'all_empty')}),
	qq(all_empty 120 0 0 72 {"plain": 120}\nall_full 120 0 72 0 {"plain": 120}\nall_inverted 120 72 0 0 {"plain": 120}),
	'... and the run keeps it');

# Versions of 0.2 know no images; their split is that of their run.
my $old = 'tap_split_old';
run_sql('postgres', "DROP DATABASE IF EXISTS $old");
run_sql('postgres', "CREATE DATABASE $old");
run_sql($old, q{CREATE EXTENSION lesionseg VERSION '0.2';
	CREATE TABLE keyed (a int, "B c" int, image bytea, mask bytea, PRIMARY KEY (a, "B c"))});
run_sql($old, <<'SQL');
SET session_replication_role = replica;
INSERT INTO lesion_model (name, architecture) VALUES ('old', 'unet');
INSERT INTO lesion_run (run, model, version, state, images, epochs, seed, options, finished_at) OVERRIDING SYSTEM VALUE
	VALUES
	(1, 'old', 1, 'finished', 'public.pat', 1, 0, '{"id_column": "patient", "validation_fraction": 0.25}', now()),
	(2, 'old', 2, 'finished', 'public.keyed', 1, 0, '{"validation_fraction": 0.1}', now()),
	(3, 'old', 3, 'finished', 'public.gone', 1, 0, '{}', now());
SELECT setval('lesion_run_run_seq', 3);
INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, run, extension_version)
SELECT 'old', n, '{}', 'x', sha256('x'), 16, nullif(n, 4), '0.2' FROM generate_series(1, 4) AS n;
RESET session_replication_role;
ALTER EXTENSION lesionseg UPDATE
SQL
is(run_sql($old, q{SELECT string_agg(concat_ws(' ', number, coalesce(split_columns::text, 'unknown'),
	validation_fraction), E'\n' ORDER BY number) FROM lesion_version WHERE model = 'old'}),
	qq(1 {patient} 0.25\n2 {a,"B c"} 0.1\n3 unknown 0.1\n4 unknown 0.1), 'an update takes the split from the runs');
isnt(system("psql -Xqd $old -c \"UPDATE lesion_version SET number = 9\" 2>/dev/null"), 0,
	'... and leaves versions immutable');
$session->quit;

# Rows of one id are read together, in memory that does not grow with the id.
$session = Session->new($database);
$session->query(q{CREATE TEMP TABLE same (n int, id text, image bytea, mask bytea);
	INSERT INTO same SELECT n, repeat('x', 2000), '\x00', '\x00' FROM generate_series(1, 20100) AS n;
	CREATE TEMP TABLE few AS SELECT * FROM same WHERE n <= 100});
my $compare = q{SELECT lesion_compare('%s', 'linknet', 0, 0, 'all', id_column => 'id')};
$session->query(sprintf $compare, 'few');
my $few = $session->forget_peak;
like($session->query(sprintf $compare, 'same'), qr/no row of .*same with an image and a mask/,
	'20,000 rows of one long id');
my $same = $session->peak;
cmp_ok($same - $few, '<', 60_000, '... take less than 60 MB') or diag "$few kB, $same kB";
$session->quit;
done_testing();
