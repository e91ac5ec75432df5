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
	CREATE TABLE masks (LIKE lesion_prediction)});
my $standby = $primary->standby;

# Masks, also those of a version that came after the standby was made.
my $sha = q{(SELECT encode(sha256, 'hex') FROM lesion_version WHERE model = 'net' AND number = 1)};
my %same = (
	'masks of a trained model' => q{SELECT md5(string_agg(lesion_segment(image, 'net'), '' ORDER BY id)) FROM archive},
	'masks of a bundled model' => q{SELECT md5(lesion_segment(image, 'unet')) FROM archive WHERE id = 'lesion-1'},
	'pinned masks' =>
		"SELECT md5(string_agg(lesion_segment_pinned(image, $sha, image_size => 32), '' ORDER BY id)) FROM archive",
	'details' => q{SELECT md5(string_agg(lesion_segment_detail(image, 'net')::text, '' ORDER BY id)) FROM archive},
	'scores' => q{SELECT lesion_score(lesion_segment(image, 'net'), mask) FROM archive},
	'what is active' => q{SELECT model, version FROM lesion_models ORDER BY model},
);
is($standby->sql('clinic', $same{$_}), $primary->sql('clinic', $same{$_}), "$_ are the same") for sort keys %same;
$primary->sql('clinic', "SELECT lesion_train('archive', 'net', 1, $sizes, promote => 'always')");
$standby->caught_up($primary);
is($standby->sql('clinic', $same{$_}), $primary->sql('clinic', $same{$_}), "... $_ after a promotion, too")
	for 'masks of a trained model', 'details', 'what is active';

my $session = $standby->session('clinic');
like($session->query(q{CALL lesion_predict('archive', 'net', 'masks')}), qr/^ERROR:  25006: /,
	'lesion_predict is refused');
$session->quit;
done_testing();
