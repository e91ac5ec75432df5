# idle.pl: between two calls the pool's threads sleep. libgomp's own default
# keeps them looking for work for 10 ms and more after every call
# (src/pg/module.c), which shows in their CPU time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive);
use Test::More;
use Time::HiRes qw(sleep);

my $calls = 20;
my $database = 'tap_idle';
fresh_database($database);
fill_archive($database, 8, 32);
run_sql($database, q{SELECT lesion_train('archive', 'net', 1, architecture => 'unet', image_size => 32, batch_size => 4,
	config => '{"base": 4, "depth": 1}')});

# Milliseconds of CPU that the threads of a process besides its first have used.
sub pool_milliseconds {
	my ($pid) = @_;
	my $sum = 0;
	for my $task (grep { !m{/$pid$} } glob "/proc/$pid/task/*") {
		open my $file, '<', "$task/schedstat" or next;
		my ($nanoseconds) = split ' ', <$file>;
		$sum += $nanoseconds / 1e6;
	}
	return $sum;
}

my $session = Session->new($database);
my $segment = q{SELECT length(lesion_segment(image, 'net')) FROM archive LIMIT 1};
$session->query('SET lesionseg.threads = 2');
$session->query($segment);
sleep 0.1;
my @threads = glob '/proc/' . $session->pid . '/task/*';
cmp_ok(scalar @threads, '>', 1, 'the session has a pool');

my $before = pool_milliseconds($session->pid);
for (1 .. $calls) {
	$session->query($segment);
	sleep 0.05;
}
my $used = (pool_milliseconds($session->pid) - $before) / $calls;
cmp_ok($used, '<', 4, 'and it sleeps soon after a call');
diag(sprintf 'pool: %.2f ms of CPU per call', $used);
$session->quit;
done_testing;
