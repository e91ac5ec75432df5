# LongCalls.pm: calls that take seconds or do not end, by name.
package LongCalls;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(long_call long_call_names);

my $network = q{architecture => 'unet', epochs => 100000, batch_size => 4, config => '{"base": 4, "depth": 2}'};
my %calls = (
	train => "SELECT lesion_train('archive', 'stopped', image_size => 32, $network)",
	train_reading => "SELECT lesion_train('endless', 'stopped', id_column => 'id', image_size => 64, $network)",
	train_enhanced => "SELECT lesion_train('archive', 'stopped', image_size => 32,
		options => '{\"enhance\": \"always\"}', $network)",
	retrain => "CALL lesion_retrain('archive', 'stopped', image_size => 32, resume => false, $network)",
	predict => q{CALL lesion_predict('endless', 'net', 'masks', id_column => 'id', batch_size => 5)},
	evaluate => q{SELECT lesion_evaluate('endless', 'net', subset => 'all')},
	compare => q{SELECT lesion_compare('endless', 'net', 1, 2, subset => 'all')},
	robustness => q{SELECT count(*) FROM lesion_robustness('endless', 'net', 'all', modes => '{auto,always}')},
	ensemble_fit => q{SELECT lesion_ensemble_fit('together', 'endless', id_column => 'id')},
	segment => q{SELECT sum(length(lesion_segment(image, 'net'))) FROM large, generate_series(1, 100000)},
	segment_bundled => q{SELECT sum(length(lesion_segment(image, 'linknet')))
		FROM pictures, generate_series(1, 100000)},
	detail => q{SELECT sum((lesion_segment_detail(image, 'net', tta => true)).area)
		FROM pictures, generate_series(1, 100000)},
	instances => q{SELECT count(*) FROM (SELECT lesion_instances(image) FROM pictures, generate_series(1, 1000)) AS i},
	enhance => q{SELECT sum(length(lesion_enhance(image, '{hair,illumination,colour_constancy,contrast,denoise}')))
		FROM large, generate_series(1, 1000)},
	enhance_plan => q{SELECT count(*) FROM (SELECT lesion_enhance_plan(image)
		FROM large, generate_series(1, 1000)) AS p},
	quality => q{SELECT count((lesion_quality(image)).score) FROM large, generate_series(1, 1000)},
	degrade => q{SELECT sum(length(lesion_degrade(image, kind, 5)))
		FROM large, lesion_degradations(), generate_series(1, 1000)},
	score => q{SELECT lesion_score(mask, mask) FROM large, generate_series(1, 100000)},
	draw => q{SELECT sum(length(lesion_panel(image, mask, mask)) + length(lesion_overlay(image, mask)))
		FROM large, generate_series(1, 1000)},
	render => q{SELECT sum(length(image)) FROM generate_series(1, 1000) AS n, lesion_synthetic(n, 4000, 4000)},
	import => q{SELECT count(lesion_model_import('imported', lesion_model_export('linknet')))
		FROM generate_series(1, 1000)},
);

sub long_call { return $calls{ $_[0] }; }

sub long_call_names { return sort keys %calls; }

1;
