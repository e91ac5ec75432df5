# across.pl: hospitals train one network together. The rounds' means are those
# that are computed by hand; only weights and scores leave a hospital; and
# whatever ends a call, the same call goes on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Door;
use Session qw(fresh_database);
use Servers qw(start_servers);
use Test::More;

my ($hub, $north, $south) = start_servers(
	{ log_statement => 'all', log_line_prefix => '%a|', log_min_messages => 'warning' }, qw(hub north south));

# Lesions of its own for each hospital, in tables of other names.
sub fill_hospital {
	my ($server, $table, $first, $last) = @_;
	$server->on(sub { fresh_database('clinic') });
	$server->sql('clinic', "CREATE TABLE $table (id text PRIMARY KEY, image bytea NOT NULL, mask bytea);
		INSERT INTO $table SELECT 'patient-' || seed, s.image, s.mask
		FROM generate_series($first, $last) AS seed, lesion_synthetic(seed, 48, 48) AS s");
	return;
}

fill_hospital($north, 'archive', 1, 24);
fill_hospital($south, q("Arch'ive"), 101, 140);
$hub->on(sub { fresh_database('clinic') });

# The call. More arguments may follow.
sub across {
	my ($model, $more) = @_;
	return qq[CALL lesion_train_across('{north,south}', '{archive,"\\"Arch''ive\\""}', '$model', rounds => 2,
		config => '{"base": 4, "depth": 1}', image_size => 32, batch_size => 4, seed => 7]
		. ($more // q(, architecture => 'unet')) . ')';
}

my $session = $hub->session('clinic');

# What refuses a call.
sub refused {
	my ($call, $error, $name) = @_;
	my $said = $session->query($call);
	like($said, $error, $name);
	return $said;
}

refused(across('net'), qr/^ERROR:  55000: .*dblink.*HINT:  CREATE EXTENSION dblink/s,
	'without dblink: the hint says how');
$hub->sql('clinic', q{CREATE SCHEMA "it's %s"; CREATE EXTENSION dblink SCHEMA "it's %s";
	GRANT USAGE ON SCHEMA "it's %s" TO PUBLIC;
	CREATE EXTENSION postgres_fdw});
refused(across('net'), qr/^ERROR:  42704: server "north" does not exist/m, 'without a foreign server');
is($hub->sql('clinic', q{SELECT count(*) FROM lesion_model WHERE name = 'net'}), 0, '... no model is left');
for my $hospital ($north, $south) {
	$hub->sql('clinic', sprintf q{CREATE SERVER %s FOREIGN DATA WRAPPER %s
		OPTIONS (host '%s', dbname 'clinic', application_name 'across');
		CREATE USER MAPPING FOR CURRENT_USER SERVER %1$s OPTIONS (user '%s')},
		$hospital->name, $hospital == $north ? 'dblink_fdw' : 'postgres_fdw', $hospital->host, $ENV{PGUSER});
}

# ---- two rounds ----

like($session->query(across(q(o''net))),
	qr/round\ 1\ of\ 2:\ version\ 1\ of\ model\ "o'net",\ validation\ Dice\ 0\.\d+\ on\ \d+\ images\ of\ 2\ servers.*
	round\ 2\ of\ 2.*is\ finished/sx,
	'two rounds');
my @means = split /\n/, $hub->sql('clinic', q{SELECT encode(sha256, 'hex') FROM lesion_version
	WHERE model = 'o''net' ORDER BY number});
is(scalar @means, 2, 'the hub has a mean of each round');

# A hospital's trainings: what it started from, on how many images, what came of it.
sub trainings {
	my ($server) = @_;
	return map { [split /\|/] } split /\n/, $server->sql('clinic', q{SELECT encode(s.sha256, 'hex'),
		r.training_images, encode(v.sha256, 'hex'), encode(v.weights, 'hex') FROM lesion_run r
		JOIN lesion_version v ON v.model = r.model AND v.number = r.version
		JOIN lesion_version s ON s.model = r.model AND s.number = (r.options ->> 'init_version')::int
		WHERE r.model = 'o''net_across' ORDER BY r.run});
}

# The numbers of a weight file of float32.
sub numbers {
	my ($hex) = @_;
	my $file = pack 'H*', $hex;
	return unpack 'f<*', substr $file, 8 + unpack 'Q<', $file;
}

my @north = trainings($north);
my @south = trainings($south);
is(scalar @north . scalar @south, '22', 'each hospital has trained twice');
is($north[0][0], $south[0][0], '... from the same start');
is("$north[1][0] $south[1][0]", "$means[0] $means[0]", '... and then from the mean of the first round');
for my $round (0, 1) {
	my ($n, $m) = ($north[$round][1], $south[$round][1]);
	my @a = numbers($north[$round][3]);
	my @b = numbers($south[$round][3]);
	my @by_hand = map { ($n * $a[$_] + $m * $b[$_]) / ($n + $m) } 0 .. $#a;
	my @mean = numbers($hub->sql('clinic', sprintf q{SELECT encode(weights, 'hex') FROM lesion_version
		WHERE model = 'o''net' AND number = %d}, $round + 1));
	cmp_ok(scalar @mean, '>', 1000, 'the mean of round ' . ($round + 1) . ' has numbers');
	is(unpack('H*', pack 'f<*', @mean), unpack('H*', pack 'f<*', @by_hand),
		'... that equal those by hand, bit for bit');
}
is($hub->sql('clinic', q{SELECT DISTINCT metadata -> 'across' -> 'training_images' FROM lesion_version
	WHERE model = 'o''net'}),
	"[$north[0][1], $south[0][1]]", 'the versions say of how many images');
my ($best) = $hub->sql('clinic', q{SELECT version FROM lesion_models WHERE model = 'o''net'});

# The validation Dice that it tells is that of all images together.
sub pooled {
	my ($subset, $version) = @_;
	my ($sum, $n) = (0, 0);
	for my $hospital ($north, $south) {
		my ($images, $dice) = split /\|/, $hospital->sql('clinic', "SELECT e.n, e.dice FROM lesion_evaluation e
			JOIN lesion_version v USING (model) WHERE v.number = e.version AND v.sha256 = '\\x$means[$version - 1]'
			AND e.subset = '$subset' AND model = 'o''net_across'");
		$sum += $images * $dice;
		$n += $images;
	}
	return sprintf '%s Dice %.4f on %d images', $subset, $sum / $n, $n;
}

my $again = $session->query(across(q(o''net)));
like($again, qr/\Q${\pooled('validation', $_)}\E/, "the validation score of round $_ is that of both") for 1, 2;
like($again, qr/\Q${\pooled('test', $best)}\E/, '... and so is the test score');

# ---- called again ----

# Runs of all trainings, and scores, in all hospitals.
sub work_done {
	my ($model) = @_;
	return join ' ', map { $_->sql('clinic', "SELECT (SELECT count(*) FROM lesion_run
		WHERE model = '${model}_across') || '+' ||
		(SELECT count(*) FROM lesion_evaluation WHERE model = '${model}_across')") } $north, $south;
}

is(work_done(q(o''net)), '2+5 2+5', 'called again it trains nothing, and scores nothing');
is(scalar @{[split /\n/, $hub->sql('clinic', q{SELECT number FROM lesion_version WHERE model = 'o''net'})]}, 2,
	'... and makes no version');
my $later = $session->query(across(q(o''net),
	q(, init => 'o''net', split_seed => 0, learning_rate => 1e-6, augment => 'false')));
like($later, qr/test Dice [\d.]+, that of the active version $best is [\d.]+/,
	'from the active version on: the better one stays active');
is($north->sql('clinic', q{SELECT max(n) FROM (SELECT count(*) AS n FROM lesion_evaluation
	WHERE model = 'o''net_across' AND subset = 'test' GROUP BY version) AS e}), '2',
	'... which is scored again for that, on the rows of now');

# ---- what crosses ----

# The statements that the hub has sent to a hospital.
sub statements {
	my ($server) = @_;
	my $log = $server->log_text;
	return $log =~ /^across\|LOG:  statement: (.*(?:\n\t.*)*)/mg;
}

my $prefix = 'public\.';
my $text = '::pg_catalog\.text';
my $name = "'o''net_across'$text";
my @known = (
	qr/^SELECT pg_catalog\.set_config\('client_min_messages', 'error', false\), CASE /,
	qr/^SELECT pg_catalog\.format\('%I\.', n\.nspname\), e\.extversion, t\.name FROM pg_catalog\.pg_extension /,
	qr/^SELECT v\.number, v\.number OPERATOR\(pg_catalog\.=\) m\.version FROM ${prefix}lesion_version /,
	qr/^BEGIN$/,
	qr/^CREATE TEMPORARY TABLE lesion_sent \(place int, piece bytea\) ON COMMIT DROP$/,
	qr/^INSERT INTO pg_temp\.lesion_sent VALUES \(\d+, pg_catalog\.decode\('[0-9A-Za-z+\/=]{1,32000}', 'base64'\)\)$/,
	qr/^SELECT\ ${prefix}lesion_model_import\($name,\ 
		\(SELECT\ [\w.]+\(piece,\ [^()]*\)\ FROM\ pg_temp\.lesion_sent\),\ \w+\ =>\ '[0-9a-f]{64}'$text\)$/x,
	qr/^COMMIT$/,
	qr/^SELECT ${prefix}lesion_model_promote\($name, \d+\)$/,
	qr/^SELECT\ coalesce\(v\.number,\ 0\)\ AS\ version,\ 
		coalesce\(pg_catalog\.encode\(v\.sha256,\ 'hex'\),\ ''\)\ AS\ sha256,\ 
		r\.training_images,\ r\.validation_images,\ /x,
	qr/^CALL ${prefix}lesion_retrain\(/,
	qr/^SELECT f\.weights, [\w.]+\([\w.]+\(f\.weights\), 'hex'\) FROM \(SELECT ${prefix}lesion_model_export\(/,
	qr/^SELECT n, dice FROM ${prefix}lesion_evaluat(?:ion|e)\b/,
);
my %result = ();
for my $hospital ($north, $south) {
	my @sent = statements($hospital);
	my @unknown = grep { my $sql = $_; !grep { $sql =~ $_ } @known } @sent;
	cmp_ok(scalar @sent, '>', 20, $hospital->name . "'s log has the statements that came");
	is("@unknown", '', '... all of them are of the thirteen kinds that send, train, fetch and score');
	# What such a statement gives back: asked for once more, but for those that train or import.
	my @given = map { $hospital->sql('clinic', $_) }
		grep { !/^CALL|^BEGIN|^COMMIT|lesion_model_import|lesion_sent/ } @sent;
	is(join(',', grep { length($_) > 400 && !/^\\x[0-9a-f]+\|([0-9a-f]{64})$/ } @given), '',
		'... they give weights, or little');
	is(scalar(grep { /patient|89504e47|ffd8ff/i } grep { length($_) <= 400 } @given), 0,
		'... and that names no image');
	my %mine = map { $_->[2] => 1 } trainings($hospital);
	is(scalar(grep { /\|([0-9a-f]{64})$/ && !$mine{$1} } grep { length($_) > 400 } @given), 0,
		'... weights of its trainings alone');
}
is($hub->sql('clinic', 'SELECT count(*) FROM lesion_image_score'), '0', 'the hub knows no score of an image');

# ---- asked for something else ----

# What was made for more servers, by a weight or by another split is not taken for what is asked for now.
sub plain {
	my ($model, $more, $servers) = @_;
	return qq[CALL lesion_train_across('{${\($servers // 'north')}}', '{archive}', '$model', rounds => 1,
		architecture => 'unet', config => '{"base": 4, "depth": 1}', image_size => 32, batch_size => 4,
		seed => 7$more)];
}

# The digest of the mean that a call ends with.
sub made {
	my ($model, @call) = @_;
	my ($version) = $session->query(plain($model, @call)) =~ /is finished: version (\d+)/;
	return $hub->sql('clinic', "SELECT encode(sha256, 'hex') FROM lesion_version
		WHERE model = '$model' AND number = $version");
}

$north->sql('clinic', q{ALTER TABLE archive ADD weight float8, ADD lesion text;
	UPDATE archive SET weight = 1 + length(image) % 7, lesion = 'lesion ' || length(image) % 9});
$south->sql('clinic', q{CREATE VIEW archive AS SELECT * FROM "Arch'ive"});
my $alone = made('alone', '');
my %first = (servers => ['', 'north,south'], weight => [', weight_column => \'weight\''],
	group => [', group_column => \'lesion\''], id => [', id_column => \'lesion\'']);
for my $what (sort keys %first) {
	my $other = made("other_$what", @{ $first{$what} });
	isnt($other, $alone, "with another $what it is another network");
	is(made("other_$what", ''), $alone, '... and without, it is what it is alone');
	is(made("other_$what", @{ $first{$what} }), $other, '... the first one is found again') if $what ne 'servers';
}
$south->sql('clinic', 'DROP VIEW archive');

# ---- what is gone at a hospital ----

# A version that a hospital trained may be deleted there: the hospital still scores, and the same mean is the best.
sub rounds_told { return join "\n", $_[0] =~ /(round \d of 2: .*|is finished: version \d+)/g; }

my $before = $session->query(across('deleted'));
like($before, qr/round 2 of 2: .* validation Dice .*is finished/s, 'two rounds');
$south->sql('clinic', q{DELETE FROM lesion_version USING lesion_run WHERE lesion_run.model = 'deleted_across'
	AND lesion_version.model = lesion_run.model AND number = version});
is(rounds_told($session->query(across('deleted'))), rounds_told($before),
	'a hospital without the versions that it trained scores as before');
$south->sql('clinic', q{DELETE FROM lesion_run WHERE model = 'deleted_across'});
like($session->query(across('deleted')), qr/^ERROR:  55000: server "south" has trained, and has no run to show/m,
	'... and is refused without its runs');

# ---- stopped in the middle of each step ----

# Where a hospital waits in a step: SQL that makes it wait, and SQL that undoes it.
my $wait = q{CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';};
my $export = q{CREATE OR REPLACE FUNCTION
	lesion_model_export(name text, version int DEFAULT NULL, dtype text DEFAULT NULL) RETURNS bytea};
my %steps = (
	send => ["$wait CREATE TRIGGER wait BEFORE INSERT ON lesion_version FOR EACH ROW
		WHEN (NEW.run IS NULL) EXECUTE FUNCTION wait()", 'DROP TRIGGER wait ON lesion_version'],
	train => ["$wait CREATE TRIGGER wait BEFORE INSERT ON lesion_epoch FOR EACH ROW EXECUTE FUNCTION wait()",
		'DROP TRIGGER wait ON lesion_epoch'],
	fetch => ["$export LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); END'",
		"$export LANGUAGE c STABLE AS 'lesionseg', 'lesion_model_export'"],
	score => ["$wait CREATE TRIGGER wait BEFORE INSERT ON lesion_evaluation FOR EACH ROW
		WHEN (NEW.subset = 'validation') EXECUTE FUNCTION wait()", 'DROP TRIGGER wait ON lesion_evaluation'],
);

# Start a call, and wait until a hospital sleeps.
sub begin_and_wait {
	my ($step, $model) = @_;
	$south->sql('clinic', $steps{$step}[0]);
	my $worker = $hub->session('clinic');
	$worker->start(across($model));
	for (1 .. 600) {
		return $worker if $south->sql('clinic', q{SELECT count(*) FROM pg_stat_activity
			WHERE wait_event = 'PgSleep'}) eq '1';
		select undef, undef, undef, 0.05;
	}
	die "no hospital waits in step $step\n";
}

# The digests of the means of a model.
sub means {
	my ($model) = @_;
	return $hub->sql('clinic', "SELECT string_agg(encode(sha256, 'hex'), ' ' ORDER BY number) FROM lesion_version
		WHERE model = '$model'");
}

for my $step (qw(send train fetch score)) {
	my $worker = begin_and_wait($step, $step);
	$south->stop('immediate');
	my $error = $worker->finish;
	like($error, qr/^ERROR:  [0-9A-Z]{5}: server "south": /m,
		"south stops while it is to $step: the error names it") or diag $error;
	like($worker->query(across($step)), qr/^ERROR:  08001: server "south": /m,
		'... so does that of a call while it is away');
	$worker->quit;
	$south->start;
	$south->sql('clinic', $steps{$step}[1]);
	like($session->query(across($step)), qr/is finished: version/, '... the same call ends the work');
	is(means($step), "@means", '... with the same weights');
	is(work_done($step), '2+5 2+5', '... and trains and scores nothing twice') unless $step eq 'train';
}
is($south->sql('clinic', q{SELECT string_agg(state, ' ' ORDER BY run) FROM lesion_runs WHERE model = 'train_across'}),
	'lost finished finished', 'a training that died in its first epoch begins anew');
is($north->sql('clinic', q{SELECT string_agg(state, ' ' ORDER BY run) FROM lesion_runs WHERE model = 'train_across'}),
	'finished finished', '... the other hospital had finished its own');

# Cancelled, and the hub's process gone: the hospital does not go on.
sub sleeps { return $south->sql('clinic', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}); }

# The same, when the hospital has had time to notice.
sub sleeps_at_last {
	for (1 .. 200) {
		last unless sleeps();
		select undef, undef, undef, 0.1;
	}
	return sleeps();
}

# Does a session of the hub end what it is at within some seconds?
sub ends_soon {
	my ($busy) = @_;
	my $state = 'SELECT state FROM pg_stat_activity WHERE pid = ' . $busy->pid;
	for (1 .. 50) {
		return 1 if $hub->sql('postgres', $state) eq 'idle';
		select undef, undef, undef, 0.1;
	}
	return 0;
}

my $worker = begin_and_wait('train', 'cancelled');

is($hub->sql('postgres', 'SELECT backend_xmin FROM pg_stat_activity WHERE pid = ' . $worker->pid), '',
	'a call that waits for a training keeps VACUUM from nothing');

# The hospital's server takes connections and says nothing, so a request to cancel would wait for good.
my ($postmaster) = $south->sql('postgres', q{SELECT pg_read_file('postmaster.pid')}) =~ /^(\d+)/;
kill 'STOP', $postmaster;
$hub->sql('postgres', 'SELECT pg_cancel_backend(' . $worker->pid . ')');
ok(ends_soon($worker), 'a call ends when it is cancelled, whatever a hospital does');
kill 'CONT', $postmaster;
like($worker->finish, qr/^ERROR:  57014: /, 'a call is cancelled');
is(sleeps_at_last(), '0', '... and so is what the hospital was at');
is($worker->query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'object'}), '0', '... no lock is left');
is($worker->query(q{SELECT "it's %s".dblink_get_connections()}), '', '... and no connection');

# The time is up while a hospital takes its time to let the call in: nobody gets a connection from that.
$south->sql('postgres', 'ALTER SYSTEM SET pre_auth_delay = 1');
$south->sql('postgres', 'SELECT pg_reload_conf()');
select undef, undef, undef, 0.5;
$worker->query(q{SET statement_timeout = '500ms'});
like($worker->query(across('late')), qr/^ERROR:  57014: /, 'a call that logs in has a time limit');
is($worker->query(q{SELECT "it's %s".dblink_get_connections()}), '', '... which leaves no connection');
$worker->query('RESET statement_timeout');
$south->sql('postgres', 'ALTER SYSTEM RESET pre_auth_delay');
$south->sql('postgres', 'SELECT pg_reload_conf()');

$worker->start(across('cancelled'));
select undef, undef, undef, 0.05 until sleeps();
$hub->sql('postgres', 'SELECT pg_terminate_backend(' . $worker->pid . ')');
is(sleeps_at_last(), '0', 'the process of a call ends: the hospital notices');
$south->sql('clinic', $steps{train}[1]);
like($session->query(across('cancelled')), qr/is finished: version/, '... and the same call ends the work');
is(means('cancelled'), "@means", '... with the same weights');

# Cancelled at one hospital while another is at work: that one finishes what it is at.
my $holder = $north->session('clinic');
$holder->query('SELECT pg_advisory_lock(1)');
$north->sql('clinic', $steps{train}[0] =~ s/pg_sleep\(600\)/pg_advisory_xact_lock(1)/r);
$worker = begin_and_wait('train', 'there');
$south->sql('clinic', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$worker->wait_for(qr/WARNING/);
$holder->quit;
like($worker->finish, qr/WARNING:.*server "south": .*The other servers finish.*^ERROR:  57014: server "south": /ms,
	'a hospital cancels: the error names it');
$worker->quit;
is($_->sql('clinic', q{SELECT state FROM lesion_runs WHERE model = 'there_across'}),
	$_ == $north ? 'finished' : 'cancelled', '... and it is the only one that ends its training') for $north, $south;
$_->sql('clinic', $steps{train}[1]) for $north, $south;

# The schema of dblink gets another name while a hospital trains, and its name gets another schema.
$holder = $south->session('clinic');
$holder->query('SELECT pg_advisory_lock(1)');
$south->sql('clinic', $steps{train}[0] =~ s/pg_sleep\(600\)/pg_advisory_xact_lock(1)/r);
$worker = $hub->session('clinic');
$worker->start(across('moved'));
my $asks = 0;
until ($south->sql('clinic', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted})) {
	die "no hospital waits\n" if $asks++ > 2400;
	select undef, undef, undef, 0.05;
}
$hub->sql('clinic', q{ALTER SCHEMA "it's %s" RENAME TO moved; CREATE SCHEMA "it's %s";
	CREATE FUNCTION "it's %s".dblink_get_result(text) RETURNS SETOF record LANGUAGE plpgsql
	AS 'BEGIN RAISE EXCEPTION ''not ours''; END'});
$holder->quit;
like($worker->finish, qr/is finished: version/, 'dblink is found whatever its schema is called');
$worker->quit;
$hub->sql('clinic', q{DROP SCHEMA "it's %s" CASCADE; ALTER SCHEMA moved RENAME TO "it's %s"});
$south->sql('clinic', $steps{train}[1]);

# A commit of the hub fails.
$hub->sql('clinic', q{CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
	CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON lesion_version DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION fail()});
like($session->query(across('commit')), qr/^ERROR:  P0001: no/m, 'a commit fails');
is($session->query(q{SELECT "it's %s".dblink_get_connections()}), '', '... no connection is left');
$hub->sql('clinic', 'DROP TRIGGER fail ON lesion_version');
like($session->query(across('commit')), qr/is finished: version/, '... and the same call ends the work');
is(means('commit'), "@means", '... with the same weights');

# In a transaction that is rolled back the hub forgets its part.
like($session->query('BEGIN;' . across('block') . '; ROLLBACK'), qr/is finished/, 'a call in a transaction');
like($session->query(across('block')), qr/is finished: version/, '... that was rolled back, and again');
is(means('block'), "@means", '... with the same weights');
is(work_done('block'), '2+5 2+5', '... which the hospitals had already');

# Memory of the hub's process does not grow from round to round.
sub memory {
	my ($round) = @_;
	$session->wait_for(qr/round $round of/);
	my $before = length $hub->log_text;
	my $used = qr/Grand total: .* (\d+) used/;
	$hub->sql('postgres', 'SELECT pg_log_backend_memory_contexts(' . $session->pid . ')');
	select undef, undef, undef, 0.05 until substr($hub->log_text, $before) =~ $used;
	return $1;
}
$session->start(q{CALL lesion_train_across('{north}', '{archive}', 'long', rounds => 12, architecture => 'unet',
	config => '{"base": 4, "depth": 1}', image_size => 32)});
my $early = memory(2);
cmp_ok(memory(10) - $early, '<', 400_000, 'memory stays as it is from round to round');
$session->finish;

# ---- limited before it leaves ----

$session->query('SET extra_float_digits = -15');
$session->query(across('limited', q(, architecture => 'unet', clip_norm => 0.01, learning_rate => 0.0123456)));
$session->query('RESET extra_float_digits');
my $sha256 = $hub->sql('clinic', q{SELECT encode(sha256, 'hex') FROM lesion_version
	WHERE model = 'limited' AND number = 1});
my ($trained, $mean) = split /\|/, $north->sql('clinic', qq{SELECT lesion_weights_distance(v.weights, s.weights),
	lesion_weights_distance(m.weights, s.weights)
	FROM (SELECT * FROM lesion_run WHERE model = 'limited_across' ORDER BY run LIMIT 1) r
	JOIN lesion_version v ON v.model = r.model AND v.number = r.version
	JOIN lesion_version s ON s.model = r.model AND s.number = (r.options ->> 'init_version')::int
	JOIN lesion_version m ON m.model = r.model AND m.sha256 = '\\x$sha256'});
cmp_ok($trained, '>', 0.02, 'a hospital has moved the weights');
cmp_ok($mean, '<=', 0.010001, '... and the mean by no more than clip_norm lets it');
cmp_ok($mean, '>', 0.001, '... and by something');
my $digests = $hub->sql('clinic', q{SELECT metadata #>> '{across,sha256}' FROM lesion_version
	WHERE model = 'limited' AND number = 1});
like($digests, qr/[0-9a-f]{64}/, 'the mean names the digest of what arrived');
is($north->sql('clinic', qq{SELECT count(*) FROM lesion_run r JOIN lesion_version v ON v.model = r.model
	AND v.number = r.version WHERE r.model = 'limited_across' AND strpos('$digests', encode(v.sha256, 'hex')) > 0}),
	'0', '... and of nothing that stayed at home');
like($north->sql('clinic', q{SELECT options ->> 'learning_rate' FROM lesion_run WHERE model = 'limited_across'}),
	qr/^0\.\d{16,}$/m, '... and numbers arrive whole, however the session prints them');

# Who drops the model at a hospital once it has trained, and makes versions of the same numbers, is not in the mean.
$north->sql('clinic', q{SET allow_system_table_mods = on;
	ALTER FUNCTION pg_catalog.encode(bytea, text) RENAME TO honest;
	CREATE FUNCTION pg_catalog.encode(bytea, text) RETURNS text LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN pg_catalog.honest($1, $2); END'});
my $keeper = $north->session('clinic');
$keeper->query('SELECT pg_advisory_lock(4711)');
$session->start(across('swapped', q(, architecture => 'unet', clip_norm => 0.01)));
for (1 .. 300) {
	last if $north->sql('clinic', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
	select undef, undef, undef, 0.1;
}
$south->sql('clinic', q{CREATE TEMP TABLE file AS
		SELECT weights FROM lesion_version WHERE model = 'limited_across' LIMIT 1;
	DELETE FROM lesion_model WHERE name = 'swapped_across';
	SELECT lesion_model_import('swapped_across', weights) FROM file, generate_series(1, 2)});
$keeper->quit;
like($session->finish, qr/^ERROR:  55000: server "south" no longer has what it trained, or what it started from/m,
	'versions that another made since are not fetched');
$north->sql('clinic', q{SET allow_system_table_mods = on; DROP FUNCTION pg_catalog.encode(bytea, text);
	ALTER FUNCTION pg_catalog.honest(bytea, text) RENAME TO encode});

# ---- what is refused ----

refused(q{CALL lesion_train_across('{}', '{a}', 'net')}, qr/^ERROR:  22023: servers is empty/, 'no servers');
refused(q{CALL lesion_train_across('{north,north}', '{a}', 'net')},
	qr/^ERROR:  22023: server "north" is named twice/, 'one twice');
refused(q{CALL lesion_train_across('{north,NULL}', '{a}', 'net')}, qr/^ERROR:  22004: element 2 of servers is NULL/,
	'a NULL');
refused(q{CALL lesion_train_across('{north,south}', '{a,b,c}', 'net')},
	qr/^ERROR:  22023: images has 3 names for 2 servers/,
	'too many tables');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', rounds => 0)}, qr/^ERROR:  22023: rounds is 0/,
	'no rounds');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', noise_multiplier => 1)},
	qr/^ERROR:  22023: noise_multiplier needs/,
	'noise alone');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', clip_norm => 'NaN')},
	qr/^ERROR:  22023: clip_norm is nan/i,
	'a limit that is no number');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', clip_norm => 1e40)},
	qr/^ERROR:  22023: clip_norm is 1e\+40, it must be from/,
	'a limit out of range');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', clip_norm => 1, noise_multiplier => -1)},
	qr/^ERROR:  22023: noise_multiplier is -1, it must be from/,
	'noise out of range');
refused(q{CALL lesion_train_across('{north}', '{archive}', 'unet', options => '{"fold": 1}', test_fraction => 0.2)},
	qr/^ERROR:  22023: fold is/, 'folds');
refused(q{CALL lesion_train_across('{"host=/tmp password=hush"}', '{archive}', 'unet')},
	qr/^ERROR:  42704: server "host=/,
	'what dblink would take for the parameters of a connection');
refused(across('m' x 57), qr/^ERROR:  42602: "m+" is too long a name.*_across"/s, 'a name that is too long there');
refused(q{CALL lesion_train_across('{north,south}', '{archive}', 'unet')},
	qr/^ERROR:  42P01: server "south": table archive does not exist/, 'a table that one hospital lacks');
$south->sql('clinic', q{SELECT lesion_model_create('odd_across', 'linknet')});
refused(across('odd'), qr/^ERROR:  22P03: server "south": weights: the file is for "unet", not for "linknet"/m,
	'another architecture there');
$hub->sql('clinic', q{CREATE SERVER lost FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '/nowhere');
	CREATE USER MAPPING FOR CURRENT_USER SERVER lost OPTIONS (user 'nurse', password 'hush')});
unlike(refused(q{CALL lesion_train_across('{lost}', '{archive}', 'unet')}, qr/^ERROR:  08001: server "lost": /m,
	'a server that is not there'), qr/hush/, '... and its password is in no message');
$south->sql('clinic', q{UPDATE pg_extension SET extversion = '0.2' WHERE extname = 'lesionseg'});
refused(across('net'), qr/^ERROR:  55000: server "south" has lesionseg 0\.2, this one has/m, 'another release there');
$south->sql('clinic', q{UPDATE pg_extension SET extversion = '0.3' WHERE extname = 'lesionseg'});

# A hospital that says what it likes.
my $door = Door->new($south->host, '0.3', "\xff\xff\xff");
$hub->sql('clinic', sprintf q{CREATE SERVER liar FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', dbname 'clinic');
	CREATE USER MAPPING FOR CURRENT_USER SERVER liar OPTIONS (user '%s')}, $door->directory, $ENV{PGUSER});
refused(q{CALL lesion_train_across('{liar}', '{"\\"Arch''ive\\""}', 'unet')},
	qr/^ERROR:  22021: server "liar" gives text that is not in this database's encoding/m, 'bytes that are no text');
$south->sql('clinic', q{SET allow_system_table_mods = on;
	ALTER FUNCTION pg_catalog.encode(bytea, text) RENAME TO honest;
	CREATE TABLE digits (n int); INSERT INTO digits VALUES (64);
	CREATE FUNCTION pg_catalog.encode(bytea, text) RETURNS text LANGUAGE sql
	AS $$SELECT pg_catalog.repeat('z', n) FROM public.digits$$});
refused(across('cancelled'), qr/^ERROR:  22000: server "south" gives a training .* SHA-256 "z{64}"/m,
	'a digest that is none');
$south->sql('clinic', q{CREATE OR REPLACE FUNCTION pg_catalog.encode(bytea, text) RETURNS text LANGUAGE plpgsql
	AS $$BEGIN RAISE EXCEPTION 'all is well' USING ERRCODE = '01000'; END$$});
refused(across('cancelled'), qr/^ERROR:  08P01: server "south": all is well/m, 'an error with the code of a warning');
$south->sql('clinic', q{CREATE OR REPLACE FUNCTION pg_catalog.encode(bytea, text) RETURNS text LANGUAGE sql
	AS $$SELECT pg_catalog.repeat('z', n) FROM public.digits$$});
$south->sql('clinic', 'UPDATE digits SET n = 200000000');
$session->query(q{SET lesionseg.max_memory = '16MB'});
my $resident = $session->forget_peak;
refused(across('cancelled'), qr/^ERROR:  54000: server "south": the answer takes more than lesionseg.max_memory/m,
	'an answer without end');
cmp_ok($session->peak - $resident, '<', 100_000, '... is left before it has come');
$session->query('RESET lesionseg.max_memory');
$south->sql('clinic', q{SET allow_system_table_mods = on; DROP FUNCTION pg_catalog.encode(bytea, text);
	ALTER FUNCTION pg_catalog.honest(bytea, text) RENAME TO encode});

# A hospital that sends notifications beside its answers, each below the limit.
$south->sql('clinic', q{CREATE FUNCTION public.shout() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
	EXECUTE 'LISTEN x';
	PERFORM pg_notify('x', i || ':' || txid_current() || repeat('a', 7900)) FROM generate_series(1, 1000) AS i;
	RETURN true; END$$});
my $models_view = $south->sql('clinic', q{SELECT rtrim(pg_get_viewdef('lesion_models'::regclass), ';')});
my $models_name = $south->sql('clinic', q{SELECT format('%I.lesion_models', n.nspname) FROM pg_class AS c
	JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = 'lesion_models'::regclass});
$south->sql('clinic',
	"CREATE OR REPLACE VIEW $models_name AS SELECT * FROM ($models_view) AS h WHERE (SELECT public.shout())");
$session->query(q{SET lesionseg.max_memory = '16MB'});
refused(q{CALL lesion_train_across('{south}', '{"\\"Arch''ive\\""}', 'shouted', rounds => 8, architecture => 'unet',
	config => '{"base": 4, "depth": 1}', image_size => 32)},
	qr/^ERROR:  54000: what servers sent beside their answers takes more than lesionseg.max_memory/m,
	'notifications without end');
$session->query('RESET lesionseg.max_memory');
$south->sql('clinic', "CREATE OR REPLACE VIEW $models_name AS $models_view");
$south->sql('clinic', 'DROP FUNCTION public.shout()');

# A hospital that stops reading while weights come.
my $deaf = Door->new($south->host, undef, undef, 'lesion_sent VALUES (2,');
$hub->sql('clinic', sprintf q{CREATE SERVER deaf FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', dbname 'clinic');
	CREATE USER MAPPING FOR CURRENT_USER SERVER deaf OPTIONS (user '%s')}, $deaf->directory, $ENV{PGUSER});
$worker = $hub->session('clinic');
$worker->start(q{CALL lesion_train_across('{deaf}', '{"\\"Arch''ive\\""}', 'large', architecture => 'unet',
	config => '{"base": 16, "depth": 3}', image_size => 32)});
for (1 .. 200) {
	last if $south->log_text =~ /lesion_sent VALUES \(2,/;
	select undef, undef, undef, 0.1;
}
ok(!ends_soon($worker), 'a hospital that stops reading keeps a call waiting');
$hub->sql('postgres', 'SELECT pg_cancel_backend(' . $worker->pid . ')');
ok(ends_soon($worker), '... that ends when it is cancelled');
like($worker->finish, qr/^ERROR:  57014: /m, '... as cancelled');
$worker->quit;

# A mean that another role made is none to go on with.
$hub->sql('clinic', q{SET session_replication_role = replica;
	UPDATE lesion_version SET created_by = 'somebody' WHERE model = 'cancelled'});
like($session->query(across('cancelled')), qr/round 1 of 2: version \d*[3-9] of model "cancelled"/,
	'a mean of another role is made again');

# What others have there: scores of the same versions, and a function that takes other types.
sub dices { return join ' ', $_[0] =~ /Dice ([0-9.]+)/g; }
my $honest = dices($session->query(across('cancelled')));
$south->sql('clinic', q{CREATE ROLE porter LOGIN; GRANT SELECT ON "Arch'ive" TO porter;
	GRANT INSERT ON lesion_evaluation, lesion_image_score TO porter});
$south->sql('clinic', q{SET ROLE porter; SELECT count(*) FROM (VALUES ('validation'), ('test')) AS p (part),
	lesion_version AS v, lesion_evaluate('"Arch''ive"', 'cancelled_across', subset => p.part, version => v.number,
	threshold => 0.999) WHERE v.model = 'cancelled_across'});
is(dices($session->query(across('cancelled'))), $honest, 'scores that others made there count for nothing');
$south->sql('clinic', q{CREATE FUNCTION lesion_evaluate(regclass, text, subset text, image_column text,
	mask_column text, id_column text, split_seed bigint, test_fraction numeric, version int, group_column text,
	validation_fraction numeric, OUT n bigint, OUT dice float8)
	LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not ours''; END'});
like($session->query(across('others')), qr/is finished: version/, '... nor does a function of the same name');
$south->sql('clinic', 'DROP FUNCTION lesion_evaluate(regclass, text, text, text, text, text, bigint, numeric, int, text,
	numeric)');

# ... and versions of the same weights, imported or calibrated to be used in another way.
$south->sql('clinic', q{GRANT INSERT ON lesion_model, lesion_version, lesion_promotion TO porter; SET ROLE porter;
	SELECT lesion_model_import('lure_across', weights, threshold => 0.999, image_size => 16)
	FROM lesion_version WHERE model = 'cancelled_across' AND run IS NULL ORDER BY number});
my ($fair) = $honest =~ /^(\S+ \S+ \S+)/;	# without a version to compare with
is(dices($session->query(across('lure'))), $fair, 'weights that others brought there count for nothing');
is(means('lure'), "@means", '... the means are those that were trained');
$south->sql('clinic', q{SELECT lesion_calibrate('lure_across', '"Arch''ive"', 'all', version => number,
	promote => 'always') FROM lesion_version WHERE model = 'lure_across' AND run IS NULL AND created_by = current_user
	ORDER BY number});
is(dices($session->query(across('lure'))), $fair, '... nor do those that were calibrated');
is($south->sql('clinic', q{SELECT count(*) FROM lesion_version WHERE model = 'lure_across' AND run IS NULL
	AND created_by = current_user AND metadata = '{}'}), '3', '... and nothing is sent twice');

# Numbers of images that cannot be.
$south->sql('clinic', q{SET session_replication_role = replica;
	UPDATE lesion_evaluation SET n = 9223372036854775807, dice = 1 WHERE model = 'lure_across'});
refused(across('lure'), qr/^ERROR:  22000: server "south" gives a Dice of 1 on 9223372036854775807 images/m,
	'a score on more images than there are');
$south->sql('clinic', q{SET session_replication_role = replica;
	UPDATE lesion_run SET test_images = 2147483647 WHERE model = 'lure_across'});
refused(across('lure'), qr/^ERROR:  22000: server "south" gives a training .*, 2147483647 to test\)/m,
	'... and a training');
$south->sql('clinic', q{SET session_replication_role = replica;
	UPDATE lesion_run SET test_images = NULL WHERE model = 'lure_across'});
refused(across('lure'), qr/^ERROR:  22004: server "south" gives NULL as test_images/m, '... and none at all');

# Rights: here, at the server, there.
$hub->sql('clinic', 'CREATE ROLE nurse LOGIN');
$session->query('SET ROLE nurse');
refused(across('net'), qr/^ERROR:  42501: permission denied for table lesion_version/m,
	'a role that may not train here');
$session->query('RESET ROLE; GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO nurse; SET ROLE nurse');
refused(across('net'), qr/^ERROR:  42704: server "north": user mapping not found/m, '... that has no user mapping');
$session->query('RESET ROLE; CREATE USER MAPPING FOR nurse SERVER north; SET ROLE nurse');
refused(across('net'), qr/^ERROR:  42501: server "north": permission denied for foreign server/m,
	'... that may not use the server');
$session->query('RESET ROLE; GRANT USAGE ON FOREIGN SERVER north TO nurse; SET ROLE nurse');
refused(across('net'), qr/^ERROR:  2F003: server "north": password/m,
	'... that would be let in by no password of its own');
$session->query('RESET ROLE');
$south->sql('clinic', 'CREATE ROLE nurse LOGIN');
$hub->sql('clinic', q{ALTER USER MAPPING FOR CURRENT_USER SERVER south OPTIONS (SET user 'nurse')});
refused(across('rights'), qr/^ERROR:  42501: server "south": permission denied for table lesion_/m,
	'a role that may not train there');
$south->sql('clinic', 'GRANT INSERT ON lesion_model, lesion_version, lesion_promotion, lesion_run, lesion_epoch,
	lesion_evaluation, lesion_image_score TO nurse; GRANT UPDATE ON lesion_run TO nurse;
	GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO nurse');
refused(across('rights'), qr/^ERROR:  42501: server "south": permission denied for column "image" of "Arch'ive"/m,
	'... nor see the images');
$south->sql('clinic', q{GRANT SELECT ON "Arch'ive" TO nurse});
like($session->query(across('rights')), qr/is finished: version/,
	'a role with the rights that docs/many-servers.md names');
is(means('rights'), "@means", '... trains the same weights');
done_testing();
