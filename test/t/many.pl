# many.pl: a coordinator and two hospitals, each a server of its own. Models
# travel both ways by the statements of docs/many-servers.md.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(fresh_database fill_archive);
use Servers qw(start_servers recipe);
use Test::More;

my ($hub, @hospitals) = start_servers(qw(hub north south));
my ($north, $south) = @hospitals;
for my $server ($hub, @hospitals) {
	$server->on(sub { fresh_database('clinic') });
	$server->sql('clinic', 'CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw');
}

# A model of the north, used in its own way.
$north->on(sub { fill_archive('clinic', 24, 48) });
my $quiet = 'SET client_min_messages = error;';
my $net = q{architecture => 'unet', image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
$north->sql('clinic', qq{$quiet SELECT lesion_train('archive', 'net', 2, $net);
	SELECT lesion_model_import('net', lesion_model_export('net'), traits => '{"threshold": 0.30000000000000004,
		"temperature": 1.7320508075688772, "review_below": 0.7, "enhance": "auto", "image_size": 64}')});
my $is = q{SELECT sha256, lesion_model_traits(model, version) FROM lesion_models WHERE model = 'net'};
my $sent = $north->sql('clinic', $is);
like($sent, qr/"threshold": 0\.30000000000000004\b/, 'a model with traits of its own');
is($hub->sql('clinic', recipe(qr/host=north/)), 1, 'a model is fetched');
is($hub->sql('clinic', $is), $sent, '... as it was');
is($hub->sql('clinic', recipe(qr/host=south/)), 1, 'a model is sent');
is($south->sql('clinic', $is), $sent, '... as it was');
my $probabilities = q{SELECT md5(string_agg(probability, '' ORDER BY seed)) FROM generate_series(1, 8) AS seed,
	lesion_synthetic(seed, 48, 48) AS s, lesion_segment_detail(s.image, 'net')};
is($south->sql('clinic', $probabilities), $north->sql('clinic', $probabilities), '... with the same probabilities');

# What is not what was meant is refused, and so is what does not arrive.
my $session = $hub->session('clinic');
my $other = recipe(qr/host=north/) =~ s/model, version\), sha256/'unet'), sha256/r;
like($session->query($other), qr/ERROR:  XX001: these weights have the SHA-256 \w+, which is not weights_sha256/,
	'other weights are refused');
$north->stop('immediate');
like($session->query(recipe(qr/host=north/)),
	qr/ERROR:  08001: .*\nDETAIL:  connection to server .*\Q@{[$north->host]}\E/,
	'a server that is down is an error that names it');
is($hub->sql('clinic', q{SELECT versions FROM lesion_models WHERE model = 'net'}), 1, '... and nothing came');
$north->start;
like($session->query(recipe(qr/host=north/)), qr/^2$/, '... and the same call works when it is back');
done_testing();
