# standby.pl: a hot standby segments as its primary does, byte for byte, and refuses what writes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(fresh_database fill_archive);
use Servers qw(start_servers);
use Test::More;

my ($primary) = start_servers('primary');
$primary->on(sub { fresh_database('clinic'); fill_archive('clinic', 16, 48) });
my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
$primary->sql('clinic', qq{SET client_min_messages = error;
	SELECT lesion_train('archive', 'net', 1, architecture => 'unet', $sizes);
	CREATE TABLE masks (LIKE lesion_prediction); CREATE TABLE verdicts (LIKE lesion_verdict)});
my $standby = $primary->standby;

# What is asked there, and gives the same.
my $sha = q{(SELECT encode(sha256, 'hex') FROM lesion_version WHERE model = 'net' AND number = 1)};
my $all = 'FROM archive';
my %same = (
	'masks of a trained model' => "SELECT md5(string_agg(lesion_segment(image, 'net'), '' ORDER BY id)) $all",
	'masks of a bundled model' => "SELECT md5(lesion_segment(image, 'unet')) $all WHERE id = 'lesion-1'",
	'pinned masks' =>
		"SELECT md5(string_agg(lesion_segment_pinned(image, $sha, image_size => 32), '' ORDER BY id)) $all",
	details => "SELECT md5(string_agg(lesion_segment_detail(image, 'net')::text, '' ORDER BY id)) $all",
	scores => "SELECT lesion_score(lesion_segment(image, 'net'), mask) $all",
	'states of scores' => "SELECT lesion_score_state(lesion_segment(image, 'net'), mask) $all",
	measures => "SELECT md5(string_agg(lesion_measure(mask, image)::text, '' ORDER BY id)) $all",
	comparisons => q{SELECT lesion_compare('archive', 'net', 1, 1)},
	weights => q{SELECT md5(lesion_model_export('net'))},
	reproductions => 'SELECT count(*) FILTER (WHERE r.agrees) FROM masks AS m, lesion_reproduce(m) AS r',
	'the review queue' => q{SELECT count(*) FROM lesion_review_queue('masks', 'verdicts')},
	drift => q{SELECT md5(string_agg(d::text, '')) FROM lesion_drift('masks') AS d},
	'the leaderboard' => 'SELECT * FROM lesion_leaderboard',
	runs => 'SELECT run, model, version, state, pid FROM lesion_runs',
	'what is active' => q{SELECT model, version FROM lesion_models ORDER BY model},
);
$primary->sql('clinic', q{CALL lesion_predict('archive', 'net', 'masks')});
$primary->sql('clinic', q{CREATE UNLOGGED TABLE unlogged AS SELECT * FROM archive LIMIT 1;
	ALTER TABLE unlogged ADD PRIMARY KEY (id); CREATE TABLE unlogged_masks (LIKE lesion_prediction)});
$primary->sql('clinic', q{CALL lesion_predict('unlogged', 'net', 'unlogged_masks')});
$standby->caught_up($primary);
is($standby->sql('clinic', $same{$_}), $primary->sql('clinic', $same{$_}), "$_: the same") for sort keys %same;
is($standby->sql('clinic', $same{reproductions}), 16, 'each mask is made again there');
like($standby->sql('clinic', q{SELECT r.reason FROM unlogged_masks AS m, lesion_reproduce(m) AS r}),
	qr/^the images are in an unlogged table, and this server is a standby/, '... but of an unlogged table');
like($standby->sql('clinic', q{SELECT lesion_report(predictions => '{masks}', images => '{archive}')}),
	qr/<html.*<\/html>/s, 'the report is made there');
$primary->sql('clinic', "SELECT lesion_train('archive', 'net', 1, $sizes, promote => 'always')");
$standby->caught_up($primary);
is($standby->sql('clinic', $same{$_}), $primary->sql('clinic', $same{$_}), "$_: the same after a promotion")
	for 'masks of a trained model', 'details', 'what is active';

# What writes is refused before it works, and says where it belongs.
my $session = $standby->session('clinic');
my %refused = (
	lesion_predict => q{CALL lesion_predict('archive', 'net', 'masks')},
	lesion_train => "SELECT lesion_train('archive', 'other', 1, architecture => 'unet', $sizes)",
	lesion_retrain => "CALL lesion_retrain('archive', 'net', 1, $sizes)",
	lesion_train_across => q{CALL lesion_train_across('{north}', '{archive}', 'other', architecture => 'unet')},
	lesion_cross_validate => q{CALL lesion_cross_validate('archive', 'unet')},
	lesion_evaluate => q{SELECT lesion_evaluate('archive', 'net')},
	lesion_robustness => q{SELECT lesion_robustness('archive', 'net')},
	lesion_ensemble_fit => q{SELECT lesion_ensemble_fit('net', 'archive')},
	lesion_calibrate => q{SELECT lesion_calibrate('net', 'archive')},
	lesion_model_create => q{SELECT lesion_model_create('other', 'unet')},
	lesion_model_import => q{SELECT lesion_model_import('other', lesion_model_export('net'))},
	lesion_model_promote => q{SELECT lesion_model_promote('net', 1)},
	lesion_model_rollback => q{SELECT lesion_model_rollback('net')},
	lesion_model_drop => q{SELECT lesion_model_drop('net')},
	lesion_verdict_add => q{SELECT lesion_verdict_add('verdicts', 'masks', 'lesion-1', 'accepted')},
);
like($session->query($refused{$_}),
	qr/^ERROR:  25006: cannot execute $_\(\) in a read-only transaction\nHINT:  This server is a standby\./,
	"$_ is refused")
	for sort keys %refused;

# Where the primary is lost, the standby takes over, a run that was stopped included.
my $run = "CALL lesion_retrain('archive', 'long', 100000, architecture => 'unet', $sizes)";
my $trainer = $primary->session('clinic');
$trainer->start($run);
$trainer->wait_for(qr/epoch 3 of/);
$standby->caught_up($primary);
my $state = q{SELECT state FROM lesion_runs WHERE model = 'long'};
is($standby->sql('clinic', $state), 'lost', 'a run of the primary is lost here');
is($primary->sql('clinic', $state), 'running', '... and runs there');
$primary->stop('immediate');
$standby->sql('postgres', 'SELECT pg_promote()');
is($standby->sql('clinic', q{SELECT lesion_model_rollback('net')}), 1, 'a standby that is promoted takes over');
$session->start($run);
$session->wait_for(qr/run \d+ goes on after epoch \d+ of/);
pass('... and the run goes on');
done_testing();
