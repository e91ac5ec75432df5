# location.pl: an error that was caught and raised again says where it comes
# from. The server runs with MALLOC_PERTURB_, so that memory which was freed
# before the report is sent shows in LOCATION, or ends the process.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive restart_server);
use Test::More;

my $database = 'tap_location';
restart_server('fast', 'MALLOC_PERTURB_=170');
fresh_database($database);
fill_archive($database, 24, 64);
run_sql($database, <<'SQL');
CREATE TABLE many AS SELECT seed AS id, s.image, s.mask
	FROM generate_series(1, 60) AS seed, lesion_synthetic(seed, 512, 512) AS s;
CREATE TABLE masks OF lesion_prediction;
CREATE VIEW failing AS SELECT id, image, CASE WHEN id LIKE '%9' THEN substr(mask, 1, -1) ELSE mask END AS mask
	FROM archive;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE FUNCTION raise_again(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	RAISE;
END $$;
SQL

# Expect the error, and every LOCATION to name a function and a file of C.
sub located {
	my ($session, $sql, $state, $name) = @_;
	my $answer = eval { $session->query($sql) } // "gone: $@";
	like($answer, qr/^(?:psql:\S+ )?ERROR:  $state:/m, "$name: $state");
	my @locations = $answer =~ /^LOCATION:(.*)$/mg;
	ok(@locations && !(grep { !/^  \w+, [\w.\/-]+\.c:\d+$/ } @locations), "... and where it was raised")
		or diag $answer;
	return;
}

my $small = q{architecture => 'unet', image_size => 64, batch_size => 4, config => '{"base": 4, "depth": 2}'};
my $long = "lesion_train('archive', 'net', epochs => 100000, $small)";
my $reading = q{lesion_train('many', 'net', architecture => 'unet', epochs => 1000, image_size => 512,
	batch_size => 1)};

my $session = Session->new($database);
$session->query("SELECT lesion_train('archive', 'small', id_column => 'id', epochs => 1, $small)");

for my $delay (300, 450, 700, 1100) {
	$session->query("SET statement_timeout = '${delay}ms'");
	located($session, "SELECT $long", '57014', "training, $delay ms");
	located($session, "SELECT $reading", '57014', "reading images, $delay ms");
	located($session, "SELECT raise_again(\$\$SELECT $long\$\$)", '57014', "raised again by PL/pgSQL, $delay ms");
	located($session, "CALL lesion_retrain('archive', 'net', epochs => 100000, resume => false, $small)", '57014',
		"retraining, $delay ms");
	located($session, q{SELECT sum(length(lesion_segment(image, 'unet'))) FROM many, generate_series(1, 100)}, '57014',
		"segmenting, $delay ms");
}
$session->query('SET statement_timeout = 0');

$session->query(q{SET temp_file_limit = '1MB'; SET lesionseg.precision = 'f32'; SET lesionseg.max_memory = '80MB'});
located($session, "SELECT lesion_train('many', 'net', epochs => 1, architecture => 'unet', image_size => 512,
	batch_size => 1, config => '{\"base\": 4, \"depth\": 2}')", '53400', 'a temporary file above its limit');
$session->query('RESET temp_file_limit; RESET lesionseg.precision; RESET lesionseg.max_memory');

located($session, "SELECT lesion_train('failing', 'net', id_column => 'id', epochs => 1, $small)", '22011',
	'reading from a view that fails');
run_sql($database, 'CREATE TRIGGER fail BEFORE INSERT ON masks FOR EACH ROW EXECUTE FUNCTION fail()');
located($session, q{CALL lesion_predict('archive', 'small', 'masks')}, '22012', 'a trigger that fails');
located($session, q{SELECT raise_again($$CALL lesion_predict('archive', 'small', 'masks')$$)}, '22012',
	'... raised again by PL/pgSQL');
run_sql($database, 'CREATE TRIGGER fail BEFORE UPDATE ON lesion_run FOR EACH ROW EXECUTE FUNCTION fail()');
located($session, "SELECT lesion_train('archive', 'net', id_column => 'id', epochs => 1, $small)", '22012',
	'a trigger on the log that fails');

is($session->query('SELECT pg_backend_pid()'), $session->pid, 'the process is the same');
$session->quit;
restart_server();
done_testing();
