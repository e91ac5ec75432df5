# crash.pl: a server process killed in the middle of a training leaves
# nothing half-written, and the server comes back by itself. Functions that are
# called where no snapshot is active do not end it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive kill_session);
use Test::More;

my $database = 'tap_crash';
fresh_database($database);
fill_archive($database, 24, 96);

my $train = q{lesion_train('archive', 'net', architecture => 'unet', epochs => %d, image_size => 96, batch_size => 4,
	id_column => 'id', config => '{"base": 8, "depth": 3}')};
my $state = q{SELECT (SELECT string_agg(m::text, ' ' ORDER BY model) FROM lesion_models m)
	|| (SELECT count(*) FROM lesion_run) || '/'
	|| (SELECT count(*) FROM lesion_epoch) || '/' || (SELECT count(*) FROM lesion_version) || '/'
	|| (SELECT count(*) FROM lesion_evaluation) || '/' || (SELECT count(*) FROM lesion_promotion)};

run_sql($database, 'SELECT ' . sprintf($train, 2));
my $before = run_sql($database, $state);
my $masks = q{SELECT md5(string_agg(lesion_segment(image, 'net'), '' ORDER BY id)) FROM archive};
my $digest = run_sql($database, $masks);

my $session = Session->new($database);
$session->start('SELECT ' . sprintf($train, 1000));
$session->wait_for(qr/NOTICE.*epoch/i);
ok(kill_session($session), 'a training process is killed, the server comes back');
is(run_sql($database, $state), $before, 'no row was left or changed');
is(run_sql($database, $masks), $digest, 'the model gives the same masks as before');
is(run_sql($database, 'SELECT (' . sprintf($train, 1) . ').version'), '2', 'training works again');

# PL/pgSQL checks a domain when it enters a block, after a COMMIT without a snapshot.
my $image = run_sql($database, q{SELECT quote_literal(encode(image, 'hex')) FROM archive ORDER BY id LIMIT 1});
$image = "decode($image, 'hex')";
my $pin = run_sql($database,
	q{SELECT lesion_pin(encode(sha256, 'hex')) FROM lesion_version WHERE model = 'unet' LIMIT 1});
my %calls = (
	lesion_segment => "lesion_segment($image, 'net')",
	lesion_segment_detail => "(lesion_segment_detail($image, 'net')).mask",
	lesion_segment_version => "(lesion_segment_version($image, 'net', 1)).mask",
	lesion_segment_by_pin => "lesion_segment_by_pin($image, '$pin')",
);
for my $name (sort keys %calls) {
	run_sql($database, "CREATE DOMAIN checked_$name AS bytea CHECK (VALUE IS NOT NULL OR $calls{$name} IS NOT NULL)");
	run_sql($database, "DO \$\$ BEGIN COMMIT; DECLARE x checked_$name; BEGIN END; END \$\$");
	is(run_sql($database, 'SELECT 1'), '1', "$name where no snapshot is active");
}
done_testing();
