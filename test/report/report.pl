# report.pl: pages of lesion_report in headless Chromium: nothing is said on the
# console, nothing is requested, nothing scrolls sideways, and axe-core finds
# nothing that keeps a reader out. Of 10,000 masks with 27 pictures, the page
# is made in under 10 seconds and has less than 3 MB.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Session qw(run_sql fresh_database);
use Test::More;
use Time::HiRes qw(time);

my $database = 'tap_report';
my $folder = tempdir(CLEANUP => 1);
$ENV{NODE_PATH} = "$FindBin::Bin/../../build/npm/node_modules";

# What the browser finds wrong with a page.
sub look {
	my ($name, $page) = @_;
	open my $file, '>', "$folder/$name.html" or die $!;
	print $file $page;
	close $file;
	open my $pipe, '-|', 'node', "$FindBin::Bin/look.js", "$folder/$name.html" or die $!;
	my $said = do { local $/; <$pipe> } // '';
	close $pipe;
	return $? == 0 ? $said : "node ended with $?: $said";
}

fresh_database($database);
is(look('empty', run_sql($database, 'SELECT lesion_report()')), '', 'an empty database');

run_sql($database, <<'SQL');
SET client_min_messages = error;
CREATE TABLE archive AS
SELECT seed::text AS id, CASE WHEN seed % 2 = 0 THEN '</td><script>alert(1)</script>' ELSE 'arm' END AS site, s.*
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 256, 256) AS s;
UPDATE archive SET id = '"><img src=x onerror=alert(2)>' WHERE id = '1';
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE verdicts (LIKE lesion_verdict);
SELECT lesion_train('archive', '<script>alert(3)</script>', epochs => 2, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32);
SELECT lesion_evaluate('archive', '<script>alert(3)</script>', 'all', by_column => 'site');
SELECT count(*) FROM lesion_robustness('archive', '<script>alert(3)</script>', 'all', kinds => '{blur,hair}',
	max_images => 4);
CALL lesion_predict('archive', '<script>alert(3)</script>', 'masks');
UPDATE masks SET needs_review = true;
SELECT lesion_verdict_add('verdicts', 'masks', '2', 'reject', '--><svg onload=alert(4)>');
INSERT INTO masks SELECT m.* FROM masks AS m, generate_series(1, 249);
UPDATE masks SET predicted_at = predicted_at - (random() * 60) * interval '1 day';
SQL
is(run_sql($database, 'SELECT count(*) FROM masks'), 10000, '10,000 masks');
my $begun = time;
my $page = run_sql($database,
	"SELECT lesion_report(predictions => '{masks}', verdicts => 'verdicts', images => '{archive}', pictures => 15)");
my $seconds = time - $begun;
cmp_ok($seconds, '<', 10, 'the page is made in under 10 seconds');
is(() = $page =~ /<img /g, 27, 'twelve cases and fifteen masks are shown');
cmp_ok(length $page, '<', 3e6, 'in less than 3 MB');
is(look('hostile', $page), '', 'names that would be markup');

run_sql($database, <<'SQL');
SELECT lesion_model_import('model ' || i, lesion_model_export('convmixer'), 'convmixer')
FROM generate_series(1, 20) AS i
SQL
$page = run_sql($database, "SELECT lesion_report(predictions => '{masks}', pictures => 0)");
is(look('twenty', $page), '', 'twenty models');

done_testing;
