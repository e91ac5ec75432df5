# concurrent.pl: two sessions and one model. A second training is refused at
# once, reading is never in the way, and a promotion counts from the next
# query on, not within one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive wait_for_lock);
use Test::More;

my $database = 'tap_concurrent';
fresh_database($database);
fill_archive($database, 24, 64);

my $train = q{SELECT version FROM lesion_train('archive', 'net', %d, architecture => 'unet', image_size => 32,
	batch_size => 4, config => '{"base": 4, "depth": 1}', promote => 'never')};
run_sql($database, sprintf $train, 1) for 1 .. 2;
run_sql($database, q{SELECT lesion_model_promote('net', 1)});

my $first = Session->new($database);
my $second = Session->new($database);
$first->start(sprintf $train, 100000);
$first->wait_for(qr/NOTICE.*epoch/i);
my $pid = $first->pid;

my $refused = $second->query(sprintf $train, 1);
like($refused, qr/ERROR:  55006/, 'a second training of the model is refused');
like($refused, qr/process $pid/, '... and says which process is at it');
like($second->query(q{SELECT lesion_model_drop('net')}), qr/ERROR:  55006/, 'so is dropping it');
like($second->query(q{SELECT lesion_model_import('net', lesion_model_export('net'))}), qr/ERROR:  55006/,
	'and importing into it');
is($second->query(q{SELECT count(lesion_segment(image, 'net')) FROM archive}), '24', 'segmenting with it goes on');
is($second->query(q{SELECT n > 0 FROM lesion_evaluate('archive', 'net', 'all')}), 't', 'and scoring it');
like($second->query(q{SELECT version FROM lesion_train('archive', 'other', 1, architecture => 'unet',
	image_size => 32)}), qr/^1$/m, 'another model can be trained');

$second->query("SELECT pg_cancel_backend($pid)");
like($first->finish, qr/57014/, 'the training is cancelled');
like($second->query(sprintf $train, 1), qr/^3$/m, 'then the model can be trained again');

# A query that segments for a while, and a promotion in the middle of it.
$first->start(q{SELECT DISTINCT (lesion_segment_detail(image, 'net')).version
	FROM archive, generate_series(1, 100), pg_sleep(0.001)});
select undef, undef, undef, 0.3;
$second->query(q{SELECT lesion_model_promote('net', 2)});
is($first->finish, '1', 'a query finishes on the version it began with');
is($first->query(q{SELECT DISTINCT (lesion_segment_detail(image, 'net')).version FROM archive}), '2',
	'the next one sees the promotion');

# The same under a cursor that outlives the promotion.
is($first->query(q{BEGIN; DECLARE c CURSOR FOR SELECT (lesion_segment_detail(image, 'net')).version FROM archive;
	FETCH 1 FROM c}), '2', 'a cursor');
$second->query(q{SELECT lesion_model_promote('net', 3)});
is($first->query(q{FETCH 2 FROM c; COMMIT}), "2\n2", '... stays with its version');

# Each assignment of PL/pgSQL is a query: one that waits for the promotion of another session.
my $rounds = q{DO $$ DECLARE d lesion_segmentation; photograph bytea := (lesion_synthetic(1, 64,
	64)).image; seen text := ''; BEGIN
	FOR i IN 1..2 LOOP %s END LOOP; RAISE NOTICE 'versions%%', seen; END $$};
my $assign = q{d := lesion_segment_detail(photograph, 'net'); seen := seen || ' ' || d.version;};
$first->start(sprintf $rounds, $assign . q{ RAISE NOTICE 'assigned'; FOR j IN 1..600 LOOP
	EXIT WHEN (SELECT version FROM lesion_models WHERE model = 'net') <> d.version; PERFORM pg_sleep(0.05); END LOOP;});
$first->wait_for(qr/assigned/);
$second->query(q{SELECT lesion_model_promote('net', 1)});
like($first->finish, qr/versions 3 1/, 'an assignment sees the promotion of another session');
like($first->query(sprintf $rounds, "BEGIN IF i = 1 THEN PERFORM lesion_model_promote('net', 2);
	END IF; $assign RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN NULL; END;"), qr/versions 2 1/, '... and no promotion that was rolled back');

# Two sessions that make a model of one name: the second does not wait.
$first->query(q{BEGIN; SELECT lesion_model_create('fresh', 'unet')});
$second->query(q{SET statement_timeout = '5s'});
like($second->query(q{SELECT lesion_model_create('fresh', 'unet')}), qr/ERROR:  55006/,
	'making a model that is being made is refused');
$first->query(q{ROLLBACK});
unlike($second->query(q{SELECT lesion_model_create('fresh', 'unet')}), qr/ERROR/,
	'... until the other session gave up');

# Rows that refer to a version, and the version that goes: whoever is second waits, and no row
# is left without what it refers to.
$first->query(q{RESET statement_timeout; SELECT lesion_model_import('gone', lesion_model_export('net'),
	promote => false)});
my $promote = q{INSERT INTO lesion_promotion (model, version, reason) SELECT model, number, 'by hand'
	FROM lesion_version WHERE model = 'gone'};
$first->query("BEGIN; $promote");
$second->start(q{SELECT lesion_model_drop('gone')});
is(wait_for_lock($second), 1, 'a model is not dropped while a promotion of it is under way');
$first->query('COMMIT');
unlike($second->finish, qr/ERROR/, '... but after it');
is($first->query(q{SELECT count(*) FROM lesion_promotion WHERE model = 'gone'}), '0', '... with the promotion');
$first->query(q{SELECT lesion_model_import('gone', lesion_model_export('net'), promote => false)});
$first->query(q{BEGIN; SELECT lesion_model_drop('gone')});
$second->start($promote);
is(wait_for_lock($second), 1, 'a version that is being dropped is not promoted');
$first->query('COMMIT');
like($second->finish,
	qr/ERROR:  23503: a row of lesion_promotion refers to a row of lesion_version that is not there: \(gone, 2\)/,
	'... and not when it is gone');
$first->query(q{SELECT lesion_model_import('gone', lesion_model_export('net'), promote => false)});
$second->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM lesion_promotion');
$first->query($promote);
like($second->query(q{SELECT lesion_model_drop('gone')}), qr/ERROR:  40001/,
	'what came after the snapshot is not deleted unseen');
$second->query('ROLLBACK');
unlike($second->query(q{SELECT lesion_model_drop('gone')}), qr/ERROR/, '... but by a new transaction');
is($first->query(q{SELECT count(*) FROM lesion_promotion WHERE model = 'gone'}), '0', '... that leaves nothing');

# A score in an old snapshot says nothing about rows as they are now, and is not shown for one that does.
$second->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM archive');
$first->query(q{CREATE TABLE truths AS SELECT id, mask FROM archive;
	UPDATE archive SET mask = (SELECT t.mask FROM truths t WHERE t.id <> archive.id ORDER BY t.id LIMIT 1)});
my $evaluate = q{SELECT dice FROM lesion_evaluate('archive', 'net', 'all')};
my $true_dice = $first->query($evaluate);
my $old_dice = $second->query($evaluate);
$second->query(q{SELECT lesion_robustness('archive', 'net', 'all', kinds => '{noise}', severities => '{1}',
	modes => '{off}')});
$second->query('COMMIT');
isnt($old_dice, $true_dice, 'a transaction that keeps its snapshot scores other rows');
is($first->query(q{SELECT string_agg(coalesce(differs, 'own'), '; ' ORDER BY evaluation DESC) FROM (
	SELECT * FROM lesion_evaluations WHERE subset = 'all' ORDER BY evaluation DESC LIMIT 2) AS e}),
	'rows of a kept snapshot; own', '... which is said');
is($first->query(q{SELECT count(*) FROM lesion_worst_cases w JOIN lesion_evaluations e USING (evaluation)
	WHERE w.subset = 'all' AND e.differs IS NOT NULL}), '0', '... and the other score is shown');
is($first->query(q{SELECT string_agg(DISTINCT differs, ', ') FROM lesion_robustness_table}),
	'rows of a kept snapshot', '... in robustness, too');
$first->query(q{UPDATE archive SET mask = t.mask FROM truths t WHERE t.id = archive.id; DROP TABLE truths});

# Whoever checks a row does not wait for the owner of the table that it names.
run_sql($database, q{CREATE TABLE parts (LIKE archive, PRIMARY KEY (id)) PARTITION BY HASH (id);
	CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	INSERT INTO parts SELECT * FROM archive LIMIT 1;
	CREATE TABLE made (LIKE lesion_prediction); CALL lesion_predict('parts', 'net', 'made')});
my $reproduce = q{SET statement_timeout = '20s'; SELECT (lesion_reproduce(m)).reason FROM made AS m};
is($second->query($reproduce), '', 'a mask is made again');
$second->query("BEGIN; $reproduce");
is($second->query(q{SELECT count(*) FROM pg_locks, (SELECT oid, reltoastrelid AS toast FROM pg_class
	WHERE relname IN ('parts', 'part')) AS c
	WHERE pid = pg_backend_pid() AND relation IN (oid, toast,
		(SELECT indexrelid FROM pg_index WHERE indrelid = toast))}), '0',
	'... and no lock is kept: there may be more partitions than the server has room for');
$second->query('ROLLBACK');
for my $lock ('LOCK TABLE parts', 'LOCK TABLE ONLY parts', 'LOCK TABLE part', 'REINDEX INDEX part_pkey',
	'REINDEX TABLE part') {
	$first->query("BEGIN; $lock");
	like($second->query($reproduce), qr/^(|the table of images is locked by another session; .*)\z/,
		"... without a wait for $lock");
	$first->query('ROLLBACK');
}

# A promotion by hand while a version is made that is to take another's place stays. The new version's row waits.
run_sql($database, q{SELECT lesion_model_promote('net', 1);
	CREATE FUNCTION active(name text) RETURNS int LANGUAGE sql AS
	'SELECT version FROM lesion_models WHERE model = name';
	SELECT lesion_model_import('copy', lesion_model_export('net', dtype => 'f16'));
	SELECT lesion_model_create('pair', 'ensemble', '{"members": ["net", "copy"]}')});
my $fit = q{SELECT count(*) FROM lesion_ensemble_fit('pair', 'archive', validation_fraction => 0.5)};
run_sql($database, $fit);
is(run_sql($database, q{SELECT active('pair')}), '2', 'an ensemble that was fitted is active');
run_sql($database, q{CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$;
	CREATE TRIGGER hold BEFORE INSERT ON lesion_version FOR EACH ROW EXECUTE FUNCTION hold()});
for my $call ($fit, "BEGIN ISOLATION LEVEL REPEATABLE READ; $fit; COMMIT") {
	$second->query('SELECT pg_advisory_lock(7)');
	$first->start($call);
	ok(wait_for_lock($first), 'a fit waits');
	$second->query(q{SELECT lesion_model_promote('pair', 1); SELECT pg_advisory_unlock(7)});
	like($first->finish, qr/WARNING:  01000: version \d+ of model "pair" is not promoted: what is active has/,
		'another version was promoted meanwhile');
	is(run_sql($database, q{SELECT active('pair')}), '1', '... and stays');
	run_sql($database, q{SELECT lesion_model_promote('pair', 2)});
}
run_sql($database, q{DROP TRIGGER hold ON lesion_version; SELECT lesion_model_drop('pair')});

# Two that go back at once go back twice, and one with an older snapshot is told.
run_sql($database, sprintf q{SELECT lesion_model_promote('net', %d)}, $_) for 1, 2, 3;
is($first->query(q{BEGIN; SELECT lesion_model_rollback('net')}), '2', 'a rollback');
$second->start(q{SELECT lesion_model_rollback('net')});
ok(wait_for_lock($second), '... another waits for it');
$first->query('COMMIT');
is($second->finish, '1', '... and goes back further');
$first->query(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT active('net')});
run_sql($database, q{SELECT lesion_model_promote('net', 3)});
like($first->query(q{SELECT lesion_model_rollback('net')}), qr/^ERROR:  40001: /,
	'an older snapshot is no ground for one');
$first->query('ROLLBACK');
is($first->query(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT lesion_model_promote('net', 2);
	SELECT lesion_model_rollback('net'); COMMIT}), "\n3", '... its own promotions are');

# Nor is a model dropped that an ensemble has had as a member since an older snapshot.
run_sql($database, q{SELECT lesion_model_import('member', lesion_model_export('net', 1))});
$first->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM lesion_model');
run_sql($database, q{SELECT lesion_model_create('trio', 'ensemble',
	'{"members": ["member", "net"]}')});
like($first->query(q{SELECT lesion_model_drop('member')}), qr/^ERROR:  2BP01: .*ensembles have it as a member/,
	'... nor for dropping what an ensemble has as a member');
$first->query('ROLLBACK');

# Whoever is second, a member that is dropped or an ensemble that has it, waits.
my $duo = q{SELECT lesion_model_create('duo', 'ensemble', '{"members": ["solo", "net"]}')};
run_sql($database, q{SELECT lesion_model_import('solo', lesion_model_export('net', 1))});
$first->query("BEGIN; $duo");
$second->start(q{SELECT lesion_model_drop('solo')});
is(wait_for_lock($second), 1, 'a model is not dropped while an ensemble of it is being made');
$first->query('COMMIT');
like($second->finish, qr/^ERROR:  2BP01: .*ensembles have it as a member/, '... nor when it is');
$first->query(q{SELECT lesion_model_drop('duo'); BEGIN; SELECT lesion_model_drop('solo')});
$second->start($duo);
is(wait_for_lock($second), 1, 'no ensemble is made of a model that is being dropped');
$first->query('COMMIT');
like($second->finish, qr/^ERROR:  55000: version 1 of model "solo", a member of .*"duo", is gone/,
	'... nor when it is gone');
run_sql($database, q{SELECT lesion_model_import('solo', lesion_model_export('net', 1))});
$second->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM lesion_model');
run_sql($database, q{SELECT lesion_model_drop('solo')});
like($second->query($duo), qr/^ERROR:  40001: /, '... nor under an older snapshot');
$second->query('ROLLBACK');
is(run_sql($database, q{SELECT count(*) FROM lesion_model WHERE name = 'duo'}), '0', '... and nothing is left');

# A name or number that another session has taken since an older snapshot is told, too.
for my $make (q{lesion_model_import('net', lesion_model_export('net', 1), promote => false)},
	q{lesion_model_create('taken', 'unet')}) {
	$first->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM lesion_model');
	run_sql($database, "SELECT $make");
	like($first->query("SELECT $make"), qr/^ERROR:  40001: could not serialize access: another session has made/,
		"... nor for $make");
	$first->query('ROLLBACK');
}

# The extension is dropped under a training: that ends with an error, and so does nothing else.
$second->query(q{RESET statement_timeout});
$first->start(q{CALL lesion_retrain('archive', 'net', 100000, image_size => 32, batch_size => 4)});
$first->wait_for(qr/NOTICE.*epoch 2 /i);
unlike($second->query(q{SET client_min_messages = error; SET statement_timeout = '60s';
	BEGIN; LOCK TABLE lesion_model; DROP EXTENSION lesionseg CASCADE; COMMIT}), qr/ERROR/,
	'dropping the extension does not wait for a training');
like($first->finish, qr/ERROR:  55000: the extension lesionseg was dropped/, '... which ends with an error');
is($first->query('SELECT pg_backend_pid()'), $first->pid, '... and its session goes on');
$second->query('CREATE EXTENSION lesionseg');
like($first->query(sprintf $train, 1), qr/^1$/m, 'installed again, all is as new');

# What the extension asks of a trigger's function waits for a catalog, and another session changes the table meanwhile.
run_sql($database, q{SELECT lesion_model_create('short', 'unet')});
$first->query('BEGIN; LOCK TABLE pg_depend IN ACCESS EXCLUSIVE MODE');
$second->start(q{SELECT lesion_model_drop('short')});
is(wait_for_lock($second), 1, 'a model is being dropped');
run_sql($database, 'ALTER TABLE lesion_version ALTER extension_version SET STATISTICS 50');
run_sql($database, 'VACUUM lesion_version');
$first->query('COMMIT');
like($second->finish, qr/\A\s*\z/, '... whatever became of the table');

# Snapshots that have no room for all subtransactions: one session has a few, another more than are listed. Which of
# them comes first in a snapshot is the server's. It looks at those alone that began before another transaction ended.
run_sql($database, 'CREATE TABLE written (n int)');
my $few = 'BEGIN; INSERT INTO written VALUES (1); SAVEPOINT a; INSERT INTO written VALUES (2)';
my $many = q{BEGIN; DO $$BEGIN FOR i IN 1 .. 100 LOOP
	BEGIN INSERT INTO written VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END$$};
for my $pair ([$first, $second], [$second, $first]) {
	$pair->[0]->query($few);
	$pair->[1]->query($many);
	run_sql($database, 'INSERT INTO written VALUES (3)');
	is(run_sql($database, q{SELECT count(lesion_segment(image, 'linknet')) FROM archive}), '24',
		'a query beside many subtransactions');
	$_->query('ROLLBACK') for @{$pair};
}
done_testing();
