# replication.pl: logical replication of all tables. What is dropped on one
# side goes on the other, and a subscriber that has the extension keeps its own
# bundled models.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive restart_server);
use Test::More;

my ($publisher, $subscriber) = ('tap_publisher', 'tap_subscriber');
run_sql('postgres', 'ALTER SYSTEM SET wal_level = logical');
restart_server();
fresh_database($_) for $publisher, $subscriber;
fill_archive($publisher, 16, 48);

my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
run_sql($publisher, "SELECT lesion_train('archive', 'net', 1, architecture => 'unet', $sizes)");
run_sql($publisher, "SELECT lesion_train('archive', 'unet', 1, $sizes, promote => 'always')");
run_sql($publisher, q{SELECT lesion_robustness('archive', 'net', kinds => '{noise}', severities => '{1}',
	modes => '{off}')});
run_sql($publisher, 'CREATE PUBLICATION everything FOR ALL TABLES');
run_sql($subscriber, 'CREATE TABLE archive (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)');

# Both are databases of one cluster, where the slot must be there before.
run_sql($publisher, q{SELECT pg_create_logical_replication_slot('tap_everything', 'pgoutput')});
run_sql($subscriber,
	"CREATE SUBSCRIPTION tap_everything CONNECTION 'host=$ENV{PGHOST} user=$ENV{PGUSER} dbname=$publisher'
	PUBLICATION everything WITH (create_slot = false, slot_name = 'tap_everything')");

# Wait until a query gives an answer on the subscriber; what it gave last.
sub wait_until {
	my ($query, $wanted) = @_;
	my $answer;
	for (1 .. 300) {
		$answer = run_sql($subscriber, $query);
		last if $answer eq $wanted;
		select undef, undef, undef, 0.1;
	}
	return $answer;
}

is(wait_until(q{SELECT string_agg(DISTINCT srsubstate::text, '') FROM pg_subscription_rel}, 'r'), 'r',
	'all tables are copied');
my @tables = qw(lesion_model lesion_run lesion_version lesion_promotion lesion_epoch lesion_evaluation
	lesion_image_score lesion_robustness_score lesion_fold lesion_audit);
my %columns = (lesion_model => 'name, architecture, config, bundled',
	lesion_version => 'model, number, sha256, image_size, threshold');

# What is in a table.
sub content {
	my ($database, $table) = @_;
	return run_sql($database, "SELECT count(*) || ' ' || md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT "
		. ($columns{$table} // '*') . " FROM $table) t");
}
is(content($subscriber, $_), content($publisher, $_), "$_ is the same") for @tables;
my $masks = q{SELECT md5(string_agg(lesion_segment(image, 'net') || lesion_segment(image, 'unet'), '' ORDER BY id))
	FROM archive};
is(run_sql($subscriber, $masks), run_sql($publisher, $masks), 'the models give the same masks');

run_sql($publisher, "SELECT lesion_train('archive', 'net', 1, $sizes, promote => 'always')");
is(wait_until(q{SELECT version FROM lesion_models WHERE model = 'net'}, '2'), '2', 'a new version arrives');
run_sql($publisher, q{DELETE FROM lesion_evaluation WHERE model = 'unet'; SELECT lesion_model_drop('net')});
is(wait_until(q{SELECT count(*) FROM lesion_model WHERE name = 'net'}, '0'), '0', 'a model that is dropped goes');
is(wait_until('SELECT count(*) FROM lesion_image_score', '0'), '0', '... with its scores');
is(content($subscriber, $_), content($publisher, $_), "$_ is the same") for @tables;

run_sql($subscriber, 'DROP SUBSCRIPTION tap_everything');
run_sql('postgres', "DROP DATABASE $_") for $publisher, $subscriber;
run_sql('postgres', 'ALTER SYSTEM RESET wal_level');
restart_server();
done_testing();
