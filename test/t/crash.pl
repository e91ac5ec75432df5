# crash.pl: a server process killed in the middle of a training leaves
# nothing half-written, and the server comes back by itself.
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
done_testing();
