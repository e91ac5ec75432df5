# retrain.pl: a training that commits as it goes. Whatever stops it, its state
# is true, and called again it ends with the weights of one that was never
# stopped, bit for bit.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive kill_session restart_server);
use Test::More;
use Time::HiRes qw(sleep);

my $database = 'tap_retrain';
fresh_database($database);
fill_archive($database, 40, 40);

# A trigger on the log stops a run where a test wants it: before the row of
# the epoch in `stop` is written, it waits, or fails.
run_sql($database, <<'SQL');
CREATE TABLE stop (epoch int, error text);
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	here stop;
BEGIN
	SELECT * INTO here FROM stop WHERE epoch = NEW.epoch;
	IF here.error IS NOT NULL THEN
		RAISE EXCEPTION USING MESSAGE = here.error, ERRCODE = 'LS001';
	ELSIF FOUND THEN
		RAISE NOTICE 'stopped before the row of epoch %', NEW.epoch;
		PERFORM pg_sleep(600);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER stop BEFORE INSERT ON lesion_epoch FOR EACH ROW EXECUTE FUNCTION stop();
SQL

my $arguments = q{'archive', '%s', 5, architecture => 'unet', config => '{"base": 4, "depth": 2}', image_size => 32,
	batch_size => 4, seed => 3, promote => 'always', options => '{"validation_fraction": 0.3}'};

# The statement that trains a model, with more arguments if need be.
sub retrain {
	my ($model, $more) = @_;
	return sprintf("CALL lesion_retrain($arguments%s)", $model, $more // '');
}

# The weights of a model.
sub weights {
	my ($model) = @_;
	return run_sql($database, "SELECT sha256 FROM lesion_models WHERE model = '$model'");
}

# Columns of the latest run of a model.
sub run_of {
	my ($model, $columns) = @_;
	return run_sql($database, "SELECT $columns FROM lesion_runs WHERE model = '$model' ORDER BY run DESC LIMIT 1");
}

# Start training a model in a new session and wait until it stands before
# the row of epoch 3.
sub stopped_session {
	my ($model) = @_;
	my $session = Session->new($database);
	run_sql($database, 'DELETE FROM stop; INSERT INTO stop VALUES (3)');
	$session->query('SET synchronous_commit = on');
	$session->start(retrain($model));
	$session->wait_for(qr/stopped before the row of epoch 3/);
	return $session;
}

# Train a model on after it was stopped.
sub go_on {
	my ($model, $what) = @_;
	my $session = Session->new($database);
	run_sql($database, 'DELETE FROM stop');
	my $said = $session->query(retrain($model));
	$session->quit;
	like($said, qr/run \d+ goes on after epoch 2 of 5/, "$what: the run goes on") or diag $said;
	is(run_of($model, 'state, epochs_done, resumed, resumable, error'), 'finished|5|1|f|',
		"$what: ... and is finished");
	is(weights($model), weights('reference'), "$what: ... with the weights of a run that was never stopped");
	is(run_sql($database, "SELECT string_agg(epoch::text, ',' ORDER BY epoch) FROM lesion_training_log
		WHERE model = '$model'"), '1,2,3,4,5', "$what: ... and a log row for each epoch");
	is(run_sql($database, "SELECT count(*) FROM lesion_runs WHERE model = '$model'"), '1', "$what: ... in one run");
	return;
}

# Without a stop: the weights of lesion_train.
run_sql($database, sprintf "SELECT lesion_train($arguments)", 'reference');
my $session = Session->new($database);
my $said = $session->query(retrain('whole'));
like($said, qr/run \d+ is finished: version 1 of model "whole", promoted, test Dice/, 'a run tells what came of it');
unlike($said, qr/commits nothing/, '... and commits as it goes');
is(weights('whole'), weights('reference'), 'lesion_retrain makes the weights of lesion_train');
is(run_sql($database, 'SELECT count(*) FROM lesion_checkpoint'), '0', 'a finished run leaves no checkpoint');
is($session->query(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()
	AND locktype IN ('object', 'advisory')}), '0', '... and no lock');

# What does not fit in memory stands in a temporary file, which outlives commits, where such files are to stand.
$session->query(q{SET allow_in_place_tablespaces = on; DROP TABLESPACE IF EXISTS tap_retrain;
	CREATE TABLESPACE tap_retrain LOCATION ''});
$session->query('SET temp_tablespaces = tap_retrain');
my $tablespace = run_sql('postgres', q{SELECT oid FROM pg_tablespace WHERE spcname = 'tap_retrain'});
my $large = q{'archive', '%s', 2, architecture => 'unet', config => '{"base": 1, "depth": 1}', image_size => 256,
	batch_size => 1};
run_sql($database, 'SELECT lesion_train(' . sprintf($large, 'ample') . ')');
$session->query("SET lesionseg.max_memory = '16MB'; SET log_temp_files = 0; SET client_min_messages = log");
$said = $session->query('CALL lesion_retrain(' . sprintf($large, 'cramped') . ')');
like($said, qr/temporary file: path .*is finished/s, 'a run that spills commits too') or diag $said;
like($said, qr{temporary file: path "pg_tblspc/$tablespace/}, '... into a tablespace of temp_tablespaces');
unlike($said, qr{temporary file: path "base/}, '... and no other');
$session->query('RESET lesionseg.max_memory; RESET log_temp_files; RESET client_min_messages; RESET temp_tablespaces');
is($session->query('DROP TABLESPACE tap_retrain'), '', '... which is empty then');
is(weights('cramped'), weights('ample'), '... and makes the same weights');

# While it runs.
my $worker = stopped_session('model');
my $pid = $worker->pid;
my $run = run_of('model', 'run');
is(run_of('model', 'state, epochs_done, resumable, pid'), "running|2|f|$pid", 'others see the run and its epochs');
is(run_sql($database, "SELECT count(*) FROM lesion_training_log WHERE run = $run"), '2', '... and its log');
is(run_sql($database, "SELECT run, model, state, phase, epoch, epochs, pid, source, eta > interval '0'
	FROM lesion_training_progress"), "$run|model|running|training|3|5|$pid|log|t",
	'... and its progress, from the log');
is(run_sql($database, "SELECT run, epoch FROM lesion_checkpoint"), "$run|2", '... and it has a checkpoint');
my $refused = $session->query(retrain('model'));
like($refused, qr/ERROR:  55006.*run $run, server process $pid/s,
	'a second lesion_retrain of the model is refused, with the run');
$refused = $session->query(sprintf "SELECT lesion_train($arguments)", 'model');
like($refused, qr/ERROR:  55006.*run $run, server process $pid/s, 'so is a lesion_train');
like($session->query(q{SELECT lesion_model_drop('model')}), qr/ERROR:  55006/, '... and dropping it');

# What shows it is alive, and keeps others away, is nothing that SQL can take.
is($session->query("SELECT string_agg(locktype || ' ' || classid::regclass, ', ' ORDER BY classid) FROM pg_locks
	WHERE pid = $pid AND classid > 16384"), 'object lesion_model, object lesion_run',
	'its locks are on objects of our tables');

# Cancelled.
$session->query("SELECT pg_cancel_backend($pid)");
like($worker->finish, qr/ERROR:  57014: canceling statement due to user request/, 'a cancel stops it');
is(run_of('model', 'state, sqlstate, error, epochs_done, resumable, pid'),
	'cancelled|57014|canceling statement due to user request|2|t|',
	'the run is cancelled');
is(run_sql($database, 'SELECT count(*) FROM lesion_training_progress'), '0', 'nothing is running');
is($worker->query(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('object', 'advisory')}),
	'0', 'no lock is left');
is($worker->query('SELECT 1'), '1', 'the session goes on');
go_on('model', 'cancelled');

# A statement timeout is a cancel. It must come after the first epoch, which a busy machine takes its time for.
run_sql($database, 'INSERT INTO stop VALUES (3)');
for my $seconds (3, 15, 60) {
	$session->query("SET statement_timeout = '${seconds}s'");
	$said = $session->query(retrain('timed'));
	$session->query('SET statement_timeout = 0');
	last if run_of('timed', 'resumable') ne 'f';
}
like($said, qr/ERROR:  57014/, 'a timeout stops it');
is(run_of('timed', 'state'), 'cancelled', '... and the run is cancelled');

# Failed, inside a trigger that has a query under way.
run_sql($database, q{DELETE FROM stop; INSERT INTO stop VALUES (3, 'the disk of lesions is full')});
like($session->query(retrain('failing')), qr/ERROR:  LS001: the disk of lesions is full/,
	'an error reaches the caller');
is(run_of('failing', 'state, sqlstate, error, resumable'), 'failed|LS001|the disk of lesions is full|t',
	'the run is failed, with the error');
is($session->query(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()
	AND locktype IN ('object', 'advisory')}), '0', 'no lock is left');
go_on('failing', 'failed');

# Failed while it reads.
run_sql($database, 'CREATE TABLE empty (LIKE archive INCLUDING ALL)');
like($session->query(q{CALL lesion_retrain('empty', 'none', architecture => 'unet')}),
	qr/ERROR:  55000: public.empty has no rows/,
	'a table without rows');
is(run_of('none', 'state, sqlstate, resumable'), 'failed|55000|f', '... is a failed run');

# Stopped while it reads: a new run, and one that would have gone on.
run_sql($database, <<'SQL');
CREATE FUNCTION stop_reading() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM stop WHERE epoch = 0) THEN
		RAISE NOTICE 'stopped while reading';
		PERFORM pg_sleep(600);
	END IF;
	RETURN true;
END $$;
CREATE VIEW slow AS SELECT * FROM archive WHERE stop_reading();
SQL
my $slow = retrain('slow', q{, id_column => 'id'}) =~ s/'archive'/'slow'/r;
for my $epoch (3, 0) {
	my $what = $epoch ? 'a new run' : 'one to go on with';
	run_sql($database, 'DELETE FROM stop; INSERT INTO stop VALUES (0)');
	$worker = Session->new($database);
	$worker->start($slow);
	$worker->wait_for(qr/stopped while reading/);
	is(run_sql($database, 'SELECT model, state, phase, epoch, epochs, pid, source FROM lesion_training_progress'),
		'slow|running|reading||5|' . $worker->pid . '|log', "$what is shown while it reads");
	is(run_of('slow', 'state, pid, resumable, error, finished_at'), 'running|' . $worker->pid . '|f||',
		'... as running');
	like($session->query($slow), qr/ERROR:  55006.*run \d+, server process/s, '... and keeps others away');
	run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
	like($worker->finish, qr/ERROR:  57014/, '... until it is cancelled');
	is(run_of('slow', 'state, pid, resumable, sqlstate'), $epoch ? 'cancelled||f|57014' : 'cancelled||t|57014',
		'... and is cancelled');
	next unless $epoch;
	run_sql($database, "DELETE FROM stop; INSERT INTO stop VALUES ($epoch)");
	$worker->start($slow);
	$worker->wait_for(qr/stopped before the row of epoch 3/);
	run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
	$worker->finish;
}
run_sql($database, 'DELETE FROM stop');
like($session->query($slow), qr/goes on after epoch 2 of 5/, '... and goes on');
is(weights('slow'), weights('reference'), '... to the same weights');

# Terminated: its process is gone, nobody could write how.
$worker = stopped_session('terminated');
run_sql($database, 'SELECT pg_terminate_backend(' . $worker->pid . ')');
eval { $worker->finish };
sleep 0.1 while run_sql($database, 'SELECT count(*) FROM pg_stat_activity WHERE pid = ' . $worker->pid) ne '0';
is(run_of('terminated', 'state, epochs_done, resumable, pid'), 'lost|2|t|', 'a terminated run is lost');
is(run_sql($database, 'SELECT count(*) FROM lesion_training_progress'), '0', '... and not running');
go_on('terminated', 'terminated');

# Killed.
$worker = stopped_session('killed');
ok(kill_session($worker), 'a training process is killed, the server comes back');
is(run_of('killed', 'state, epochs_done, resumable'), 'lost|2|t', 'the run is lost');
go_on('killed', 'killed');

# The server is restarted.
$worker = stopped_session('restarted');
restart_server('fast');
eval { $worker->finish };
is(run_of('restarted', 'state, epochs_done, resumable'), 'lost|2|t', 'after a restart of the server the run is lost');
go_on('restarted', 'restarted');

# max_minutes counts within an epoch: one that takes longer than those before is given up.
my $slow_epochs = q{CALL lesion_retrain('archive', 'late', 9, architecture => 'unet',
	config => '{"base": 8, "depth": 2}', image_size => 160,
	batch_size => 1, seed => 3%s)};
run_sql($database, q{INSERT INTO stop VALUES (2, 'enough')});
$session = Session->new($database);
like($session->query(sprintf $slow_epochs, ''), qr/enough/, 'a run has done an epoch and was stopped in the next');
my $epoch_seconds = run_sql($database, 'SELECT seconds FROM lesion_epoch ORDER BY at DESC LIMIT 1');
run_sql($database, q{DELETE FROM stop; UPDATE lesion_epoch SET seconds = 1e-6
	WHERE run = (SELECT max(run) FROM lesion_run)});
$said = $session->query(sprintf $slow_epochs, sprintf ', max_minutes => %f', 0.3 * $epoch_seconds / 60);
like($said, qr/max_minutes ended it after epoch 1 of 9/, 'an epoch that would not end in time is given up');
is(run_of('late', 'state, stopped_by, epochs_done, version'), 'finished|max_minutes|1|1',
	'... and the run is finished with what it has');

# What has changed is not gone on with.
$worker = stopped_session('changed');
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
$worker->finish;
is(run_of('changed', 'resumable'), 't', 'a run could go on');
run_sql($database, q{DELETE FROM stop;
	UPDATE archive SET mask = (lesion_synthetic(77, 40, 40)).mask
	WHERE id = (SELECT min(id) FROM archive WHERE lesion_split(id) = 'train')});
$said = $session->query(retrain('changed'));
like($said, qr/run \d+ cannot go on: what training sees of public.archive has changed/,
	'... but not when a mask has changed');
like($said, qr/run \d+ begins from the start/, '... so another begins');
is(run_sql($database, q{SELECT string_agg(state || resumable, ',' ORDER BY run) FROM lesion_runs
	WHERE model = 'changed'}), 'cancelledfalse,finishedfalse',
	'... and the old one is no longer to be resumed');
isnt(weights('changed'), weights('reference'), '... with other weights');

# A run with other arguments, and one that was told not to, begin anew.
is(run_of('timed', 'state, resumable'), 'cancelled|t', 'a run that could go on');
$said = $session->query(q{CALL lesion_retrain('archive', 'timed', 2, image_size => 32, batch_size => 4, seed => 3,
	resume => true)});
unlike($said, qr/goes on/, 'other arguments: it does not');
$worker = stopped_session('told');
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
$worker->finish;
run_sql($database, 'DELETE FROM stop');
unlike($worker->query(retrain('told', ', resume => false')), qr/goes on/, 'resume => false: it does not');

# Nor does a run go on from other weights to start from, whatever their name and number.
my $origin = q{SELECT version FROM lesion_train('archive', 'origin', epochs => 1, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, seed => %d)};
for my $seed (1, 2) {
	run_sql($database, sprintf $origin, $seed);
	for my $stop ($seed == 1 ? (2, 3) : 6) {
		run_sql($database, "DELETE FROM stop; INSERT INTO stop VALUES ($stop, 'no room')");
		my $said = $session->query(retrain('from', q{, init => 'origin'}));
		is($said =~ /goes on/ ? 1 : 0, $stop == 3 ? 1 : 0, "from weights of seed $seed, to epoch $stop");
	}
	run_sql($database, q{SELECT lesion_model_drop('origin')});
}
is(run_sql($database, q{SELECT string_agg(state, ',' ORDER BY run) FROM lesion_runs WHERE model = 'told'}),
	'cancelled,finished', '... and a run of its own is finished');

# A commit fails: the run's row says so.
run_sql($database, q{CREATE CONSTRAINT TRIGGER late AFTER INSERT ON lesion_epoch DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.epoch = 2) EXECUTE FUNCTION stop(); INSERT INTO stop VALUES (2, 'too late');
	DROP TRIGGER stop ON lesion_epoch});
like($session->query(retrain('commit')), qr/^ERROR:  LS001: too late/m, 'a commit fails');
is(run_of('commit', 'state, sqlstate, error'), 'failed|LS001|too late', '... and the run is told as failed');
run_sql($database, q{DROP TRIGGER late ON lesion_epoch; DELETE FROM stop;
	CREATE TRIGGER stop BEFORE INSERT ON lesion_epoch FOR EACH ROW EXECUTE FUNCTION stop()});
like($session->query(retrain('commit')), qr/goes on after epoch 1 .*is finished/s, '... and goes on');

# Whoever holds a run's row does not keep its call from ending.
my $holding = Session->new($database);
$session->query('SET statement_timeout = 0');
$worker = stopped_session('held');
$holding->query(q{BEGIN; SELECT FROM lesion_run WHERE model = 'held' FOR UPDATE});
my $cancelled = time;
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
like($worker->finish, qr/^ERROR:  57014: /m, 'a run is cancelled while another session holds its row');
cmp_ok(time - $cancelled, '<', 60, '... and ends');
$holding->query('ROLLBACK');
is(run_of('held', 'state'), 'lost', '... without a word in its row');
run_sql($database, 'DELETE FROM stop');
like($session->query(retrain('held')), qr/goes on after epoch 2 .*is finished/s, '... and goes on');
$holding->quit;

# A row that a policy or a trigger keeps as it is: the run is not told as finished.
run_sql($database, q{CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER keep BEFORE UPDATE ON lesion_run FOR EACH ROW WHEN (NEW.state = 'finished')
	EXECUTE FUNCTION keep()});
like($session->query(retrain('kept')), qr/^ERROR:  09000: the row of run \d+ in lesion_run cannot be changed/m,
	'a run whose row cannot be changed is an error');
run_sql($database, 'DROP TRIGGER keep ON lesion_run');
like($session->query(retrain('kept')), qr/goes on after epoch 5 .*is finished/s, '... and the next call ends it');

# A view whose function trains the same model, and so ends the run that the call goes on with.
run_sql($database, <<'SQL');
CREATE FUNCTION seen(image bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('tap.nested', true) = 'on' THEN
		SET tap.nested = off;
		EXECUTE current_setting('tap.statement');
	END IF;
	RETURN image;
END $$;
CREATE VIEW watched AS SELECT id, seen(image) AS image, mask FROM archive;
DELETE FROM stop;
INSERT INTO stop VALUES (3, 'halt');
SQL
(my $nested = retrain('nested', q{, id_column => 'id'})) =~ s/'archive'/'watched'/;
like($session->query($nested), qr/halt/, 'a run on a view stops');
run_sql($database, 'DELETE FROM stop');
$session->query("SET tap.statement = \$tap\$$nested\$tap\$");
like($session->query("SET tap.nested = on; $nested"), qr/^ERROR:  55000: the checkpoint of run \d+ is gone/m,
	'... and another call within the one that goes on takes its checkpoint');
like($session->query("SET tap.nested = off; $nested"), qr/goes on after epoch 2.*is finished/s, '... which is undone');

# Row-level security: another user sees other rows and continues nothing.
$worker = stopped_session('secured');
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
$worker->finish;
run_sql($database, <<'SQL');
DELETE FROM stop;
DROP ROLE IF EXISTS tap_retrain_user;
CREATE ROLE tap_retrain_user;
GRANT SELECT ON archive, stop TO tap_retrain_user;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion, lesion_run, lesion_epoch, lesion_evaluation,
	lesion_image_score TO tap_retrain_user;
GRANT UPDATE ON lesion_run TO tap_retrain_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO tap_retrain_user;
ALTER TABLE archive ENABLE ROW LEVEL SECURITY;
CREATE POLICY tap_retrain_rows ON archive TO tap_retrain_user USING (id LIKE 'lesion-1%' OR id LIKE 'lesion-2%');
SQL
$session->query('SET ROLE tap_retrain_user');
$said = $session->query(retrain('secured'));
like($said, qr/is finished/, 'another role trains the model');
unlike($said, qr/go(es)? on/, '... and does not go on with a run that is not its own, nor end that');
is(run_of('secured', 'training_images + validation_images + test_images, started_by'), '22|tap_retrain_user',
	'... on the rows that row-level security shows, after commits too');
$session->query('RESET ROLE');
run_sql($database, 'DROP OWNED BY tap_retrain_user; DROP ROLE tap_retrain_user');
like($session->query(retrain('secured')), qr/goes on after epoch \d.*is finished/s,
	'... and leaves the other run its checkpoint');
is(run_sql($database, 'SELECT count(*) FROM lesion_checkpoint'), '0', '... which is gone when that is finished');

$session->quit;
done_testing();
