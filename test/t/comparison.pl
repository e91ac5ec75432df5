# comparison.pl: models/compare.sql, models/publish and models/card on small models.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use Session qw(run_sql fresh_database fill_archive);
use Test::More;

my $database = 'tap_comparison';
fresh_database($database);
fill_archive($database, 60, 48);
my %config = (
	unet => '{"base": 4, "depth": 2}', linknet => '{"base": 8}', convmixer => '{"dim": 16, "depth": 1}',
	maskrcnn => '{"base": 4, "pyramid": 8, "rois": 8, "box_units": 8, "mask_depth": 1}');
run_sql($database, "SELECT lesion_train('archive', '$_', 1, image_size => 64, batch_size => 8, promote => 'always',
	config => '$config{$_}')")
	for sort keys %config;

my $folder = tempdir(CLEANUP => 1);
my $root = "$FindBin::Bin/../..";
my $table = `psql -Xqd $database -v folder=$folder -f $root/models/compare.sql 2>&1`;
is($?, 0, 'the comparison runs') or diag($table);
for my $model (sort(keys %config), 'four', 'four, tta') {
	like($table, qr/^\s*\Q$model\E\s*\|\s+\d+ \|\s+\d+ \|(\s+\d+\.\d \|){5}/m, "the table has $model");
}
for my $model (sort(keys %config), 'four') {
	is(scalar(() = glob "$folder/$model-{best,median,worst}-*.png"), 3, "three pictures of $model");
}
my ($picture) = glob "$folder/unet-best-*.png";
open my $in, '<:raw', $picture or die "$picture: $!";
read $in, my $head, 8;
is($head, "\x89PNG\r\n\x1a\n", 'a picture is a PNG');

# What belongs to weights that are no longer there goes.
open my $former, '>', "$folder/unet.traits.json" or die "$folder: $!";
close $former;
my $said = do { local $ENV{PGDATABASE} = $database; `$root/models/publish unet archive $folder 2>&1` };
is($?, 0, 'a model is published') or diag($said);
my $sha256 = run_sql($database, q{SELECT sha256 FROM lesion_models WHERE model = 'unet' AND version = 2});
is(`sha256sum <$folder/unet.safetensors` =~ s/ .*//sr, $sha256,
	'the file has the weights of the version that was scored');
ok(!-e "$folder/unet.traits.json", 'what was fitted to former weights is gone');
run_sql($database, 'CREATE TABLE pictures AS SELECT seed AS id, seed AS lesion, s.image, s.mask
	FROM generate_series(1, 400) AS seed, lesion_synthetic(seed, 48, 48) AS s');
$said = do { local $ENV{PGDATABASE} = $database; `$root/models/calibrate unet pictures $folder 2>&1` };
is($?, 0, 'its traits are fitted to other images') or diag($said);
my $traits = `cat $folder/unet.traits.json`;
is(run_sql($database, "SELECT '$traits'::jsonb ->> 'sha256'"), $sha256, '... the file names the weights');
is(run_sql($database, "SELECT '$traits'::jsonb -> 'traits' = lesion_model_traits('unet', 3)"), 't',
	'... and has all traits');
is(run_sql($database, q{SELECT count(DISTINCT threshold) FROM lesion_version
	WHERE model = 'unet' AND number IN (2, 3)}), 1, '... with the threshold that the weights had');
open my $file, '<', "$folder/unet.md" or die "$folder/unet.md: $!";
my $card = do { local $/; <$file> };
for my $fact ($sha256, 'CALL lesion_retrain(\'public.archive\', \'unet\', epochs => 1', '| `noise` | ', ' to ',
	'CC BY-NC 4.0', '## Limits') {
	like($card, qr/\Q$fact\E/, "it has $fact");
}
done_testing();
