# replaced.pl: a table that is renamed, replaced or altered while a call works
# on it, by another session or by a trigger: an error, and the call can go on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database server_alive wait_for_lock);
use Test::More;

my $database = 'tap_replaced';
my $refused = qr/ERROR:  55000: public\.(?:pics|masks) is no longer what it was when the call began/;
fresh_database($database);
run_sql($database, <<'SQL');
SET client_min_messages = error;
CREATE TABLE pics AS SELECT s AS id, image, mask FROM generate_series(1, 6) AS s, lesion_synthetic(s, 32, 32);
ALTER TABLE pics ADD PRIMARY KEY (id);
SELECT lesion_train('pics', 'net', epochs => 1, architecture => 'unet', image_size => 16, batch_size => 2,
	config => '{"base": 4, "depth": 1}');
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE change (sql text);
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	DELETE FROM change RETURNING sql INTO statement;
	IF FOUND THEN
		EXECUTE statement;
	END IF;
	RETURN NEW;
END $$;
SQL

# Make a change when a row comes to `table` while `call` runs, see what it says, and take the change back.
sub changed {
	my ($table, $change, $call, $back, $name) = @_;
	my $session = Session->new($database);
	run_sql($database, "INSERT INTO change VALUES (\$\$$change\$\$);
		CREATE TRIGGER change BEFORE INSERT OR UPDATE ON $table FOR EACH ROW EXECUTE FUNCTION change()");
	like($session->query($call), $refused, $name);
	is($session->query('SELECT 1'), '1', '... in a process that lives');
	$session->quit;
	run_sql($database, "$back; DROP TRIGGER change ON $table; DELETE FROM change");
	return;
}

my $predict = q{CALL lesion_predict('pics', 'net', 'masks', batch_size => 1)};
my $view = q{ALTER TABLE pics RENAME TO pics_old; CREATE VIEW pics AS SELECT id, image, mask, 12345 AS ctid
	FROM pics_old};
my $no_view = 'DROP VIEW pics; ALTER TABLE pics_old RENAME TO pics';
changed('masks', $view, $predict, $no_view, 'a view in the place of the images');
changed('masks', 'ALTER TABLE pics ALTER image TYPE text USING encode(image, $q$hex$q$)', $predict,
	q{ALTER TABLE pics ALTER image TYPE bytea USING decode(image, 'hex')}, 'images of another type');
changed('lesion_run', $view, q{CALL lesion_retrain('pics', 'net', epochs => 2, image_size => 16, batch_size => 2)},
	$no_view, 'a view in the place of the images that a run was to read');

# By another session: it gets its lock between two batches.
my $session = Session->new($database);
my $other = Session->new($database);
run_sql($database, q{DELETE FROM masks; CREATE FUNCTION rest() RETURNS trigger
	LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
	CREATE TRIGGER rest BEFORE INSERT ON masks FOR EACH ROW EXECUTE FUNCTION rest()});
$session->start($predict);
select undef, undef, undef, 0.05 until $other->query('SELECT count(*) FROM masks') > 0;
$other->query('BEGIN; ALTER TABLE masks RENAME TO other_masks; CREATE VIEW masks AS SELECT 1 AS images; COMMIT');
like($session->finish, $refused, 'masks that are a view now');
run_sql($database, 'DROP VIEW masks; ALTER TABLE other_masks RENAME TO masks; ALTER TABLE pics ADD note text;
	DROP TRIGGER rest ON masks');
unlike($session->query($predict), qr/ERROR/, 'the next call goes on, and a column that came does not matter');
is(run_sql($database, 'SELECT count(*) FROM masks'), '6', '... with all that was left');

# A model of the same name does not get the score of the one that was dropped. The first row of a score waits.
run_sql($database, q{CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$;
	CREATE TRIGGER hold BEFORE INSERT ON lesion_evaluation FOR EACH ROW EXECUTE FUNCTION hold();
	CREATE TRIGGER hold BEFORE INSERT ON lesion_robustness_score FOR EACH ROW EXECUTE FUNCTION hold();
	SELECT lesion_model_import('spare', lesion_model_export('net', dtype => 'f16'))});
# Numbers are given again only where the owner empties the log of them.
my $anew = q{BEGIN; SELECT lesion_model_drop('net'); DELETE FROM lesion_audit;
	SELECT lesion_model_import('net', lesion_model_export('spare')); COMMIT; SELECT pg_advisory_unlock(7)};
for my $call (q{SELECT lesion_evaluate('pics', 'net', 'all')},
	q{SELECT count(*) FROM lesion_robustness('pics', 'net', 'all', '{noise}', '{1}', '{off}')}) {
	$other->query('SELECT pg_advisory_lock(7)');
	$session->start($call);
	ok(wait_for_lock($session), 'a call waits');
	unlike($other->query($anew), qr/ERROR/, 'a model is dropped and made anew while it is scored');
	like($session->finish, qr/ERROR:  55000: version 1 of model "net" is no longer the one that was scored/,
		'... and told');
	run_sql($database, q{SELECT lesion_model_drop('spare');
		SELECT lesion_model_import('spare', lesion_model_export('net', dtype => 'bf16'))});
}
is(run_sql($database, 'SELECT count(*) FROM lesion_robustness_score'), '0', 'no score is stored');

# Nor is it told that its weights are damaged: rows are read before the weights are.
run_sql($database, q{SELECT lesion_model_drop('spare');
	SELECT lesion_model_import('spare', lesion_model_export('net', dtype => 'f16'));
	CREATE VIEW held AS SELECT id, image, mask FROM pics,
	LATERAL (SELECT CASE WHEN id = 6 THEN pg_advisory_xact_lock_shared(7)::text END) AS s});
$other->query('SELECT pg_advisory_lock(7)');
$session->start(q{SELECT count(*)
	FROM lesion_robustness('held', 'net', 'all', '{noise}', '{1}', '{off}', id_column => 'id')});
ok(wait_for_lock($session), 'a call waits');
unlike($other->query($anew), qr/ERROR/, 'a model is dropped and made anew before its weights are read');
like($session->finish, qr/ERROR:  55000: version 1 of model "net" was dropped and made anew meanwhile/, '... and told');
unlike($session->query(q{SELECT lesion_evaluate('pics', 'net', 'all')}), qr/ERROR/, 'the next call stores one');

# The extension itself is made anew between two transactions of a call: runs have the same numbers again.
$session->start(q{CALL lesion_retrain('pics', 'net', epochs => 100000, image_size => 16, batch_size => 2)});
$session->wait_for(qr/NOTICE.*epoch 2 /i);
unlike($other->query(q{SET client_min_messages = error; BEGIN; LOCK TABLE lesion_model;
	DROP EXTENSION lesionseg CASCADE; CREATE EXTENSION lesionseg;
	SELECT lesion_train('pics', 'net', epochs => 1, architecture => 'unet', image_size => 16, batch_size => 2,
	config => '{"base": 4, "depth": 1}') FROM generate_series(1, 9); COMMIT}), qr/ERROR/,
	'the extension is dropped and made anew while a run goes on');
like($session->finish, qr/ERROR:  55000: the extension lesionseg was dropped, moved or made anew/, '... which is told');
is(run_sql($database, q{SELECT count(*), count(DISTINCT run), string_agg(DISTINCT state, ' ') FROM lesion_epoch
	JOIN lesion_run USING (run)}), '9|9|finished', '... and writes to no other run');
# Its schema gets another name, and its name another schema.
run_sql($database, q{SET client_min_messages = error; DROP EXTENSION lesionseg CASCADE; CREATE SCHEMA ours;
	CREATE EXTENSION lesionseg SCHEMA ours});
# It waits in a statement, of which the next needs no new lock.
run_sql($database, 'CREATE TRIGGER hold BEFORE DELETE ON ours.lesion_checkpoint EXECUTE FUNCTION hold()');
$other->query('SELECT pg_advisory_lock(7)');
$session->start(q{SET search_path = ours, public; CALL lesion_retrain('pics', 'net', epochs => 3, image_size => 16,
	batch_size => 2, architecture => 'unet', config => '{"base": 4, "depth": 1}')});
ok(wait_for_lock($session), 'a run waits within a transaction');
$other->query(q{BEGIN; ALTER SCHEMA ours RENAME TO still_ours; CREATE SCHEMA ours;
	CREATE TABLE ours.lesion_epoch (LIKE still_ours.lesion_epoch);
	CREATE TABLE ours.lesion_checkpoint (LIKE still_ours.lesion_checkpoint);
	CREATE TABLE ours.lesion_run (LIKE still_ours.lesion_run); COMMIT});
is($other->query('SELECT state FROM still_ours.lesion_run'), 'running', 'a run goes on');
$other->query('SELECT pg_advisory_unlock(7)');
like($session->finish, qr/run 1 is finished/, '... whose schema was renamed');
is(run_sql($database, q{SELECT (SELECT count(*) FROM ours.lesion_epoch), (SELECT count(*) FROM still_ours.lesion_epoch),
	state FROM still_ours.lesion_run}), '0|3|finished', '... and goes to no other');
ok(server_alive(), 'the server is alive');
$session->quit;
$other->quit;
done_testing();
