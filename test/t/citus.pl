# citus.pl: a coordinator and two workers of Citus, by the statements of
# docs/many-servers.md. Where Citus is not installed, the test is skipped.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql);
use Servers qw(recipe);
use Citus qw(start_citus);
use Test::More;

plan skip_all => 'Citus is not installed'
	unless run_sql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'});

my ($hub, @workers) = start_citus(8, log_statement => 'all');
my ($east, $west) = @workers;
my $quiet = 'SET client_min_messages = error;';
is($_->sql('clinic', q{SELECT count(*) FROM lesion_models WHERE version = 0}), 5, 'lesionseg is on ' . $_->name)
	for @workers;

# A model trained on the coordinator goes to all workers.
my $images = q{SELECT 'lesion-' || seed, s.image, s.mask FROM generate_series(1, 120) AS seed,
	lesion_synthetic(seed, 48, 48) AS s};
$hub->sql('clinic', "INSERT INTO archive $images; CREATE TABLE one (LIKE archive); INSERT INTO one $images");
$hub->sql('clinic', qq{$quiet SELECT lesion_train('one', 'net', 2, architecture => 'unet', image_size => 32,
	batch_size => 4, config => '{"base": 4, "depth": 1}', id_column => 'id')});
my $answers = join "\n", map { $_->host . '|t|1' } sort { $a->host cmp $b->host } @workers;
my $sent = $hub->sql('clinic', recipe(qr/run_command_on_workers.*lesion_model_import/));
is(join("\n", sort split /\n/, $sent), $answers, 'a trained model goes to all workers');
my $at_work = recipe(qr/'%s %s %s'/);
like($hub->sql('clinic', $at_work), qr/\A[^|]*\|t\|net 1 (\w{64})\n[^|]*\|t\|net 1 \1\n[^|]*\|t\|net 1 \1\z/,
	'... with the same SHA-256');

# Scores are made on the shards, by three ways to segment.
my $sha = $hub->sql('clinic', q{SELECT sha256 FROM lesion_models WHERE model = 'net'});
my %mask = (
	lesion_segment => q{lesion_segment(image, 'net')},
	lesion_segment_pinned => "lesion_segment_pinned(image, '$sha', image_size => 32)",
	lesion_segment_detail => q{(lesion_segment_detail(image, 'net')).mask},
);
for my $name (sort keys %mask) {
	my $score = "SELECT lesion_score($mask{$name}, mask) FROM";
	like($hub->sql('clinic', "EXPLAIN (VERBOSE, COSTS OFF) $score archive"),
		qr/coord_combine_agg.*Citus Adaptive.*Query: SELECT pg_catalog\.worker_partial_agg\('public\.lesion_score\(/s,
		"$name: lesion_score is sent to the shards");
	is($hub->sql('clinic', "$score archive"), $hub->sql('clinic', "$score one"), '... and is that of one server');
	my $state = "SELECT lesion_score_state($mask{$name}, mask) FROM";
	is($hub->sql('clinic', "$state archive"), $hub->sql('clinic', "$state one"), '... as is lesion_score_state');
}
is($hub->sql('clinic', "SELECT lesion_score_merge(state) FROM
		(SELECT lesion_score_state($mask{lesion_segment_pinned}, mask) AS state FROM archive GROUP BY id) AS s"),
	$hub->sql('clinic', "SELECT lesion_score($mask{lesion_segment_pinned}, mask) FROM one"),
	'... and what lesion_score_merge makes of states of shards');

# Masks that stay on the shards: by a generated column, INSERT ... SELECT and UPDATE.
$hub->sql('clinic', "CREATE TABLE pinned (id text PRIMARY KEY, image bytea,
	mask bytea GENERATED ALWAYS AS ($mask{lesion_segment_pinned}) STORED)");
$hub->sql('clinic', q{SELECT create_distributed_table('pinned', 'id', colocate_with => 'archive')});
$hub->sql('clinic', 'INSERT INTO pinned (id, image) SELECT id, image FROM archive');
my $masks_of = sub { $hub->sql('clinic', "SELECT md5(string_agg($_[0], '' ORDER BY id)) FROM $_[1]") };
my $expected = $masks_of->($mask{lesion_segment_pinned}, 'one');
is($masks_of->('mask', 'pinned'), $expected, 'a generated column has the masks');
$hub->sql('clinic', 'DROP TABLE pinned; CREATE TABLE pinned (id text PRIMARY KEY, mask bytea)');
$hub->sql('clinic', q{SELECT create_distributed_table('pinned', 'id', colocate_with => 'archive')});
my $insert = "INSERT INTO pinned (id, mask) SELECT id, $mask{lesion_segment_pinned} FROM archive";
unlike($hub->sql('clinic', "EXPLAIN (COSTS OFF) $insert"), qr/INSERT\/SELECT method/,
	'INSERT ... SELECT runs on the shards');
$hub->sql('clinic', $insert);
is($masks_of->('mask', 'pinned'), $expected, '... and makes the same masks');
$hub->sql('clinic', "UPDATE archive SET mask = $mask{lesion_segment_pinned}");
is($masks_of->('mask', 'archive'), $expected, '... as does UPDATE');
my $session = $hub->session('clinic');
like($session->query("UPDATE archive SET mask = $mask{lesion_segment}"),
	qr/STABLE functions used in UPDATE queries cannot be called with column references/,
	'an UPDATE by lesion_segment is refused by Citus');
$hub->sql('clinic', "TRUNCATE pinned; INSERT INTO pinned (id, mask) SELECT id, $mask{lesion_segment} FROM archive");
is($masks_of->('mask', 'pinned'), $masks_of->($mask{lesion_segment}, 'one'), '... and INSERT ... SELECT works with it');

# Each node segments the images of its own shards, and asks no other for any.
my $fetches = qr/LOG:  (?:statement|execute [^:]*): .*public\.archive_\d+/;
my $read = sub { scalar(() = map { $_->log_text =~ /$fetches/g } $hub, @workers) };
my $before = $read->();
$hub->sql('clinic', 'SELECT count(image) FROM archive');
cmp_ok($read->(), '>', $before, "what reads shards is in the nodes' logs");
$hub->sql('clinic', recipe(qr/^CREATE PROCEDURE predict_shards/));
$before = $read->();
my $predict = recipe(qr/CALL predict_shards/);
is(scalar(() = $hub->sql('clinic', $predict) =~ /\|t\|CALL$/mg), 3, 'each node segments its shards');
is($read->(), $before, '... and reads no other');
is($hub->sql('clinic', 'SELECT images, count(*), count(DISTINCT id) FROM masks GROUP BY images'),
	'public.archive|120|120', 'each image has one mask, in the name of the distributed table');
is($masks_of->('mask', 'masks'), $masks_of->($mask{lesion_segment}, 'one'), '... and it is that of one server');
is($hub->sql('clinic', 'SELECT sum(images), sum(invalid) FROM lesion_drift($$masks$$)'), '120|0',
	'the coordinator reads them: lesion_drift');
is($hub->sql('clinic', 'SELECT count(*) FROM masks AS m JOIN archive AS a USING (id), lesion_reproduce(m, a.image) AS r
	WHERE r.agrees'), 120, '... and makes them again');
like($hub->sql('clinic', 'SELECT r.reason FROM (SELECT * FROM masks LIMIT 1) AS m, lesion_reproduce(m) AS r'),
	qr/^the images are in the shards of a distributed table; give the image too/,
	'... but does not find an image by its name alone');
$hub->sql('clinic', q{INSERT INTO archive SELECT 'late', image, mask FROM one LIMIT 1});
$hub->sql('clinic', "$quiet CALL lesion_predict('archive', 'net', 'masks')");
is($hub->sql('clinic', 'SELECT count(*) FROM masks'), 121, 'lesion_predict of the coordinator does the rest');

# A node that is down has a name, and the same call ends the work when it is back.
$west->stop('immediate');
my $named = quotemeta $west->host;
like($session->query("SELECT lesion_score($mask{lesion_segment_pinned}, mask) FROM archive"), qr/ERROR: .*$named/,
	'a score without a node is an error that names it');
$west->start;
$hub->sql('clinic', 'TRUNCATE masks');
$session->start($predict =~ s/'net'/'linknet'/r);
for (1 .. 1200) {
	last if $west->sql('clinic', q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL predict_shards%'
		AND application_name LIKE 'citus_run_command%'});
	select undef, undef, undef, 0.02;
}
$west->stop('immediate');
my $done = $session->finish;
like($done, qr/^$named\|f\|/m, 'a node that stops while it predicts is named');
like($done, qr/^\Q@{[$east->host]}\E\|t\|CALL$/m, '... and the other does its work');
$west->start;
unlike($hub->sql('clinic', $predict =~ s/'net'/'linknet'/r), qr/\|f\|/, '... and the same call works when it is back');
is($hub->sql('clinic', 'SELECT count(*), count(DISTINCT id), count(mask) FROM masks'), '121|121|121',
	'... and each image has one mask');
$session->quit;
done_testing();
