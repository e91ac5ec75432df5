# many.pl: a coordinator and two hospitals, each a server of its own, by the
# statements of docs/many-servers.md. Models travel both ways, nodes work on
# their own rows, and one that stops in the middle goes on when it is back.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(fresh_database fill_archive);
use Servers qw(start_servers recipe);
use Test::More;

my ($hub, @hospitals) = start_servers(qw(hub north south));
my ($north, $south) = @hospitals;
for my $server ($hub, @hospitals) {
	$server->on(sub { fresh_database('clinic') });
	$server->sql('clinic', 'CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw');
}

# A model of the north, used in its own way.
$north->on(sub { fill_archive('clinic', 24, 48) });
my $quiet = 'SET client_min_messages = error;';
my $net = q{architecture => 'unet', image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
$north->sql('clinic', qq{$quiet SELECT lesion_train('archive', 'net', 2, $net);
	SELECT lesion_model_import('net', lesion_model_export('net'), traits => '{"threshold": 0.30000000000000004,
		"temperature": 1.7320508075688772, "review_below": 0.7, "enhance": "auto", "image_size": 64}')});
my $is = q{SELECT sha256, lesion_model_traits(model, version) FROM lesion_models WHERE model = 'net'};
my $sent = $north->sql('clinic', $is);
like($sent, qr/"threshold": 0\.30000000000000004\b/, 'a model with traits of its own');
is($hub->sql('clinic', recipe(qr/host=north/)), 1, 'a model is fetched');
is($hub->sql('clinic', $is), $sent, '... as it was');
is($hub->sql('clinic', recipe(qr/host=south/)), 1, 'a model is sent');
is($south->sql('clinic', $is), $sent, '... as it was');
my $probabilities = q{SELECT md5(string_agg(probability, '' ORDER BY seed)) FROM generate_series(1, 8) AS seed,
	lesion_synthetic(seed, 48, 48) AS s, lesion_segment_detail(s.image, 'net')};
is($south->sql('clinic', $probabilities), $north->sql('clinic', $probabilities), '... with the same probabilities');

# What is not what was meant is refused, and so is what does not arrive.
my $session = $hub->session('clinic');
my $other = recipe(qr/host=north/) =~ s/model, version\), sha256/'unet'), sha256/r;
like($session->query($other), qr/ERROR:  XX001: these weights have the SHA-256 \w+, which is not weights_sha256/,
	'other weights are refused');
$north->stop('immediate');
like($session->query(recipe(qr/host=north/)),
	qr/ERROR:  08001: .*\nDETAIL:  connection to server .*\Q@{[$north->host]}\E/,
	'a server that is down is an error that names it');
is($hub->sql('clinic', q{SELECT versions FROM lesion_models WHERE model = 'net'}), 1, '... and nothing came');
$north->start;
like($session->query(recipe(qr/host=north/)), qr/^2$/, '... and the same call works when it is back');
$session->quit;

# One archive on two nodes: 40 rows on one, 60 on the other.
$_->sql('clinic', 'DROP TABLE IF EXISTS archive') for @hospitals;
my %rows = (north => 40, south => 60);
for my $server (@hospitals) {
	my $name = $server->name;
	$server->sql('clinic', recipe(qr/^CREATE TABLE archive.*DEFAULT/) =~ s/north/$name/gr);
	$server->sql('clinic', "INSERT INTO archive SELECT '$name-' || seed, s.image, CASE WHEN seed <> 7 THEN s.mask END
		FROM generate_series(1, $rows{$name}) AS seed, lesion_synthetic(seed, 48, 48) AS s");
}
$hub->sql('clinic', recipe(qr/^CREATE EXTENSION postgres_fdw.*PARTITION BY/s) =~ s/^CREATE EXTENSION.*\n//gmr);
$hub->sql('clinic', recipe(qr/^CREATE SERVER north/, $_->name) =~ s/'night'/'$ENV{PGUSER}'/r) for @hospitals;
$hub->sql('clinic', recipe(qr/^CREATE FUNCTION ask_nodes/));
my $predict = recipe(qr/CALL lesion_predict/);
is($hub->sql('clinic', $predict), "north|CALL|\nsouth|CALL|", 'each node segments its own rows');
like($hub->sql('clinic', recipe(qr/%s images/)),
	qr/\Anorth\|40 images, 40 masks, version 2, weights (\w+)\|\nsouth\|60 images, 60 masks, version 1, weights \1\|\z/,
	'... by the same weights');

# One server with all rows.
$hub->sql('clinic', q{CREATE TABLE everything AS SELECT * FROM archive; ALTER TABLE everything ADD PRIMARY KEY (id);
	CREATE TABLE all_masks (LIKE lesion_prediction)});
$hub->sql('clinic', qq{$quiet CALL lesion_predict('everything', 'net', 'all_masks')});
is($hub->sql('clinic', 'SELECT count(*) FROM masks JOIN all_masks AS a USING (id, mask, predicted_dice, image_sha256)'),
	100, 'masks are those of one server');
my $one = $hub->sql('clinic', q{SELECT lesion_score(lesion_segment(image, 'net'), mask) FROM everything});
my $score = recipe(qr/lesion_score_merge/);
is($hub->sql('clinic', $score), "$one|",
	'so is the score, to the last bit');
like($one, qr/^\(98,.*,2\)$/, '... of 98 images, and 2 without a mask');
my $report = recipe(qr/^SELECT lesion_report/);
like($hub->sql('clinic', $report), qr/<html.*\b100\b.*<\/html>/s, 'one report of all nodes');

# A node stops in the middle of its work: the other ends its own, and what is missing has a name.
$_->sql('clinic', 'TRUNCATE masks') for @hospitals;
$south->sql('clinic', q{CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END$$;
	CREATE TRIGGER rest BEFORE INSERT ON masks FOR EACH ROW EXECUTE FUNCTION rest()});
$session = $hub->session('clinic');
$session->start($predict =~ s/'masks'\)/'masks', batch_size => 10)/r);
for (1 .. 600) {
	last if $south->sql('clinic', 'SELECT count(*) FROM masks') > 0;
	select undef, undef, undef, 0.05;
}
$south->stop('immediate');
like($session->finish, qr/^north\|CALL\|\nsouth\|\|.*connection/m, 'a node that stops is named, the other goes on');
like($hub->sql('clinic', recipe(qr/%s images/)),
	qr/\Asouth\|\|could not establish connection\nnorth\|40 images, 40 masks/, '... and is missing');
like($hub->sql('clinic', $score), qr/^\(39,.*,1\)\|south$/, '... from the score');
like($session->query($report), qr/ERROR:  08001: could not connect to server "south"/, 'a report of all names it, too');
like($session->query(recipe(qr/^BEGIN;.*SELECT lesion_report/s)), qr/<html.*\b40\b/s, '... and one without it works');
$south->start;
my $kept = $south->sql('clinic', 'SELECT count(*) FROM masks');
cmp_ok($kept, '>=', 10, 'nothing that was committed is lost');
cmp_ok($kept, '<', 60, '... but not all was done');
$south->sql('clinic', 'DROP TRIGGER rest ON masks');
is($hub->sql('clinic', $predict), "north|CALL|\nsouth|CALL|", 'the same call goes on when it is back');
is($hub->sql('clinic', 'SELECT count(*), count(DISTINCT id), count(mask) FROM masks'), '100|100|100',
	'... and each image has one mask');
is($hub->sql('clinic', $score), "$one|", '... and its score');

# A node stops while it scores.
$session->start($score =~ s/FROM archive/FROM archive, pg_sleep(600)/r);
for my $node ($north, $south) {
	for (1 .. 600) {
		last if $node->sql('clinic', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) > 0;
		select undef, undef, undef, 0.05;
	}
}
$south->sql('clinic', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$north->stop('immediate');
like($session->finish, qr/\|north, south$/, 'nodes that stop while they score are named');
$north->start;
is($hub->sql('clinic', $score), "$one|",
	'... and the same call works when they are back');
done_testing();
