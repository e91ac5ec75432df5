# pinned.pl: work goes to the server where the rows are. postgres_fdw sends
# lesion_segment_pinned and lesion_score_state, and only states come back; and
# parallel workers give the same masks and states.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive);
use Test::More;

my ($here, @there) = qw(tap_pinned tap_pinned_a tap_pinned_b);
fresh_database($_) for $here, @there;
fill_archive($here, 60, 48);
run_sql($here, q{SET client_min_messages = error; CREATE EXTENSION postgres_fdw;
	SELECT lesion_train('archive', 'net', 1, architecture => 'unet', image_size => 32, batch_size => 4,
		config => '{"base": 4, "depth": 1}');
	CREATE TABLE everywhere (id text, image bytea, mask bytea, server int) PARTITION BY LIST (server)});
my ($sha) = run_sql($here, q{SELECT encode(sha256, 'hex') FROM lesion_version WHERE model = 'net'});
my $weights = run_sql($here, q{SELECT lesion_model_export('net')});

# Each of two servers has half of the rows; one has the weights, under another name.
for my $n (0, 1) {
	run_sql($here, qq{CREATE SERVER server_$n FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '$ENV{PGHOST}', dbname '$there[$n]', extensions 'lesionseg');
		CREATE USER MAPPING FOR CURRENT_USER SERVER server_$n OPTIONS (user '$ENV{PGUSER}');
		CREATE FOREIGN TABLE at_$n PARTITION OF everywhere FOR VALUES IN ($n) SERVER server_$n
			OPTIONS (table_name 'rows')});
	run_sql($there[$n], 'CREATE TABLE rows (id text PRIMARY KEY, image bytea, mask bytea, server int)');
}
run_sql($here, q{INSERT INTO everywhere SELECT id, image, mask, hashtext(id) & 1 FROM archive});
run_sql($there[0], qq{SELECT lesion_model_import('theirs', '$weights')});

my $mask = "lesion_segment_pinned(image, '$sha', image_size => 32)";
my $state = "lesion_score_state($mask, mask)";
my $plan = run_sql($here, "EXPLAIN (VERBOSE, COSTS OFF) SELECT $state FROM at_0");
my $call = qr/public\.lesion_segment_by_pin\(image, '\{[^']*"weights_sha256": "$sha"[^']*\}'::jsonb\)/;
like($plan, qr/Remote SQL: SELECT public\.lesion_score_state\($call, mask\) FROM public\.rows$/m,
	'segmenting and scoring are sent');
like(run_sql($here, "EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM at_0 WHERE $mask = '\\x00'"),
	qr/Remote SQL: SELECT id FROM public\.rows WHERE \(\($call = E'\\\\x00'::bytea\)\)$/m, '... a condition, too');

my $session = Session->new($here);
like($session->query("SELECT $state FROM at_1"),
	qr/ERROR:  42704: no version in this database has the weights $sha\nHINT:  Bring them here/,
	'a server without the weights says so');
$session->quit;
run_sql($there[1], qq{SELECT lesion_model_import('theirs', '$weights', threshold => 0.7)});

my $states = join ' UNION ALL ', map { "SELECT $state AS state FROM at_$_" } 0, 1;
my $merged = "SELECT lesion_score_merge(state) FROM ($states) AS s";
my $one = run_sql($here, "SELECT lesion_score($mask, mask) FROM archive");
is(run_sql($here, $merged), $one, 'the pooled score is that of one server');
my @remote = run_sql($here, "EXPLAIN (VERBOSE, COSTS OFF) $merged") =~ /Remote SQL: (.*)/g;
is(scalar(grep { /^SELECT public\.lesion_score_state\(/ } @remote), 2, '... and only states come');
is(run_sql($here, "SELECT count(*) FROM everywhere JOIN archive USING (id)
	WHERE lesion_segment_pinned(everywhere.image, '$sha', image_size => 32) =
	lesion_segment_pinned(archive.image, '$sha', image_size => 32)"), 60, 'masks are the same there');

# Parallel workers.
run_sql($here, 'ALTER TABLE archive SET (parallel_workers = 2); ANALYZE archive');
my $parallel = 'SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;';
my $all = "SELECT lesion_score_final($state) FROM archive";
like(run_sql($here, "$parallel EXPLAIN $all"), qr/Partial Aggregate.*Parallel Seq Scan/s,
	'states are made in parallel');
is(run_sql($here, "$parallel $all"), $one, '... and are the same');

run_sql('postgres', "DROP DATABASE $_") for $here, @there;
done_testing();
