# cron.pl: pg_cron runs the jobs of docs/operating.md, in either of its ways to
# run one, and those that commit do so as they go.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive restart_server);
use Test::More;
use Time::HiRes qw(time sleep);

plan skip_all => 'pg_cron is not installed'
	unless run_sql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'});

# pg_cron's jobs of the page, to be run when the server starts, and shorter.
sub page_jobs {
	open my $page, '<', "$FindBin::Bin/../../docs/operating.md" or die "operating.md: $!\n";
	my $text = do { local $/ = undef; <$page> };
	my ($sql) = $text =~ /^psql [^\n]*<<'SQL'\n(.*?)^SQL$/ms or die "no pg_cron block in operating.md\n";
	($sql =~ s/'[\d*]+(?: [\d*]+){4}'/'\@reboot'/g) == 3 or die "not three schedules in operating.md\n";
	$sql =~ s/epochs => 30/epochs => 2/ or die "no epochs in operating.md\n";
	return $sql;
}

my $database = 'clinic';
fresh_database($database);
fill_archive($database, 24, 32);
run_sql($database, q{SET client_min_messages = error;
	SELECT lesion_train('archive', 'nightly', 1, init => 'linknet')});
run_sql($database, 'CREATE TABLE masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version))');

run_sql('postgres', q{ALTER SYSTEM SET shared_preload_libraries = 'pg_cron', 'lesionseg'});
restart_server();
run_sql('postgres', "ALTER SYSTEM SET cron.host = '$ENV{PGHOST}'");
restart_server();
END {
	if ($database) {
		local $?;
		run_sql('postgres', 'DROP EXTENSION IF EXISTS pg_cron');
		run_sql('postgres', "ALTER SYSTEM RESET $_")
			for qw(cron.host cron.use_background_workers shared_preload_libraries);
		restart_server();
	}
}
run_sql('postgres', 'CREATE EXTENSION pg_cron');
like(run_sql('postgres', page_jobs()), qr/^\d+\n\d+\n\d+$/, 'the jobs of the page are scheduled');

for my $workers ('off', 'on') {
	run_sql('postgres', "ALTER SYSTEM SET cron.use_background_workers = $workers");
	restart_server();
	my $before = run_sql($database, 'SELECT coalesce(max(version), 0) FROM lesion_runs');
	my $end = time + 300;
	my $row = '';
	until ($row =~ /finished/ || time > $end) {
		$row = run_sql($database, 'SELECT version, state, epochs_done FROM lesion_runs ORDER BY run DESC LIMIT 1');
		sleep 0.2;
		$row = '' if $row =~ /^(\d+)\|/ && $1 <= $before;
	}
	is($row, ($before + 1) . '|finished|2', "background workers $workers: the job finishes");
	is(run_sql($database, 'SELECT count(DISTINCT e.xmin::text) FROM lesion_epoch e
		WHERE run = (SELECT max(run) FROM lesion_runs)'), '2',
		"background workers $workers: ... with a transaction for each epoch");
	sleep 0.1 until time > $end || run_sql('postgres',
		q{SELECT count(*) FROM cron.job_run_details WHERE status = 'running'}) eq '0';
	is(run_sql('postgres', q{SELECT string_agg(jobname || ' ' || status, ', ' ORDER BY jobname)
		FROM (SELECT * FROM cron.job_run_details ORDER BY runid DESC LIMIT 3) AS d JOIN cron.job USING (jobid)}),
		'evaluate succeeded, predict succeeded, retrain succeeded',
		"background workers $workers: ... as do the others, and pg_cron knows");
	is(run_sql($database, q{SELECT count(*) FROM masks WHERE error IS NULL GROUP BY version ORDER BY version LIMIT 1}),
		'24', "background workers $workers: ... all images have masks");
}

# A correction made today trains tomorrow: the jobs of docs/oversight.md, one after the other.
my %night = oversight_jobs();
run_sql('postgres', q{DELETE FROM cron.job});
run_sql($database, q{CREATE TABLE verdicts (LIKE lesion_verdict);
	SELECT count(lesion_verdict_add('verdicts', 'masks', id, 'correct', NULL, mask)) FROM archive
	WHERE id <= 'lesion-20'});
run_sql($database, $night{view});
my $corrected = run_sql($database, 'SELECT count(*) FROM reviewed');
run_sql($database, q{SELECT lesion_verdict_add('verdicts', 'masks', 'lesion-9', 'correct', 'the border is wide',
	(SELECT mask FROM archive WHERE id = 'lesion-9'))});
for my $job ('reviewed', 'retrain') {
	run_sql('postgres', $night{$job});
	restart_server();
	my $end = time + 300;
	sleep 0.2 until time > $end || run_sql('postgres', "SELECT count(*) FROM cron.job_run_details
		JOIN cron.job USING (jobid) WHERE jobname = '$job' AND status IN ('succeeded', 'failed')") ne '0';
	is(run_sql('postgres', "SELECT status FROM cron.job_run_details JOIN cron.job USING (jobid)
		WHERE jobname = '$job'"), 'succeeded', "the job $job of docs/oversight.md succeeds");
	run_sql('postgres', "SELECT cron.unschedule('$job')");
}
is(run_sql($database, q{SELECT r.mask = a.mask FROM reviewed r JOIN archive a USING (id) WHERE id = 'lesion-9'}), 't',
	'a correction is in the view on the next day');
is(run_sql($database, q{SELECT state || ' ' || training_images + validation_images + test_images FROM lesion_runs
	WHERE images = 'public.reviewed'}), 'finished ' . ($corrected + 1), '... and was trained on');
done_testing();

# The view of docs/oversight.md, and its two jobs, to be run when the server starts, and shorter.
sub oversight_jobs {
	open my $page, '<', "$FindBin::Bin/../../docs/oversight.md" or die "oversight.md: $!\n";
	my $text = do { local $/ = undef; <$page> };
	my %jobs;
	($jobs{view}) = $text =~ /^(CREATE MATERIALIZED VIEW reviewed AS.*?;)$/ms or die "no view in oversight.md\n";
	for my $job ('reviewed', 'retrain') {
		($jobs{$job}) = $text =~ /^(SELECT cron\.schedule_in_database\('$job'.*?;)$/ms
			or die "no job $job in oversight.md\n";
		$jobs{$job} =~ s/'[\d*]+(?: [\d*]+){4}'/'\@reboot'/ or die "no schedule in oversight.md\n";
	}
	$jobs{retrain} =~ s/init => 'linknet'/init => 'linknet', epochs => 2, image_size => 64/ or die "no init\n";
	return %jobs;
}
