# cross_validate.pl: a cross-validation that is stopped, whatever stops it, goes
# on with the same CALL, and ends with the figures of one that was not.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive kill_session restart_server wait_for_lock);
use Test::More;

my $database = 'tap_cross_validate';
fresh_database($database);
fill_archive($database, 40, 40);

# A trigger on the log of epochs stops a training where a test wants it: it waits before
# the row of an epoch of a model.
run_sql($database, <<'SQL');
CREATE TABLE stop (model text, epoch int);
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM stop s JOIN lesion_run r USING (model) WHERE r.run = NEW.run AND s.epoch = NEW.epoch) THEN
		RAISE NOTICE 'stopped before the row of epoch %', NEW.epoch;
		PERFORM pg_sleep(600);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER stop BEFORE INSERT ON lesion_epoch FOR EACH ROW EXECUTE FUNCTION stop();
SQL

# The statement that cross-validates, with more arguments if need be.
sub cross_validate {
	my ($model, $more) = @_;
	return sprintf q{CALL lesion_cross_validate('archive', 'unet', 3, '%s', epochs => 3, image_sizes => '{32}',
		configs => '[{"base": 4, "depth": 2}, {"base": 2, "depth": 1}]', batch_size => 4, seed => 3%s)},
		$model, $more // '';
}

# The figures of one, and the weights of its folds.
sub figures {
	my ($model) = @_;
	return run_sql($database, "SELECT setting, learning_rate, config, folds_done, n, dice, dice_low, dice_high,
		threshold_jaccard, threshold_jaccard_low, threshold_jaccard_high, fold_dice, worst_fold_dice, best
		FROM lesion_cross_validations WHERE model = '$model' ORDER BY setting")
		. run_sql($database, "SELECT f.setting, f.fold, f.n, f.dice, m.sha256 FROM lesion_folds f
		JOIN lesion_models m ON m.model = f.fold_model AND m.version = f.version
		WHERE f.model = '$model' ORDER BY 1, 2")
		. run_sql($database, "SELECT v.threshold, v.temperature, v.metadata - 'fitted_on',
		replace(v.config::text, '$model', 'cv') FROM lesion_version v WHERE v.model = '$model' ORDER BY v.number");
}

# How far each fold is: state and epochs.
sub states {
	my ($model) = @_;
	return run_sql($database, "SELECT string_agg(setting || '.' || fold || ' ' || state || coalesce(epochs_done, 0),
		', ' ORDER BY fold, setting) FROM lesion_folds WHERE model = '$model'");
}

# Start one and wait until it stands before the row of epoch 2 of a fold.
sub stopped_session {
	my ($model, $fold_model) = @_;
	my $session = Session->new($database);
	run_sql($database, "DELETE FROM stop; INSERT INTO stop VALUES ('$fold_model', 2)");
	$session->query('SET synchronous_commit = on');
	$session->start(cross_validate($model));
	$session->wait_for(qr/stopped before the row of epoch 2/);
	return $session;
}

my $session = Session->new($database);
my $said = $session->query(cross_validate('whole'));
like($said, qr/setting 1, fold 1 of 3: model "whole_1_1".*setting 2, fold 3 of 3: model "whole_2_3"/s,
	'it says what it is at') or diag $said;
like($said, qr/cross-validation "whole" is finished: setting \d is the best, out-of-fold Dice 0\.\d+, from 0\.\d+ to/,
	'... and what came of it');
unlike($said, qr/different splits|WARNING/, '... without a warning');
unlike($said, qr/commits nothing/, '... and commits as it goes');
my $figures = figures('whole');
like($session->query(cross_validate('whole')), qr/"whole" is finished already.*trained by postgres\./s,
	'called again it has nothing to do, and says whose work it was');
is(figures('whole'), $figures, '... and changes nothing');

# While it runs.
my $worker = stopped_session('stopped', 'stopped_1_2');
is(states('stopped'), '1.1 finished3, 2.1 finished3, 1.2 running1, 2.2 planned0, 1.3 planned0, 2.3 planned0',
	'others see how far it is');
is(run_sql($database, q{SELECT folds_done, best FROM lesion_cross_validations WHERE model = 'stopped' AND setting = 1}),
	'1|f', '... and the scores so far');
like($session->query(cross_validate('stopped')), qr/ERROR:  55006.*model "stopped" is being trained/s,
	'a second call of it is refused');
like($session->query(q{SELECT lesion_model_drop('stopped')}), qr/ERROR:  55006/, '... so is dropping it');
like($session->query(cross_validate('stopped', ', split_seed => 1')), qr/ERROR:  55006/, '... whatever its arguments');

# Killed, cancelled and restarted, one after the other, in different folds: it goes on.
ok(kill_session($worker), 'its process is killed, the server comes back');
is(states('stopped'), '1.1 finished3, 2.1 finished3, 1.2 lost1, 2.2 planned0, 1.3 planned0, 2.3 planned0',
	'what was done is there');
$worker = stopped_session('stopped', 'stopped_2_2');
is(states('stopped'), '1.1 finished3, 2.1 finished3, 1.2 finished3, 2.2 running1, 1.3 planned0, 2.3 planned0',
	'the same call goes on with the fold');
is(run_sql($database, q{SELECT resumed FROM lesion_runs WHERE model = 'stopped_1_2'}), '1', '... after its last epoch');
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
like($worker->finish, qr/ERROR:  57014/, 'it is cancelled');
$session = Session->new($database);
is($session->query(q{SELECT count(*) FROM pg_locks WHERE locktype IN ('object', 'advisory')}), '0',
	'... and leaves no lock');
like($session->query(cross_validate('stopped', ', split_seed => 1')), qr/ERROR:  42710.*begun with other arguments/s,
	'other arguments do not go on with it');
$worker = stopped_session('stopped', 'stopped_2_3');
restart_server('immediate');
eval { $worker->finish };
run_sql($database, 'DELETE FROM stop');
$session = Session->new($database);
like($session->query(cross_validate('stopped')), qr/"stopped" is finished/, 'after a crash of the server it goes on');
is(figures('stopped') =~ s/stopped_/whole_/gr, $figures, '... to the figures of one that was never stopped');
is(run_sql($database, q{SELECT count(*), count(DISTINCT model) FROM lesion_run WHERE model LIKE 'stopped\_%'}), '6|6',
	'... in one run for each fold');
is(run_sql($database, 'SELECT count(*) FROM lesion_checkpoint'), '0', '... and no checkpoint is left');

# Somebody else trains a model of a fold that is still to come, on images of his own; and one of a fold that is done.
$worker = stopped_session('mixed', 'mixed_1_2');
run_sql($database, 'SELECT pg_cancel_backend(' . $worker->pid . ')');
like($worker->finish, qr/ERROR:  57014/, 'another is cancelled in its second fold');
run_sql($database, 'DELETE FROM stop');
run_sql($database, 'CREATE TABLE easy AS SELECT id, image, lesion_segment(image) AS mask FROM archive');
my $easy = q{SELECT version FROM lesion_train('easy', '%s', 3, image_size => 32, id_column => 'id', batch_size => 4,
	seed => 3, promote => 'always')};
my $member = run_sql($database, q{SELECT format('mixed_%s_1', setting) FROM lesion_cross_validations
	WHERE model = 'whole' AND best});
run_sql($database, sprintf $easy, $_) for 'mixed_2_2', $member;
is(states('mixed'), '1.1 finished3, 2.1 finished3, 1.2 cancelled1, 2.2 planned0, 1.3 planned0, 2.3 planned0',
	'a run of somebody else is none of it');
my $easy_run = run_sql($database, q{SELECT max(run) FROM lesion_run WHERE model = 'mixed_2_2'});
$session = Session->new($database);
like($session->query(cross_validate('mixed')), qr/ERROR:  55000: model "mixed_2_2" has a run that is not of this .*
DETAIL:  Run $easy_run was started by "\w+" on public\.easy\.
HINT:  Drop the model/, '... and its scores are not taken for those of the fold');
run_sql($database, q{SELECT lesion_model_drop('mixed_2_2')});
like($session->query(cross_validate('mixed')),
	qr/WARNING.* equal weights .*: version 2 of model "$member" is active, the cross-validation trained version 1.*
.*"mixed" is finished/s, 'a later version that somebody made active does not end it');
is(run_sql($database, q{SELECT count(*), string_agg(DISTINCT e ->> 'version', ' ')
	FROM lesion_version, jsonb_array_elements(config -> 'members') AS e WHERE model = 'mixed'}), '3|1',
	'... nor is it a member of the ensemble');
run_sql($database, q{DELETE FROM lesion_version WHERE model = 'mixed'});
run_sql($database, qq{SELECT lesion_model_promote('$member', 1)});
like($session->query(cross_validate('mixed')), qr/"mixed" is finished/, 'without them it goes on');
is(figures('mixed') =~ s/mixed_/whole_/gr, $figures, '... to the same figures');

# A run that finished before it was noted is found again; a model that is gone is trained again.
run_sql($database, q{DELETE FROM lesion_version WHERE model = 'mixed'});
run_sql($database, q{UPDATE lesion_fold SET run = NULL WHERE model = 'mixed' AND fold = 2});
run_sql($database, q{SELECT lesion_model_drop('mixed_2_1')});
my $runs = run_sql($database, 'SELECT max(run) FROM lesion_run');
like($session->query(cross_validate('mixed')), qr/"mixed" is finished/,
	'a fold that was not noted, and one that is gone');
is(figures('mixed') =~ s/mixed_/whole_/gr, $figures, '... give the same figures');
is(run_sql($database, "SELECT string_agg(model, ' ') FROM lesion_run WHERE run > $runs"), 'mixed_2_1',
	'... by one training');

# An argument that stands in TOAST, whose row is gone when the first fold is committed.
run_sql($database, q{CREATE TABLE stored (augment jsonb, long text) WITH (toast_tuple_target = 128);
	ALTER TABLE stored ALTER augment SET STORAGE EXTERNAL, ALTER long SET STORAGE PLAIN;
	INSERT INTO stored SELECT jsonb_object_agg(key, default_value::jsonb), repeat('-', 1900) FROM lesion_options()
	WHERE argument LIKE 'augment%';
	CREATE FUNCTION stored_augment() RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE result jsonb; BEGIN SELECT augment INTO result FROM stored; RETURN result; END $$;
	CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.epoch = 2 THEN PERFORM pg_advisory_xact_lock_shared(5); END IF; RETURN NEW; END $$;
	CREATE TRIGGER hold BEFORE INSERT ON lesion_epoch FOR EACH ROW EXECUTE FUNCTION hold()});
my $holder = Session->new($database);
$holder->query('SELECT pg_advisory_lock(5)');
$session->start(cross_validate('stored', ', augment => stored_augment()'));
is(wait_for_lock($session), 1, 'a cross-validation waits in its first fold');
run_sql($database, 'TRUNCATE stored');
$holder->query('SELECT pg_advisory_unlock(5)');
like($session->finish, qr/"stored" is finished/, '... and goes on without the row that its argument was from');
run_sql($database, 'DROP TRIGGER hold ON lesion_epoch');
$holder->quit;

# A version that somebody brings into the model of a fold to come, split by another column, decides nothing.
run_sql($database, q{ALTER TABLE archive ADD patient text; UPDATE archive SET patient = right(id, 1);
	SELECT lesion_train('archive', 'other', 1, architecture => 'unet', image_size => 32,
		config => '{"base": 4, "depth": 2}', group_column => 'patient')});
my $stopped = stopped_session('barred', 'barred_1_1');
ok(kill_session($stopped), 'a cross-validation is killed');
run_sql($database, q{DELETE FROM stop; SELECT lesion_model_import('barred_1_3', lesion_model_export('other'))});
$session = Session->new($database);
unlike($session->query(cross_validate('barred'), 300), qr/ERROR/,
	'... goes on where a fold has a version of another split');

# Without a right that the trainings need there is nothing: neither a plan nor models are committed.
run_sql($database, <<'SQL');
CREATE ROLE lesion_tap_trainer;
GRANT SELECT ON archive TO lesion_tap_trainer;
GRANT INSERT ON lesion_model, lesion_fold, lesion_promotion, lesion_run, lesion_epoch, lesion_evaluation,
	lesion_image_score TO lesion_tap_trainer;
GRANT UPDATE ON lesion_run, lesion_fold TO lesion_tap_trainer;
GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO lesion_tap_trainer;
SQL
$session->query('SET ROLE lesion_tap_trainer');
like($session->query(cross_validate('without')), qr/permission denied for table lesion_version/,
	'a role that may not store versions');
is(run_sql($database, "SELECT (SELECT count(*) FROM lesion_model WHERE name LIKE 'without%')
	+ (SELECT count(*) FROM lesion_fold WHERE model = 'without')"), '0', '... leaves no model and no plan');
$session->query('RESET ROLE');
run_sql($database, 'DROP OWNED BY lesion_tap_trainer; DROP ROLE lesion_tap_trainer');

$session->quit;
done_testing();
