# planted.pl: functions that another role leaves where lesionseg-pacs looks for
# those of lesionseg are not called: in a schema of the search_path, and in that of the
# extension.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion output read_file wait_until);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_planted';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
$orthanc->send_files(map { make_lesion($database, $_, [120, 90], "$folder/$_.dcm") } 1 .. 2);

my @same = ('lesion_dicom_info(bytea) RETURNS record', 'lesion_dicom_tags(bytea) RETURNS jsonb',
	'lesion_dicom_mask(bytea, int) RETURNS bytea', 'lesion_mask_error(bytea, bytea) RETURNS text',
	'lesion_overlay(bytea, bytea, bytea) RETURNS bytea', 'lesion_dicom_seg(bytea, bytea, text, int) RETURNS bytea',
	'lesion_dicom_picture(bytea, bytea, text, text, int) RETURNS bytea',
	'lesion_dicom_report(bytea, bytea, text, int) RETURNS bytea');
my @fewer = ('lesion_dicom_mask(bytea) RETURNS bytea', 'lesion_overlay(bytea, bytea) RETURNS bytea');
my $code = q{LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''code of others ran as %'', current_user; END'};
my $call = 'PROCEDURE %slesion_predict(images regclass, model text, into_table regclass, id_column text)';
run_sql($database, join ";\n", 'CREATE ROLE pacs_planter', 'CREATE SCHEMA first AUTHORIZATION pacs_planter',
	'GRANT CREATE ON SCHEMA public TO pacs_planter', 'SET ROLE pacs_planter',
	(map { "CREATE FUNCTION first.$_ $code" } @same, @fewer), (map { "CREATE FUNCTION public.$_ $code" } @fewer),
	'CREATE ' . sprintf($call, 'first.') . " $code", 'RESET ROLE',
	"ALTER DATABASE $database SET search_path = first, public");

like(output('psql', '-Xqd', $database, '-c', q(SELECT lesion_dicom_tags('\x00'))), qr/code of others ran/,
	'functions are planted');
my $service = $orthanc->spawn($database, "$folder/log", 'run', '--model', 'linknet', '--every', 1,
	'--send', 'seg,picture,report');
ok(wait_until(120, sub {
	run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE state = 'sent')) == 6
		|| read_file("$folder/log") =~ /others/
}), 'pull, predict and push are done');
kill TERM => $service;
waitpid $service, 0;
unlike(read_file("$folder/log"), qr/failed [1-9]|others|ERROR/, '... and do not run them');
my $drawn = output("$FindBin::Bin/draw.py", $orthanc->fetch(run_sql($database,
	q(SELECT sop_instance FROM lesion_pacs_object WHERE kind = 'seg' LIMIT 1)), "$folder/seg.dcm"),
	"$folder/drawn.dcm", 10, '101500');
$orthanc->send_files("$folder/drawn.dcm");
like($orthanc->run($database, 'pull', '--masks'), qr/pulled 1, failed 0\n\z/, 'nor does a correction');

# Tables of ours that another role made in a schema before ours are refused, also where it made all five.

# Nor do operators and functions of the server's names run, where they fit better.
$orthanc->send_files(make_lesion($database, 3, [120, 90], "$folder/3.dcm"));
run_sql($database, "\\i $FindBin::Bin/../data/planted.sql");
like(output('psql', '-Xqd', $database, '-c', q(SELECT unnest('{a}'::text[]))), qr/code of others ran/,
	'functions of the server\'s names are planted');
like($orthanc->run($database, 'pull', '--all'), qr/ pulled 1, failed 0\n\z/, '... and not run by a pull');
like($orthanc->run($database, 'pull', '--masks'), qr/ failed 0\n\z/, '... of masks either');
run_sql($database, q(CALL public.lesion_predict('lesion_pacs_instance'::regclass, 'linknet'::text,
	'lesion_pacs_prediction'::regclass, id_column => 'id'::text)));
like($orthanc->run($database, 'push'), qr/ sent 3, failed 0\n\z/, '... nor by a push');

$database = 'pacs_planted_tables';
fresh_database($database);
run_sql($database, "DROP EXTENSION lesionseg; CREATE SCHEMA ext; CREATE EXTENSION lesionseg SCHEMA ext;
	ALTER DATABASE $database SET search_path = public, ext");
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
run_sql($database, 'CREATE SCHEMA first AUTHORIZATION pacs_planter');
run_sql($database, "CREATE TABLE first.$_ (LIKE public.$_); ALTER TABLE first.$_ OWNER TO pacs_planter")
	for qw(lesion_pacs_instance lesion_pacs_prediction lesion_pacs_object lesion_pacs_mask lesion_pacs_study);
run_sql($database, "ALTER DATABASE $database SET search_path = first, public, ext");
like($orthanc->run($database, 'pull'),
	qr/42501: table "first.lesion_pacs_instance" belongs to role "pacs_planter", others .* to another role/,
	'nor are tables filled that another role put before ours');
run_sql($database, 'DROP TABLE first.lesion_pacs_instance, first.lesion_pacs_prediction, first.lesion_pacs_object,
	first.lesion_pacs_mask, first.lesion_pacs_study; CREATE TABLE first.mine (LIKE public.lesion_pacs_prediction);
	ALTER TABLE first.mine OWNER TO pacs_planter');
like($orthanc->run($database, 'push', '--predictions', 'mine'), qr/42501: table "first.mine" belongs to role/,
	'... nor is a table of masks of theirs read');
run_sql($database, "ALTER SCHEMA public OWNER TO pacs_planter");
like($orthanc->run($database, 'pull'),
	qr/42501: the schema of table "public.lesion_pacs_\w+" belongs to a role that is no superuser/,
	'nor do we work where others may put tables into the place of ours');
run_sql($database, "ALTER SCHEMA public OWNER TO CURRENT_USER; ALTER DATABASE $database OWNER TO pacs_planter");
like($orthanc->run($database, 'pull'), qr/ failed 0\n\z/, '... in a schema of ours we do');
run_sql($database, "ALTER DATABASE $database OWNER TO CURRENT_USER");
like(output('psql', '-Xqd', $database, '-c', 'SET search_path = first', '-f',
	"$FindBin::Bin/../../src/pacs/tables.sql"),
	qr/ERROR: .*schema "first" belongs to role "pacs_planter", and this script is run by/,
	'the script makes no tables in a schema of another role');
is(run_sql($database, "SELECT to_regclass('first.lesion_pacs_study') IS NULL"), 't', '... none stays');

# pacs.sql takes the extension's type, whatever is called so before it.
$database = 'pacs_planted_type';
fresh_database($database);
run_sql($database, "DROP EXTENSION lesionseg; CREATE SCHEMA ext; CREATE EXTENSION lesionseg SCHEMA ext;
	CREATE TABLE public.lesion_prediction (LIKE ext.lesion_prediction, trap text);
	ALTER DATABASE $database SET search_path = public, ext");
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
is(run_sql($database, q(SELECT count(*) FROM pg_attribute WHERE attrelid = 'lesion_pacs_prediction'::regclass
	AND attname = 'trap')), 0, 'the script of the tables takes no other type');
done_testing();
