# dump.pl: pg_dump and pg_restore bring back what users made (models, versions,
# runs, scores, promotions), and leave what came with the extension to
# CREATE EXTENSION.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use Session qw(run_sql fresh_database fill_archive);
use Test::More;

my ($source, $target) = ('tap_dump', 'tap_restore');
fresh_database($source);
fill_archive($source, 16, 48);

my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
run_sql($source, "SELECT lesion_train('archive', 'mine', 1, architecture => 'unet', $sizes)");
run_sql($source, "SELECT lesion_train('archive', 'mine', 1, $sizes, promote => 'always')");
run_sql($source, "SELECT lesion_train('archive', 'unet', 1, $sizes, promote => 'always')");
run_sql($source, q{SELECT lesion_model_promote('mine', 1)});
run_sql($source, q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["mine", "unet"], "weights": [1, 2]}')});

# The bundled weights, where some were installed, are restored by CREATE
# EXTENSION; what refers to them is dumped.
my $bundled = q{SELECT count(*) FROM lesion_version WHERE number <= 0};
run_sql($source, q{SELECT lesion_model_promote(model, 0), lesion_evaluate('archive', model, 'all', version => 0)
	FROM lesion_version WHERE model = 'linknet' AND number = 0});

run_sql($source, 'CREATE TABLE masks OF lesion_prediction (PRIMARY KEY (images, id, model, version))');
run_sql($source, q{CALL lesion_predict('archive', 'mine', 'masks')});

my $dump = File::Temp->new(SUFFIX => '.dump');
is(system('pg_dump', '-Fc', '-f', "$dump", $source), 0, 'the database is dumped');
run_sql('postgres', "DROP DATABASE IF EXISTS $target");
run_sql('postgres', "CREATE DATABASE $target");
is(system('pg_restore', '--exit-on-error', '-d', $target, "$dump"), 0, 'and restored');

for my $table (qw(lesion_model lesion_version lesion_promotion lesion_run lesion_epoch lesion_evaluation lesion_image_score lesion_audit masks)) {
	my $rows = "SELECT count(*) || ' ' || md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM "
		. ($table eq 'lesion_model' ? '(SELECT name, architecture, config, bundled FROM lesion_model)'
			: $table eq 'lesion_version' ? '(SELECT * FROM lesion_version WHERE number > 0)' : $table) . ' t';
	is(run_sql($target, $rows), run_sql($source, $rows), "$table is the same");
}
is(run_sql($target, $bundled), run_sql($source, $bundled), 'bundled versions are there once');
my $active = q{SELECT string_agg(model || version, ' ' ORDER BY model) FROM lesion_models};
like(run_sql($target, $active), qr/mine1.* unet1/, 'the versions that were promoted are active');
is(run_sql($target, $active), run_sql($source, $active), 'the same versions are active');
unlike(scalar `pg_restore -a -f - -t lesion_version $dump`, qr/^\w+\t(0|-\d+)\t/m, 'weights that came with the extension are not in the dump');
my $masks = q{SELECT md5(string_agg(lesion_segment(image, 'mine') || lesion_segment(image, 'unet') || lesion_segment(image, 'both'), '' ORDER BY id)) FROM archive};
is(run_sql($target, $masks), run_sql($source, $masks), 'they give the same masks');
is(run_sql($target, 'SELECT count(*) FILTER (WHERE (lesion_reproduce(m)).agrees) FROM masks AS m'), '16', 'stored masks are made again');
is(run_sql($target, "SELECT version FROM lesion_train('archive', 'mine', 1, $sizes)"), '3', 'and can be trained further');
done_testing();
