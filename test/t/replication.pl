# replication.pl: logical replication to another server, of all tables and of
# models alone. What is dropped on one side goes on the other, and a subscriber
# that has the extension keeps its own bundled models.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(fresh_database fill_archive);
use Servers qw(start_servers recipe);
use Test::More;

my ($publisher, $subscriber) = start_servers({ wal_level => 'logical' }, qw(publisher subscriber));
$publisher->on(sub { fresh_database('clinic'); fill_archive('clinic', 16, 48) });
$subscriber->on(sub { fresh_database($_) }) for qw(copy models);

my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
$publisher->sql('clinic', "SELECT lesion_train('archive', 'net', 1, architecture => 'unet', $sizes)");
$publisher->sql('clinic', "SELECT lesion_train('archive', 'unet', 1, $sizes, promote => 'always')");
$publisher->sql('clinic', q{SELECT lesion_robustness('archive', 'net', kinds => '{noise}', severities => '{1}',
	modes => '{off}')});

# A publisher that was updated: its version 0 is that of another release, and what this release brought is version 1. So
# it is where models alone arrive, too.
my $update = q{SET session_replication_role = replica; DELETE FROM lesion_version WHERE model = 'maskrcnn';
	INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version, metadata)
	SELECT name, n, config, convert_to('release ' || n, 'UTF8'), sha256(convert_to('release ' || n, 'UTF8')), 64, '0.2',
		CASE n WHEN 0 THEN '{}' ELSE '{"bundled": true}' END::jsonb
	FROM lesion_model, generate_series(0, 1) AS n WHERE name = 'maskrcnn'};
$publisher->sql('clinic', $update);
$subscriber->sql('models', $update);
$publisher->sql('clinic', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $archive = 'CREATE TABLE archive (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)';
$subscriber->sql('copy', $archive);
my $from = $publisher->conninfo('clinic');
$subscriber->sql('copy', "CREATE SUBSCRIPTION everything CONNECTION '$from' PUBLICATION everything");

# Wait until a query gives an answer in a database of the subscriber; what it gave last.
sub wait_until {
	my ($database, $query, $wanted) = @_;
	my $answer;
	for (1 .. 300) {
		$answer = $subscriber->sql($database, $query);
		last if $answer eq $wanted;
		select undef, undef, undef, 0.1;
	}
	return $answer;
}
my $copied = q{SELECT string_agg(DISTINCT srsubstate::text, '') FROM pg_subscription_rel
	JOIN pg_subscription AS s ON s.oid = srsubid JOIN pg_database AS d ON d.oid = subdbid
	WHERE datname = current_database()};
is(wait_until('copy', $copied, 'r'), 'r', 'all tables are copied');
my @tables = qw(lesion_model lesion_run lesion_version lesion_promotion lesion_epoch lesion_evaluation
	lesion_image_score lesion_robustness_score lesion_fold lesion_audit);
my %columns = (lesion_model => 'name, architecture, config, bundled',
	lesion_version => 'model, number, sha256, image_size, threshold');

# What is in a table.
sub content {
	my ($server, $database, $table) = @_;
	return $server->sql($database, "SELECT count(*) || ' ' || md5(string_agg(t::text, ' ' ORDER BY t::text))
		FROM (SELECT " . ($columns{$table} // '*') . " FROM $table) t");
}
is(content($subscriber, 'copy', $_), content($publisher, 'clinic', $_), "$_ is the same") for @tables;
my $masks = q{SELECT md5(string_agg(lesion_segment(image, 'net') || lesion_segment(image, 'unet'), '' ORDER BY id))
	FROM archive};
is($subscriber->sql('copy', $masks), $publisher->sql('clinic', $masks), 'the models give the same masks');

# Models alone, without what came with the extension. Which version works is decided where it works.
$publisher->sql('clinic', recipe(qr/^CREATE PUBLICATION models /m));
$subscriber->sql('models', "CREATE SUBSCRIPTION models CONNECTION '$from' PUBLICATION models");
is(wait_until('models', $copied, 'r'), 'r', 'models are copied');
my $all = q{SELECT string_agg(model || number, ' ' ORDER BY model, number) FROM lesion_version};
is($subscriber->sql('models', $all), $publisher->sql('clinic', $all), 'versions come beside the bundled ones');
my $row = q{SELECT v - 'image_digests' - 'run' FROM lesion_version,
	to_jsonb(lesion_version) AS v WHERE number > 0 AND model <> 'maskrcnn' ORDER BY model};
is($subscriber->sql('models', $row), $publisher->sql('clinic', $row), '... with all columns');
is($subscriber->sql('models', 'SELECT count(image_digests) + count(run) FROM lesion_version'), 0,
	'... but digests of images, and runs');
is($subscriber->sql('models', q{SELECT count(*) FROM lesion_audit WHERE version > 0}), 0,
	'the record has nothing of what came');
my $active = q{SELECT string_agg(concat(model, version), ' ' ORDER BY model) FROM lesion_models WHERE versions > 0
	AND model IN ('net', 'unet')};
is($subscriber->sql('models', $active), 'net unet0', 'nothing is promoted');
$subscriber->sql('models', q{SELECT lesion_model_promote('net', 1), lesion_model_promote('unet', 1)});
is($subscriber->sql('models', q{SELECT string_agg(concat(event, ' ', model, version), ', ' ORDER BY entry)
	FROM lesion_audit WHERE version > 0}), 'promote net1, promote unet1',
	'... but what is promoted here is in the record');
$subscriber->sql('models', "$archive; INSERT INTO archive SELECT 'lesion-' || seed, s.image, s.mask
	FROM generate_series(1, 16) AS seed, lesion_synthetic(seed, 48, 48) AS s");
is($subscriber->sql('models', $masks), $publisher->sql('clinic', $masks), '... and gives the same masks');
$subscriber->sql('models', q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["net", "unet"]}');
	SELECT lesion_evaluate('archive', 'net'),
		lesion_robustness('archive', 'net', kinds => '{noise}', severities => '{1}', modes => '{off}')});
my $said = q{SELECT concat_ws(' ', (SELECT count(*) FROM lesion_promotion WHERE model <> 'both'),
	(SELECT count(*) FROM lesion_evaluation), (SELECT count(*) FROM lesion_image_score),
	(SELECT count(*) FROM lesion_robustness_score))};
is($subscriber->sql('models', $said), '2 3 12 2', '... and is scored');
my $reader = $subscriber->session('models');
my $by_both = q{SELECT count(*) FROM lesion_segment((lesion_synthetic(1, 48, 48)).image, 'both')};
is($reader->query($by_both), 1, '... and is a member of an ensemble');

# What a publisher can do with its triggers off.
my $change = sub {
	return $publisher->sql('clinic', "SET session_replication_role = replica; UPDATE lesion_version SET $_[0]
		WHERE model = 'net' AND number = 1");
};
my $changed = sub { return wait_until('models', "SELECT $_[0] FROM lesion_version WHERE model = 'net'", 'true') };
$change->(q{split_columns = '{id}', metadata = '{"a": 1}'});
is($changed->(q{(metadata = '{"a": 1}')::text}), 'true', 'what is told of a version changes');
is($subscriber->sql('models', $said), '2 3 12 2', '... and what was said of it stays');
$change->('threshold = 0.125');
is($changed->('(threshold = 0.125)::text'), 'true', 'a version that is made another');
is($subscriber->sql('models', $said), '1 0 0 0', '... goes with what was said of it');
is($subscriber->sql('models', $active), 'net unet1', '... and is promoted no more');
$change->('threshold = 0.5');
is($changed->('(threshold = 0.5)::text'), 'true', 'it is changed back');
$reader->query(q{SELECT lesion_model_promote('net', 1); SET session_replication_role = replica});
like($reader->query("TRUNCATE $_"), qr/^ERROR:  0A000: $_ cannot be truncated/m, "$_ is not truncated by a publisher")
	for qw(lesion_model lesion_version lesion_run lesion_evaluation);
$reader->query('RESET session_replication_role');

$publisher->sql('clinic', "SELECT lesion_train('archive', 'net', 1, $sizes, promote => 'always')");
is(wait_until('copy', q{SELECT version FROM lesion_models WHERE model = 'net'}, '2'), '2', 'a new version arrives');
is(wait_until('models', q{SELECT version || ' of ' || versions FROM lesion_models WHERE model = 'net'}, '1 of 2'),
	'1 of 2', '... and is not promoted there');
$publisher->sql('clinic', q{DELETE FROM lesion_evaluation WHERE model = 'unet'; SELECT lesion_model_drop('net')});
for my $database (qw(copy models)) {
	is(wait_until($database, q{SELECT count(*) FROM lesion_model WHERE name = 'net'}, '0'), '0',
		"$database: a model that is dropped goes");
	is(wait_until($database, q{SELECT count(*) FROM lesion_version WHERE model = 'net'}, '0'), '0',
		"$database: ... with its versions");
}
is($subscriber->sql('models', $said), '1 0 0 0', '... with what was said of it there, alone');
like($reader->query($by_both), qr/a member of version 1 of ensemble "both", is gone/, '... and no longer works in one');
is($subscriber->sql('models', $active), 'unet1', '... and what was promoted');
is(wait_until('copy', 'SELECT count(*) FROM lesion_image_score', '0'), '0', '... and scores');
is(content($subscriber, 'copy', $_), content($publisher, 'clinic', $_), "$_ is the same") for @tables;
$publisher->sql('clinic', "SELECT lesion_train('archive', 'net', 2, architecture => 'unet', $sizes)");
is(wait_until('models', q{SELECT count(*) FROM lesion_version WHERE model = 'net'}, '1'), '1',
	'a model of the same name comes');
is($subscriber->sql('models', $active), 'net unet1', '... and is not promoted');
like($reader->query($by_both), qr/a member of version 1 of ensemble "both", is gone/,
	'... nor does it work in an ensemble of the one before');
$publisher->sql('clinic', q{DELETE FROM lesion_model WHERE name = 'lesion'});
is(wait_until('copy', q{SELECT count(*) FROM lesion_model WHERE name = 'lesion'}, '0'), '0',
	'a bundled model that the owner of the publisher deletes goes from a copy of all');
is($subscriber->sql('models', q{SELECT count(*) FROM lesion_model WHERE name = 'lesion'}), 1,
	'... and stays where models alone are copied');

# A server that is down is waited for.
$publisher->sql('clinic', "SELECT lesion_train('archive', 'later', 1, architecture => 'unet', $sizes)");
$publisher->stop('immediate');
is($subscriber->sql('models', q{SELECT count(*) FROM lesion_segment((lesion_synthetic(1, 48, 48)).image, 'unet')}), 1,
	'a subscriber works without its publisher');
$publisher->start;
is(wait_until('models', q{SELECT count(*) FROM lesion_version WHERE model = 'later'}, '1'), '1',
	'... and gets what it missed');
done_testing();
