# progress.pl: with the library preloaded, other sessions see every batch of a
# training and every image of a query that segments, and nothing once it ended,
# however it ended.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive kill_session restart_server);
use Test::More;
use Time::HiRes qw(time sleep);

my $database = 'tap_progress';
run_sql('postgres', q{ALTER SYSTEM SET shared_preload_libraries = 'lesionseg'});
restart_server();
END {
	local $?;
	run_sql('postgres', 'ALTER SYSTEM RESET shared_preload_libraries');
	restart_server();
}
fresh_database($database);
fill_archive($database, 40, 40);
my $watcher = Session->new($database);

# Ask a question until its answer matches, or too long; all answers that did.
sub watch {
	my ($question, $pattern, $wanted) = @_;
	my (%seen, $answer);
	my $end = time + 180;
	while (time < $end && keys %seen < $wanted) {
		$answer = $watcher->query($question);
		$seen{$answer} = 1 if $answer =~ $pattern;
		sleep 0.02;
	}
	diag "last seen: $answer" if keys %seen < $wanted;
	return sort keys %seen;
}

# Training, with commits and in one transaction.
my $arguments = q{'archive', 'watched', 1000, architecture => 'unet', config => '{"base": 16, "depth": 3}',
	image_size => 128, batch_size => 1, options => '{"validation_fraction": 0.1}'};
my $question = q{SELECT run, model, state, epochs, batches, pid, source, phase, epoch, batch, images_per_second > 0,
	eta > interval '0', train_loss > 0, at > clock_timestamp() - interval '1 second' FROM lesion_training_progress};
for my $call ("CALL lesion_retrain($arguments)", "SELECT lesion_train($arguments)") {
	my $worker = Session->new($database);
	my $pid = $worker->pid;
	my ($name) = $call =~ /(lesion_\w+)/;
	$worker->start($call);
	my @rows = watch($question, qr/\|1\|\d+\|t\|t\|t\|t$/, 5);
	is(scalar @rows, 5, "$name: progress moves within an epoch, not a second old");
	like($rows[0], qr/^\d+\|watched\|running\|1000\|\d+\|$pid\|memory\|training\|1\|/,
		"$name: ... and says what runs where");
	is($watcher->query("SELECT backend_xmin, backend_xid FROM pg_stat_activity WHERE pid = $pid"), '|',
		"$name: ... and holds no snapshot meanwhile")
		if $name eq 'lesion_retrain';
	$watcher->query("SELECT pg_cancel_backend($pid)");
	like($worker->finish, qr/ERROR:  57014/, "$name: ... until it is cancelled");
	is($watcher->query('SELECT count(*) FROM lesion_training_progress'), '0', "$name: ... then there is no row");
	$worker->quit;
}

# Segmenting.
my $train = q{SELECT version FROM lesion_train('archive', 'net', 1, architecture => 'unet',
	config => '{"base": 4, "depth": 1}', image_size => 32)};
run_sql($database, $train);
my $worker = Session->new($database);
my $pid = $worker->pid;
$worker->query('SET max_parallel_workers_per_gather = 0');	# or the plan may take a second process
my $segment = q{SELECT count(lesion_segment(image, 'net')) FROM archive, generate_series(1, %d)};
is($worker->query(sprintf $segment, 1), '40', 'a query segments');
is($watcher->query('SELECT count(*) FROM lesion_segmentation_progress'), '0', '... and is not shown when it has ended');
$worker->start(sprintf $segment, 1000000);
$question = 'SELECT pid, model, version, processes, images_per_second > 0, images FROM lesion_segmentation_progress
	WHERE images > 1';
my @rows = watch($question, qr/./, 5);
is(scalar @rows, 5, 'the images of a query are counted');
like($rows[0], qr/^$pid\|net\|1\|1\|t\|\d+$/, '... with what does it');
is(run_sql('postgres', 'CREATE EXTENSION lesionseg; SELECT count(*) FROM lesion_segmentation_progress'), '0',
	'... but not in another database');
my $shown = 'SELECT count(*) FROM lesion_segmentation_progress';
is(run_sql($database, "SET client_min_messages = error; DROP ROLE IF EXISTS tap_curious; CREATE ROLE tap_curious;
	SET ROLE tap_curious; $shown"), '0', '... nor to a role that may not see what others do');
is(run_sql($database, "GRANT pg_read_all_stats TO tap_curious; SET ROLE tap_curious; $shown"), '1',
	'... unless it was granted that');
run_sql($database, 'DROP ROLE tap_curious');
$watcher->query("SELECT pg_cancel_backend($pid)");
like($worker->finish, qr/ERROR:  57014/, '... until it is cancelled');
is($watcher->query('SELECT count(*) FROM lesion_segmentation_progress'), '0', '... then it is not shown');

# A job of predictions counts its images from its beginning to its end.
run_sql($database, q{CREATE TABLE masks (LIKE lesion_prediction); CREATE VIEW many AS SELECT id || '.' || n AS id, image
	FROM archive, generate_series(1, 500) AS n});
$worker->start(q{CALL lesion_predict('many', 'net', 'masks', id_column => 'id', batch_size => 20)});
@rows = watch('SELECT pid, model, version, processes, images_per_second > 0, images FROM lesion_segmentation_progress
	WHERE images > 50', qr/./, 3);
like($rows[0], qr/^$pid\|net\|1\|1\|t\|\d+$/, 'the images of a job of predictions are counted over its batches');
$watcher->query("SELECT pg_cancel_backend($pid)");
like($worker->finish, qr/ERROR:  57014/, '... until it is cancelled');
is($watcher->query('SELECT count(*) FROM lesion_segmentation_progress'), '0', '... then it is not shown');

# Jobs say what they do, of how many images, and how long it takes yet; a NOTICE says so to who waits.
my %jobs = (
	predict => q{CALL lesion_predict('many', 'net', 'masks', id_column => 'id', batch_size => 20)},
	evaluate => q{SELECT lesion_evaluate('endless', 'net', 'all', id_column => 'id')},
	robustness => q{SELECT lesion_robustness('many', 'net', 'all', id_column => 'id', kinds => '{blur}',
		severities => '{1}')},
	calibrate => q{SELECT lesion_calibrate('net', 'many', 'all', id_column => 'id')},
	ensemble_fit => q{SELECT lesion_ensemble_fit('both', 'many', id_column => 'id', validation_fraction => 0.9)});
run_sql($database, q{DROP VIEW many; CREATE VIEW many AS SELECT id || '.' || n AS id, image, mask
	FROM archive, generate_series(1, 500) AS n; DELETE FROM masks;
	CREATE VIEW endless AS SELECT id || '.' || n AS id, image, mask FROM archive, generate_series(1, 10000) AS n;
	SELECT lesion_model_import('other', lesion_model_export('net'));
	SELECT lesion_model_create('both', 'ensemble', '{"members": ["net", "other"]}')});
my %total = (predict => 20000, evaluate => 400000, robustness => 20000, calibrate => 20000);
$total{ensemble_fit} = run_sql($database, q{SELECT count(*) FROM many
	WHERE lesion_split(id, 0, 0.2, 0.9) = 'validation'});
for my $activity (sort keys %jobs) {
	$worker->start($jobs{$activity});
	@rows = watch('SELECT activity, total, eta > interval \'0\', pid FROM lesion_segmentation_progress
		WHERE images > 1', qr/./, 1);
	is($rows[0], "$activity|$total{$activity}|t|$pid", "$activity has a total and a time left");
	$worker->wait_for(qr/NOTICE:  \w+: $activity: \d+ of $total{$activity} images, [\d.]+ images\/s, \d.* left/)
		if $activity eq 'evaluate';
	$watcher->query("SELECT pg_cancel_backend($pid)");
	like($worker->finish, qr/ERROR:  57014/, '... until it is cancelled');
	is($watcher->query('SELECT count(*) FROM lesion_segmentation_progress'), '0', '... then it is not shown');
}

# In a parallel query, all processes count as one. The rows must fill more pages than one process takes: from PostgreSQL
# 17 on each takes some ahead.
$worker->query(q{SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 2;
	ALTER TABLE archive SET (parallel_workers = 2, fillfactor = 10)});
$worker->query('VACUUM FULL archive');
$worker->start(q{SELECT count(lesion_segment(image, 'net')) FROM archive
	CROSS JOIN LATERAL generate_series(1, 100000 + length(id)) AS g});
@rows = watch($question, qr/^$pid\|net\|1\|[23]\|/, 2);
is(scalar @rows, 2, 'a parallel query is one row');
$watcher->query("SELECT pg_cancel_backend($pid)");
$worker->finish;
is($watcher->query('SELECT count(*) FROM lesion_segmentation_progress'), '0', '... then it is not shown');
run_sql('postgres', 'DROP EXTENSION lesionseg');

# Killed and terminated.
for my $how ('terminated', 'killed') {
	$worker = Session->new($database);
	$worker->start("CALL lesion_retrain($arguments)");

	# It goes on with a run that ended, whose row tells of that until its own first words are committed.
	watch(q{SELECT pid FROM lesion_training_progress WHERE EXISTS (SELECT FROM lesion_run
		WHERE model = 'watched' AND state = 'running')}, qr/./, 1);
	ok($how eq 'killed' ? kill_session($worker) : $watcher->query('SELECT pg_terminate_backend(' . $worker->pid
		. ', 10000)') eq 't', "a training process is $how");
	is(run_sql($database, 'SELECT count(*) FROM lesion_training_progress'), '0', '... and no longer shown');
	is(run_sql($database, q{SELECT state FROM lesion_runs WHERE model = 'watched' ORDER BY run DESC LIMIT 1}), 'lost',
		'... but lost');
}
done_testing();
