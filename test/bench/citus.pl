# Measure one query that segments and scores, and lesion_predict on all nodes,
# on a coordinator and two workers of Citus, against one server with a tenth
# of the images:
#
#   test/tools/cluster perl -I test/t test/bench/citus.pl FOLDER IMAGES
#
# FOLDER has images and their masks, as lesionseg-files load takes them; so many
# of them are taken. Each worker and the one server work with one thread.
use strict;
use warnings;
use FindBin;
use Time::HiRes qw(time);
use Session qw(run_sql fresh_database);
use Servers qw(recipe);
use Citus qw(start_citus);

my ($folder, $images) = @ARGV;
die "usage: citus.pl FOLDER IMAGES\n" unless defined $images && $images =~ /^\d+$/;
$| = 1;
my $shards = 32;
my $files = "$FindBin::Bin/../../src/files/lesionseg-files";

# Run SQL on a server; what it gives, and the seconds that it took.
sub timed {
	my ($server, $sql) = @_;
	my $begin = time;
	my $result = $server->sql('clinic', $sql);
	return ($result, time - $begin);
}

my ($hub, @workers) = start_citus($shards, 'citus.max_adaptive_executor_pool_size' => 1, 'lesionseg.threads' => 1);
my ($one) = Servers::start_servers({ 'lesionseg.threads' => 1, max_parallel_workers_per_gather => 0 }, 'one');
$one->on(sub { fresh_database('clinic') });
my %count = (hub => $images, one => int($images / 10));
for my $server ($hub, $one) {
	my @load = ('load', '-d', 'clinic', '--limit', $count{$server->name}, $folder, 'archive');
	$server->on(sub { system($^X, $files, @load) == 0 }) or die "load failed\n";
}
print $hub->sql('clinic', q{SELECT nodename, count(*), pg_size_pretty(sum(shard_size)) FROM citus_shards
	WHERE table_name = 'archive'::regclass GROUP BY nodename}), "\n";

my $sha = $hub->sql('clinic', q{SELECT sha256 FROM lesion_models WHERE model = 'linknet'});
my $query = "SELECT lesion_score(lesion_segment_pinned(image, '$sha'), mask) FROM archive";
print $hub->sql('clinic', "EXPLAIN (VERBOSE, COSTS OFF) $query"), "\n";
for my $work (['segment and score', $query, $query],
	['predict', 'SET client_min_messages = error; ' . recipe(qr/CALL predict_shards/) =~ s/'net'/'linknet'/r,
		q{SET client_min_messages = error; CALL lesion_predict('archive', 'linknet', 'masks')}]) {
	my ($name, $on_citus, $on_one) = @$work;
	if ($name eq 'predict') {
		$hub->sql('clinic', recipe(qr/^CREATE PROCEDURE predict_shards/));
		$one->sql('clinic', 'CREATE TABLE masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version))');
	}
	my ($there, $seconds_there) = timed($hub, $on_citus);
	my (undef, $seconds_here) = timed($one, $on_one);
	my ($rate_there, $rate_here) = ($images / $seconds_there, $count{one} / $seconds_here);
	printf "%s: two workers %.1f s, %.1f images/s; one server %.1f images/s; ratio %.2f\n%s\n", $name, $seconds_there,
		$rate_there, $rate_here, $rate_there / $rate_here, $there;
}
print $hub->sql('clinic', 'SELECT count(mask) FROM masks'), " masks\n";
