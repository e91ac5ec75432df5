# load.pl: sixteen sessions segment while one trains the model and one promotes
# its versions to and fro: no error, one version within each query with the
# masks of that version, memory bounded. LESIONSEG_LOAD_SECONDS (20) says how
# long.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use Session qw(run_sql fresh_database fill_archive server_alive);
use Test::More;
use Time::HiRes qw(time sleep);

my $seconds = $ENV{LESIONSEG_LOAD_SECONDS} // 20;
my $database = 'tap_load';
fresh_database($database);
fill_archive($database, 24, 64);

my $train = q{lesion_train('archive', 'net', %d, architecture => 'unet', image_size => 32, batch_size => 4,
	config => '{"base": 4, "depth": 2}', promote => 'always', seed => %d)};
run_sql($database, 'SET client_min_messages = error; SELECT ' . sprintf $train, $_ * 4, $_) for 1 .. 2;
run_sql($database, q{CREATE TABLE expected AS SELECT id, v AS version, (lesion_segment_version(image, 'net', v)).mask
	FROM archive, generate_series(1, 2) AS v});
is(run_sql($database, 'SELECT count(*) FROM expected a JOIN expected b USING (id) WHERE a.version = 1 AND b.version = 2
	AND a.mask <> b.mask'), '24', 'the versions can be told apart by their masks');

# A query fails where it sees two versions, or a mask that is not its version's.
my $script = File::Temp->new(SUFFIX => '.sql');
print $script <<'SQL';
SELECT 1 / (count(DISTINCT (d).version) = 1 AND bool_and((d).mask = e.mask))::int
FROM (SELECT id, lesion_segment_detail(image, 'net') AS d FROM archive OFFSET 0) AS s
LEFT JOIN expected AS e ON e.id = s.id AND e.version = (s.d).version;
SQL
close $script;

my $trainer = Session->new($database);
my $promoter = Session->new($database);
$trainer->query(q{SET client_min_messages = error; SET lesionseg.threads = 1});
my $retrain = q{CALL lesion_retrain('archive', 'net', epochs => 3, image_size => 32, batch_size => 4,
	promote => 'never', resume => false)};
$trainer->start($retrain);

open my $pgbench, '-|',
	"PGAPPNAME=load PGOPTIONS='-c lesionseg.threads=1' pgbench -n -c 16 -j 2 -T $seconds -f $script $database 2>&1"
	or die "pgbench: $!\n";

# Resident memory of the sixteen, in kB, without shared memory.
sub resident {
	my $sum = 0;
	for my $pid (split /\n/, $promoter->query(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'load'})) {
		open my $status, '<', "/proc/$pid/status" or next;
		while (my $line = <$status>) {
			$sum += $1 if $line =~ /^RssAnon:\s+(\d+)/;
		}
		close $status;
	}
	return $sum;
}

my ($start, $promotions, $trainings, $errors, $early, $late) = (time, 0, 0, '', 0, 0);
while (time < $start + $seconds) {
	$errors .= $promoter->query(sprintf q{SELECT lesion_model_promote('net', %d)}, 1 + $promotions++ % 2);
	my $resident = resident();
	if (time < $start + $seconds / 2) {
		$early = $resident if $resident > $early;
	}
	elsif (time < $start + $seconds - 1) {
		$late = $resident if $resident > $late;
	}
	if (eval { $errors .= $trainer->finish(0.05); 1 }) {
		$trainings++;
		$trainer->start($retrain);
	}
}
my $report = do { local $/ = undef; <$pgbench> };
ok(close $pgbench, 'pgbench ends well');
$errors .= $trainer->finish;
my ($queries) = $report =~ /transactions actually processed: (\d+)/;
my ($failed) = $report =~ /failed transactions: (\d+)/;
like($report, qr/number of clients: 16/, 'sixteen sessions');
unlike($report, qr/ERROR|aborted/, '... have no error') or diag $report;
is($failed, '0', '... and no failed query');
is($errors, '', 'neither have promotions and trainings');
cmp_ok($promotions, '>=', $seconds, "$promotions promotions");
cmp_ok($trainings, '>=', 1, "$trainings trainings");
cmp_ok($queries, '>', 16, "$queries queries of 24 images");
cmp_ok($early, '>', 0, "$early kB in the first half");
cmp_ok($late, '<', 1.2 * $early, "... no more than a fifth above it in the second: $late kB");
ok(server_alive(), 'the server is alive');
$trainer->quit;
$promoter->quit;
done_testing();
