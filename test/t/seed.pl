# seed.pl: the same seed on the same machine gives the same weights, bit for
# bit, in another process too; another seed gives others.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive);
use Test::More;

my $database = 'tap_seed';
fresh_database($database);
fill_archive($database, 32, 96);

# Train for two epochs with the seed and settings given; the weights' SHA-256.
sub weights {
	my ($seed, $settings) = @_;
	return run_sql($database, ($settings // '') . qq{; SELECT sha256 FROM lesion_train('archive', 'net',
		architecture => 'unet', epochs => 2, image_size => 96, batch_size => 8, seed => $seed,
		id_column => 'id', config => '{"base": 8}')});
}

# Is it refused here, as oneDNN is in a build without it and on some machines?
sub is_refused {
	my ($backend) = @_;
	my $session = Session->new($database);
	$session->query("SET lesionseg.backend = $backend");
	my $said = $session->query(q{SELECT lesion_segment(image, 'linknet') IS NOT NULL FROM archive LIMIT 1});
	$session->quit;
	return $said =~ /^ERROR:  0A000/m;
}

for my $backend (qw(onednn openblas)) {
	SKIP: {
		skip "$backend is refused here", 3 if is_refused($backend);
		my $settings = "SET lesionseg.backend = $backend; SET lesionseg.precision = f32";
		my $first = weights(7, $settings);
		like($first, qr/^[0-9a-f]{64}$/, "$backend: a SHA-256");
		is(weights(7, $settings), $first, "$backend: the same seed, the same weights");
		isnt(weights(8, $settings), $first, "$backend: another seed, other weights");
	}
}
my $first = weights(7);
is(weights(7), $first, 'settings as they come: the same seed, the same weights');

# The split does not move when rows come and go.
my $split = q{SELECT md5(string_agg(lesion_split(id), ',' ORDER BY id)) FROM archive WHERE id < 'lesion-3'};
my $before = run_sql($database, $split);
run_sql($database, q{DELETE FROM archive WHERE id >= 'lesion-3'});
is(run_sql($database, $split), $before, 'the split of a row does not depend on other rows');
done_testing();
